"""What the bytes of an API server mean, without I/O, clock or randomness.

::

    bytes → gzip → frames (watch) | pages (list) → watch_events, status → identity → the list-watch machine

Each module takes the output of the one before it, and can be tested with a byte string. Whatever a server sends, only
`kubeinformer.errors` leave this package. They name the resource, and they never quote an object, which may be a Secret.
"""
