"""Which key is next: the work queue, its schedule without I/O, and the delays after failures."""
