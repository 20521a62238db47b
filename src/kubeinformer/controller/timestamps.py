"""Times in the format of the API server: RFC 3339 in UTC, with seconds or microseconds."""

import datetime as dt

__all__ = ["micro_time", "second_time", "utc_now"]


def utc_now() -> dt.datetime:
    """The wall clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def micro_time(moment: dt.datetime) -> str:
    """As ``metav1.MicroTime``: always with six decimals. The server refuses a lease whose times have none."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second_time(moment: dt.datetime) -> str:
    """As ``metav1.Time``: whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
