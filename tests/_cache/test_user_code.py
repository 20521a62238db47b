import traceback

from kubeinformer._cache.user_code import keep_their_frames


def theirs(_: object) -> None:
    raise LookupError


def caught() -> Exception:
    secret = "hunter2"
    try:
        theirs(secret)
    except LookupError as error:
        return error
    raise AssertionError


def test_the_frames_of_the_users_function_stay_and_the_callers_goes() -> None:
    error = caught()
    keep_their_frames(error)
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["theirs"]


def test_an_exception_that_was_never_raised_has_none() -> None:
    error = LookupError()
    keep_their_frames(error)
    assert error.__traceback__ is None
