"""Lists, watches, discovery, and the forms in which they go out."""
