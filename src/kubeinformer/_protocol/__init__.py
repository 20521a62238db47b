"""What the bytes of an API server mean, without I/O, clock or randomness.

::

    bytes → gzip → frames (watch) | pages (list) → watch_events, status → identity → the list-watch machine

Each module takes what the one before it gives, and can be tested with a byte string. Whatever a server sends, only
`kubeinformer.errors` leave this package, they name the resource, and they never quote an object: it may be a Secret.
"""
