"""All waiting times of the list-watch machine, and where each number comes from.

They are in seconds. Tests pass shorter ones instead of sleeping; users rarely need to change them.
"""

from dataclasses import dataclass

__all__ = ["Timing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long an informer waits in each situation.

    In seconds, except ``initial_failure_limit`` and ``bookmark_patience``, which are numbers.

    Attributes:
        backoff_first: Upper bound of the first delay after a failure; each further failure doubles it (client-go's
            reflector: 0.8).
        backoff_limit: Upper bound of all delays (client-go: 30).
        healthy_after: After a stream that lasted this long, the delays start again with the first one (client-go:
            120).
        watch_timeout: Minimum and maximum of the random ``timeoutSeconds`` of a watch request (client-go: 300..600).
        initial_silence: The connection counts as dead if the answer does not start in this time, or if an initial
            stream or a list is silent for this long. Objects arrive there without pauses, so this is generous; it
            equals the API server's own request timeout of 60 s. The body of a refusal is also read for at most this
            long.
        initial_progress: An initial stream is given up after this time without a new object, because it may never
            end: a server that ignores ``sendInitialEvents`` sends live events but no end bookmark.
        list_timeout: A list is given up after this time, even if bytes still arrive. API servers end their own lists
            after 60 s (``--request-timeout``), so bytes after that come from a proxy or the like.
        initial_failure_limit: After this number of broken initial streams in a row, paged lists are used instead.
        read_margin: How much longer than its own ``timeoutSeconds`` a live stream may last, silent or not (kube-rs: 5;
            under load, the server may need some time to close a stream).
        bookmark_patience: When two bookmarks have arrived, the number of bookmark intervals that a live stream may be
            silent.
        shortest_read_deadline: Lower bound of the time that follows from ``bookmark_patience``, because bookmarks can
            arrive in a burst.
        proof_after: After this time without news, the server is asked whether it has reached the position at all,
            before a watch continues from there, because it may have been restored from a backup. Restores of a small
            etcd and an API server, on one machine, took 1.1 to 1.6.
        paged_for: How long a refused watch-list is remembered. After that it is tried again, because the server may
            have been upgraded.
        probe_first: First delay between requests for a resource that does not exist; it doubles each time.
        probe_limit: Longest delay between these requests.
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
