"""Sockets, HTTP, and how bodies are sent."""
