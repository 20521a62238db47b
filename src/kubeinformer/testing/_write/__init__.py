"""What writes mean: rules, creations, changes, deletions, definitions, garbage."""
