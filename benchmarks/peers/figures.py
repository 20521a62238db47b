"""What one client cost once, and the same over several rounds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

__all__ = ["Figures", "over_rounds"]


@dataclass(slots=True, kw_only=True)
class Figures:
    """One run. What was not measured is None; what went wrong is said in ``error``, and the rest is kept.

    Attributes:
        seconds: From the first request until all objects are held.
        first_seconds: From the first request until the first object has reached the client's user.
        cpu_seconds: Of the client's process, over the same time as ``seconds``.
        peak_mb: The most physical memory of the whole process until then; at its end if it was ended.
        steady_mb: Its physical memory two seconds later.
        server_before_mb: Physical memory of the API server before the first request.
        server_peak_mb: The most physical memory of the API server during the sync.
        resync_seconds: From the request that reads everything again until the last object was compared.
        resync_peak_mb: The most physical memory of the client during the resync.
    """

    client: str
    pods: int
    error: str | None = None
    objects: int | None = None
    seconds: float | None = None
    first_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mb: float | None = None
    steady_mb: float | None = None
    server_before_mb: float | None = None
    server_peak_mb: float | None = None
    resync_seconds: float | None = None
    resync_cpu: float | None = None
    resync_peak_mb: float | None = None


def over_rounds(rounds: Iterable[Figures]) -> list[Figures]:
    """One row for each client and size, in the order of their first runs."""
    rows: dict[tuple[int, str], list[Figures]] = {}
    for figures in rounds:
        rows.setdefault((figures.pods, figures.client), []).append(figures)
    return [_merged(row) for row in rows.values()]


def _merged(row: Sequence[Figures]) -> Figures:
    """Medians of times and steady memory, the worst of peaks, and the first error of any round."""
    merged = Figures(client=row[0].client, pods=row[0].pods, objects=row[0].objects)
    merged.error = next((figures.error for figures in row if figures.error), None)
    for field in fields(Figures):
        if field.name in ("client", "pods", "objects", "error"):
            continue
        values = [value for figures in row if (value := getattr(figures, field.name)) is not None]
        if values:
            pick = max if field.name.endswith("peak_mb") else statistics.median
            setattr(merged, field.name, round(pick(values), 3))
    return merged
