"""Where objects and their history are."""
