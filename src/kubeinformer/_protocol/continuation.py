"""Whether the pages of a list belong together, and lead on.

Rules. All pages of one list are of one version and one kind, and a continue token never leads back to where the list
has been. A server (or a proxy before two of them) that breaks one of these would make a store that was never a state of
the cluster, or a list without an end.

Theory. A token that comes back means a loop, but the pages of a list are too many to remember all their tokens. One
landmark is enough, set anew whenever the number of pages is a power of two (R. P. Brent, 1980): a loop is noticed
within three times its length, or within three times the pages before it.
"""

import msgspec

from kubeinformer._protocol.pages import PageMeta

__all__ = ["Continuation"]


class Continuation(msgspec.Struct, frozen=True):
    """Where a list of several pages stands.

    Attributes:
        token: Leads to the next page; never empty.
        version: The version of the list.
        kind: Kind and apiVersion that its first page gave for the items.
        pages: How many pages led here.
        landmark: The token of an earlier page; never empty.
    """

    token: str
    version: str
    kind: tuple[str, str]
    pages: int
    landmark: str

    @classmethod
    def after_first(cls, meta: PageMeta) -> "Continuation":
        """Where a list stands after its first page."""
        return cls(meta.continue_token, meta.resource_version, (meta.kind, meta.api_version), 1, meta.continue_token)

    def after(self, meta: PageMeta) -> "Continuation":
        """Where the list stands after one more page that is not the last."""
        pages = self.pages + 1
        is_power_of_two = pages & (pages - 1) == 0
        landmark = meta.continue_token if is_power_of_two else self.landmark
        return msgspec.structs.replace(self, token=meta.continue_token, pages=pages, landmark=landmark)

    def problem(self, meta: PageMeta) -> str | None:
        """What keeps this page from being the one that should follow, in words; None when nothing does."""
        if meta.resource_version != self.version:
            return (
                f"a later page is of version {meta.resource_version} while the first was of {self.version}: "
                "together they are no snapshot"
            )
        if (meta.kind, meta.api_version) != self.kind:
            came, expected = ("/".join(reversed(kind)) for kind in ((meta.kind, meta.api_version), self.kind))
            return f"a later page is a list of {came} while the first was one of {expected}"
        if meta.continue_token in (self.token, self.landmark):
            return f"after {self.pages + 1} pages the continue token leads back to an earlier one"
        return None
