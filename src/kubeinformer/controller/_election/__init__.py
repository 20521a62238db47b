"""Leader election: of several processes one leads. The election, and below it what may be written, when, and how."""
