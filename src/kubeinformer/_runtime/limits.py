"""Sizes, in bytes, that limit what one informer may hold in addition to its store."""

from dataclasses import dataclass

from kubeinformer._protocol.pages import PAGE_BUDGET

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one informer's working memory.

    Attributes:
        object_size: The largest object accepted, in bytes of JSON. etcd's default limit is 1.5 MiB. Some servers allow
            10 MB, and the JSON may be larger than what is stored.
        page: How many bytes of a list body are held in memory. A larger body is parsed while it arrives.
    """

    object_size: int = 32 * 2**20
    page: int = PAGE_BUDGET

    def __post_init__(self) -> None:
        for argument, value in (("object_size_limit", self.object_size), ("page_budget", self.page)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{argument}={value!r} must be a whole number of bytes, at least 1")
