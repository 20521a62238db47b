import functools

from kubeinformer.controller.naming import name_of


def function() -> None: ...


class Callable:
    def __call__(self) -> None: ...

    def method(self) -> None: ...


def test_functions_are_called_by_their_names() -> None:
    assert name_of(function) == "function"
    assert name_of(functools.partial(functools.partial(function))) == "function"
    assert name_of(Callable().method) == "Callable.method"


def test_other_callables_are_called_by_their_class() -> None:
    assert name_of(Callable()) == "Callable"
