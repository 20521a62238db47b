"""What writes mean: rules, creations, changes, deletions, definitions of resources, garbage collection."""
