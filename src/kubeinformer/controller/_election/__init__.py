"""Of several processes one leads: the election, and behind it what may be written, in what order, and how."""
