"""Generated objects: synthetic collections of any size, and random changes."""
