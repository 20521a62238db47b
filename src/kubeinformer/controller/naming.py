"""What to call a function of a user's in errors and logs."""

import functools

__all__ = ["name_of"]


def name_of(function: object) -> str:
    """The function's name; that of the function inside a partial; the class's for other callables."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)
