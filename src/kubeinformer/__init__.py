"""kubeinformer."""
