"""Checks that the informers and mappers which a controller is given are what they should be.

Rules. Types catch most mistakes, but not everybody checks types. So what cannot work is refused where it was written.
Otherwise it would fail later with an AttributeError from inside, or once for each event.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

from kubeinformer import Cluster, Informer, UsageError
from kubeinformer.controller._intake.mapping import Mapper, UserMapping
from kubeinformer.controller._intake.predicates import Filtered

__all__ = ["Source", "as_owned", "as_watched", "require_informer"]

Source: TypeAlias = Informer[Any] | Filtered[Any]
"""An informer, or an informer of which only some events count."""


def require_informer(what: str, given: object) -> None:
    """Refuse anything that is not an informer.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(given, Informer):
        raise UsageError(f"{what} is {_kind(given)}: give an informer, as of cluster.informer(...)")


def as_owned(owns: Sequence[Source], cluster: Cluster) -> list[Filtered[Any]]:
    """Check what ``owns=`` was given.

    Args:
        owns: As given.
        cluster: The cluster of the primary informer.

    Raises:
        UsageError: One of them is not an informer, is of another cluster, or keeps no owner references.
    """
    sources = [_filtered("owns=", source) for source in _listed("owns=", owns)]
    for source in sources:
        informer = source.informer
        if informer.cluster is not cluster:
            raise UsageError(
                f"owns= has an informer for {informer.resource} of another cluster, where nothing can be owned from "
                "here; take the same cluster's, or watches= with a mapper"
            )
        if not informer.keeps_metadata:
            raise UsageError(
                f'owns= needs the owner references of {informer.resource}, and retain="keys" keeps none; '
                'take "metadata"'
            )
    return sources


def as_watched(watches: Sequence[tuple[Source, Mapper[Any]]]) -> list[tuple[Filtered[Any], UserMapping]]:
    """Check what ``watches=`` was given.

    Raises:
        UsageError: One of them is not a pair of an informer and a plain function.
    """
    pairs = _listed("watches=", watches)
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(cast("tuple[object, ...]", pair)) == 2):  # noqa: PLR2004 - a pair
            raise UsageError(f"watches= has an entry {_kind(pair)}: give pairs, as [(informer, mapper)]")
    return [(_filtered("watches=", source), UserMapping(mapper)) for source, mapper in watches]


def _listed(what: str, given: object) -> Iterable[object]:
    if not isinstance(given, list | tuple):
        raise UsageError(f"{what} is {_kind(given)}: give a list")
    return cast("Iterable[object]", given)


def _filtered(what: str, source: object) -> Filtered[Any]:
    if isinstance(source, Filtered):
        return source
    require_informer(f"an entry of {what}", source)
    return Filtered(cast("Informer[Any]", source))


def _kind(given: object) -> str:
    return f"of type {type(given).__name__}"
