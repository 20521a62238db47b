"""One request from its path to its answer: who, what, may they."""
