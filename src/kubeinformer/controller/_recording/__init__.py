"""Events for people: the recorder, and behind it what becomes a request and what an Event looks like."""
