"""Which key is next: the work queue, its pure schedule, and what failures cost."""
