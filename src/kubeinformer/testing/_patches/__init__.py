"""Patches as pure functions: merge, JSON, strategic, and apply with who owns which field."""
