"""Exceptions of functions that users gave: indexers, transforms, models.

Rules. Such an exception is the cause of one of ours, with the frames of the user's own function, and without the frame
that called it: that one has the whole object among its variables, which error reporters print. What the user's frames
show is the user's.
"""

__all__ = ["keep_their_frames"]


def keep_their_frames(error: Exception) -> None:
    """Leave the traceback as it was when the exception left the user's function; for the frame that called it."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
