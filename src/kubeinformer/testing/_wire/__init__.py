"""Sockets, HTTP, and how bodies go out."""
