"""Lists, watches, discovery, and the forms in which their objects are sent."""
