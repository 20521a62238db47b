"""Stores the objects and their history."""
