"""Describes resources: kind and scope, the fields that selectors may use, how lists are merged, schemas."""
