"""Patches as pure functions: merge patch, JSON patch, strategic merge patch, and apply with the owners of fields."""
