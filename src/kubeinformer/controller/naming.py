"""How errors and logs name a function of the user."""

import functools

__all__ = ["name_of"]


def name_of(function: object) -> str:
    """Return the name of the function, of the function inside a partial, or of the class of another callable."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)
