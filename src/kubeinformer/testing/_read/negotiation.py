"""The form of the answer that a client accepts: its Accept header, read as a real server reads it.

Rules. Pure. The clauses are tried in the order of their ``q``. Equal ones are tried as they are written, with wildcards
last. The first one that can be served wins; if none can, the answer is a 406. If the form in a clause does not exist,
the next clause is tried. But if the form exists and does not fit this kind of answer (a list as
``PartialObjectMetadata``), the answer is a 406.

Theory. A real server reads the header twice. Its router requires a media type that it knows, or ``*/*``, somewhere in
the header; ``application/*`` alone is not enough. Only then do the clauses count.

Not here. Everything except JSON: protobuf, CBOR and YAML are skipped, so alone they are a 406.

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
    """The type that an object is converted to before it is sent: kind and ``apiVersion``, both empty for none."""

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
    """Find the form of the answer: plain JSON, or one of these.

    Raises:
        FakeApiError: 406: nothing in the header can be served.
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
    """Find the form for objects: a list, or single objects, as in a GET or in the events of a watch.

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
