"""Every waiting time of the list-watch machine, with where each number comes from.

All are seconds. Tests hand in shorter ones instead of sleeping; users seldom need to.
"""

from dataclasses import dataclass

__all__ = ["Timing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the machine waits for what. All values are seconds but ``initial_failure_limit``.

    Attributes:
        backoff_first: Upper bound of the first delay; each further failure doubles it (client-go's reflector: 0.8).
        backoff_limit: Upper bound of any delay (client-go: 30).
        healthy_after: A stream that lived this long starts the delays over (client-go: 120).
        watch_timeout: Least and most of the random ``timeoutSeconds`` that a watch asks for (client-go: 300..600).
        initial_silence: Silence after which an initial stream or a list is taken for dead, and any answer that has
            not begun. In it objects come back to back, so this is generous; the precedent is the API server's own
            60 s request timeout. The body of a refusal is read for as long at most.
        initial_progress: Time without a new object after which an initial stream is taken for one that will
            never end: a server that ignores ``sendInitialEvents`` sends live events but no end bookmark.
        list_timeout: Time after which a list answer is given up although bytes come. API servers end their own lists
            after 60 s (``--request-timeout``), so what still drips then comes from something between.
        initial_failure_limit: Broken initial streams in a row after which pages are used instead.
        read_margin: What a live stream may last, in silence or not, beyond its own ``timeoutSeconds`` (kube-rs: 5;
            the server may need some to close a stream under load).
        bookmark_patience: Once two bookmarks have been seen, how many of their intervals may pass in silence.
        shortest_read_deadline: Lower bound of the above: bookmarks can come in a burst.
        proof_after: Silence after which the server is asked whether it has reached a position at all, before a watch
            goes on from there: it may have been restored from a backup. The fastest restore seen, of a small etcd
            and an API server on one machine, took 1.6.
        paged_for: How long a refused watch-list is remembered (an upgraded server should be noticed).
        probe_first: First delay between probes for a resource that does not exist; doubles.
        probe_limit: Longest delay between such probes.
    """

    backoff_first: float = 0.8
    backoff_limit: float = 30.0
    healthy_after: float = 120.0
    watch_timeout: tuple[int, int] = (300, 600)
    initial_silence: float = 60.0
    initial_progress: float = 60.0
    list_timeout: float = 300.0
    initial_failure_limit: int = 3
    read_margin: float = 15.0
    bookmark_patience: float = 3.0
    shortest_read_deadline: float = 30.0
    proof_after: float = 1.0
    paged_for: float = 600.0
    probe_first: float = 30.0
    probe_limit: float = 300.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            for number in _numbers(getattr(self, name)):
                if not number > 0:
                    raise ValueError(f"Timing.{name} must be greater than 0 seconds, got {number!r}")
        if self.watch_timeout[0] > self.watch_timeout[1]:
            raise ValueError(f"Timing.watch_timeout must be (least, most), got {self.watch_timeout!r}")


def _numbers(value: float | tuple[int, int]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)
