"""Handles one request: what it is about, who sends it, whether that is allowed, and what the answer is."""
