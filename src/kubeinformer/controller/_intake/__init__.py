"""From events to keys: which events count, for which keys, and what comes again without any event."""
