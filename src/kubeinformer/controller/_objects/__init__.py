"""Helpers for the objects that controllers write: server-side apply, finalizers, owners, conditions."""
