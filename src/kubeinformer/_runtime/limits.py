"""Sizes, in bytes, that bound what one informer may hold beside its store."""

from dataclasses import dataclass

from kubeinformer._protocol.pages import PAGE_BUDGET

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one informer's working memory.

    Attributes:
        object_size: Largest object accepted, in bytes of JSON. etcd's default limit is 1.5 MiB; some servers
            allow 10 MB, and the JSON may be larger than what is stored.
        page: How much of a list body is held before it is parsed as it streams, in bytes.
    """

    object_size: int = 32 * 2**20
    page: int = PAGE_BUDGET

    def __post_init__(self) -> None:
        for argument, value in (("object_size_limit", self.object_size), ("page_budget", self.page)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{argument}={value!r} must be a whole number of bytes, at least 1")
