"""One reconcile: how it is called, what it may raise, what follows from it, and how its own writes are awaited."""
