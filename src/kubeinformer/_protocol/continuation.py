"""Whether the pages of a list belong together, and lead to an end.

Rules. All pages of one list have one version and one kind, and a continue token never leads back to an earlier page. If
a server (or a proxy in front of two servers) broke these rules, the store would show a state that the cluster never
had, or the list would never end.

Theory. A token that appears again means a loop. But a list may have too many pages to remember all their tokens. One
landmark is enough, which is replaced whenever the number of pages is a power of two (R. P. Brent, 1980). A loop is
noticed within three times its length, or within three times the number of pages before it.
"""

import msgspec

from kubeinformer._protocol.pages import PageMeta

__all__ = ["Continuation"]


class Continuation(msgspec.Struct, frozen=True):
    """How far a list of several pages has been read.

    Attributes:
        token: Leads to the next page; never empty.
        version: The version of the list.
        kind: Kind and apiVersion that its first page gave for the items.
        pages: How many pages have been read.
        landmark: The token of an earlier page; never empty.
    """

    token: str
    version: str
    kind: tuple[str, str]
    pages: int
    landmark: str

    @classmethod
    def after_first(cls, meta: PageMeta) -> "Continuation":
        """The continuation after the first page."""
        return cls(meta.continue_token, meta.resource_version, (meta.kind, meta.api_version), 1, meta.continue_token)

    def after(self, meta: PageMeta) -> "Continuation":
        """The continuation after one more page that is not the last."""
        pages = self.pages + 1
        is_power_of_two = pages & (pages - 1) == 0
        landmark = meta.continue_token if is_power_of_two else self.landmark
        return msgspec.structs.replace(self, token=meta.continue_token, pages=pages, landmark=landmark)

    def problem(self, meta: PageMeta) -> str | None:
        """Why this page cannot be the one that should follow, in words; None if it can."""
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
