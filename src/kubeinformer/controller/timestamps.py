"""Times as the API server writes them: RFC 3339 in UTC, in seconds or in microseconds."""

import datetime as dt

__all__ = ["micro_time", "second_time", "utc_now"]


def utc_now() -> dt.datetime:
    """The wall clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def micro_time(moment: dt.datetime) -> str:
    """As ``metav1.MicroTime``: six digits, always. The server refuses a lease whose times have none."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second_time(moment: dt.datetime) -> str:
    """As ``metav1.Time``: whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
