"""One reconcile: how it is called, what it may raise, what follows from it, and its own writes."""
