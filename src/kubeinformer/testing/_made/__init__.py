"""Objects that are made: synthetic fleets of any number, and random changes."""
