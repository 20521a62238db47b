"""What form of an answer a client accepts: its Accept header, read as a real server reads it.

Rules. Pure. Clauses are tried by their ``q``, equal ones in the order in which they stand, wildcards last; the first
that can be served wins, and if none can it is a 406. A form that does not exist falls through to the next clause; one
that exists but not for this kind of answer (a list as ``PartialObjectMetadata``) does not: it is a 406 as well.

Theory. A real server looks twice. Its router wants a media type that it knows, or ``*/*``, somewhere in the header;
``application/*`` alone does not get past it. Only then do the clauses count.

Not here. Everything but JSON: protobuf, CBOR and YAML are passed over, so alone they are a 406.

Source. ``apiserver/pkg/endpoints/handlers/negotiation/negotiate.go`` and goautoneg at 1.37; seen on a real server.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kubeinformer.testing import _status

__all__ = ["AGGREGATED_DISCOVERY", "PLAIN", "Form", "negotiate", "negotiate_discovery", "negotiate_object"]

_JSON = "application/json"
_PARAMETERS_OF_FORMS = frozenset({"as", "g", "v"})


@dataclass(frozen=True, slots=True)
class Form:
    """What an object is turned into before it is sent: a kind and its ``apiVersion``; empty ones for none."""

    kind: str = ""
    api_version: str = ""


PLAIN = Form()
"""The object as it is."""

AGGREGATED_DISCOVERY = Form("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")

_LIST, _ONE, _TABLE = "PartialObjectMetadataList", "PartialObjectMetadata", "Table"
_OBJECT_FORMS = tuple(
    Form(kind, f"meta.k8s.io/{version}") for kind in (_ONE, _LIST, _TABLE) for version in ("v1", "v1beta1")
)


@dataclass(frozen=True, slots=True)
class _Clause:
    media_type: str
    parameters: dict[str, str]
    quality: float

    @classmethod
    def parse(cls, text: str) -> "_Clause":
        media_type, *rest = (part.strip() for part in text.split(";"))
        parameters = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in rest)}
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        return cls(media_type, parameters, quality)

    @property
    def rank(self) -> tuple[float, bool, bool]:
        type_, _, subtype = self.media_type.partition("/")
        return -self.quality, type_ == "*", subtype == "*"

    @property
    def form(self) -> Form:
        if self.parameters.keys().isdisjoint(_PARAMETERS_OF_FORMS):
            return PLAIN
        group, version = self.parameters.get("g", ""), self.parameters.get("v", "")
        return Form(self.parameters.get("as", ""), f"{group}/{version}")


def negotiate(accept: str, forms: Iterable[Form] = ()) -> Form:
    """Find the form to answer in: plain JSON, or one of these.

    Raises:
        FakeApiError: 406, nothing in the header can be served.
    """
    if not accept:
        return PLAIN
    served = {PLAIN, *forms}
    clauses = [_Clause.parse(text) for text in accept.split(",")]
    if any(clause.media_type in {_JSON, "*/*"} for clause in clauses):
        for clause in sorted(clauses, key=lambda clause: clause.rank):
            if clause.media_type in {_JSON, "application/*", "*/*"} and clause.form in served:
                return clause.form
    raise _status.not_acceptable()


def negotiate_object(accept: str, *, is_list: bool) -> Form:
    """Find the form for objects: a list of them, or single ones as in a GET or the events of a watch.

    Raises:
        FakeApiError: 406.
    """
    form = negotiate(accept, _OBJECT_FORMS)
    if form.kind == (_ONE if is_list else _LIST):
        kind = "a list" if is_list else "not a list"
        raise _status.not_acceptable(f"you requested {form.kind}, but the requested object is {kind}")
    return form


def negotiate_discovery(accept: str) -> Form:
    """Find the form for ``/api`` and ``/apis``: plain, or aggregated.

    Raises:
        FakeApiError: 406.
    """
    return negotiate(accept, (AGGREGATED_DISCOVERY,))
