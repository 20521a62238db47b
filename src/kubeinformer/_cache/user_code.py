"""Exceptions of functions that users gave: indexers, transforms, models.

Rules. Such an exception becomes the cause of one of this library's errors. It keeps the frames of the user's function,
but not the frame that called the function: the whole object is among the variables of that frame, and error reporters
print them. What the user's own frames show is up to the user.
"""

__all__ = ["keep_their_frames"]


def keep_their_frames(error: Exception) -> None:
    """Remove the first frame of the traceback. To be called in the frame that called the user's function."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
