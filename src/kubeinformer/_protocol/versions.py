"""Comparing resource versions.

Clients must treat them as opaque, with one exception: versions of one resource compare as decimal numbers. Kubernetes
promises this since 1.35 (KEP-5504), and it is true of every earlier API server on etcd.
"""

__all__ = ["has_reached", "is_comparable", "is_earlier"]


def is_comparable(resource_version: str) -> bool:
    """Whether this is a decimal number, as Kubernetes promises."""
    return resource_version.isascii() and resource_version.isdigit()


def has_reached(current: str | None, wanted: str) -> bool:
    """Whether ``current`` is ``wanted`` or later. Versions that are not numbers are only equal to themselves."""
    if current is None:
        return False
    if is_comparable(current) and is_comparable(wanted):
        return _ordering(current) >= _ordering(wanted)
    return current == wanted


def is_earlier(resource_version: str, than: str) -> bool:
    """Whether a version is before another one. False if either of them is not a number."""
    if len(resource_version) == len(than) and resource_version >= than:
        return False  # the usual case, in a fraction of the time
    if not (is_comparable(resource_version) and is_comparable(than)):
        return False
    return _ordering(resource_version) < _ordering(than)


def _ordering(number: str) -> tuple[int, str]:
    # Not int(): it raises for more than 4,300 digits, and nothing that a server sends may raise here.
    digits = number.lstrip("0")
    return len(digits), digits
