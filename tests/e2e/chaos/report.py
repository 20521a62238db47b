"""The figures of one run, and whether they are good."""

import json
import os
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.e2e.chaos.quiet import Outcome

_MOST_DIFFERENCES = 20  # shown; all are counted


@dataclass
class Report:
    """What a run did and what came of it. All times are seconds.

    Attributes:
        seed: Replays the plan.
        planned_seconds: What was asked for; ``seconds`` is what the run took.
        server, python: Versions.
        load: The machine's load average over the last 5 minutes, at the end.
        quiet_points: At each of which everything was compared with the server.
        changes: The writer's requests by kind: asked, acknowledged, and failed by why.
        calm_rate: Changes acknowledged a second while the servers were left alone, median.
        faults: Made, by kind.
        connections: That the wire carried.
        informers: What each informer counted.
        delivered: Events that readers got, by kind of reader.
        visits: Of the readers that come and go.
        looks: Comparisons of an up-to-date fold with its store, amid trouble.
        longest_to_served: From the end of trouble until the server answered again.
        longest_to_cached: Until the server's own watch cache had the final state, which feeds all watches.
        longest_to_equal: From the end of trouble until the store equalled the server's list and its stream was live.
        longest_behind: From when the server's watch cache had it until the store did and its stream was live.
        longest_to_folded: Until its slowest reader's fold did too.
        longest_flow: From one more change at a quiet point until every reader had it.
        events_lost: Keys whose final state a reader never showed, over all readers.
        differences: The first of those, and of stores' keys.
        late: Informers that were not equal and live within two minutes, or one of their readers was not.
        lost_by_server: Acknowledged changes that the server's list had not: a fault of the rig.
        violations: Everything that broke a rule: events, order, log, tasks.
        warnings: What the library logged, by message and error.
        tasks_left, sockets_left: In the client after its scopes ended.
        peak_rss_mb: The client's VmHWM: four informers, twelve readers, their folds, and Python.
    """

    seed: int
    planned_seconds: float
    seconds: float = 0.0
    server: str = ""
    python: str = platform.python_version()
    load: float = 0.0
    quiet_points: int = 0
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    calm_rate: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    informers: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    visits: int = 0
    looks: int = 0
    longest_to_served: float = 0.0
    longest_to_cached: dict[str, float] = field(default_factory=dict)
    longest_to_equal: dict[str, float] = field(default_factory=dict)
    longest_behind: dict[str, float] = field(default_factory=dict)
    longest_to_folded: dict[str, float] = field(default_factory=dict)
    longest_flow: float = 0.0
    events_lost: int = 0
    differences: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    lost_by_server: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    violation_count: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    tasks_left: int = 0
    sockets_left: int = 0
    peak_rss_mb: float = 0.0

    def quiet(self, outcome: Outcome) -> None:
        """Take in the outcome of a quiet point."""
        self.quiet_points += 1
        self.longest_to_served = max(self.longest_to_served, round(outcome.served, 2))
        _longest(self.longest_to_cached, outcome.cached)
        _longest(self.longest_to_equal, outcome.recovered)
        behind = {name: seconds - outcome.cached[name] for name, seconds in outcome.recovered.items()}
        _longest(self.longest_behind, behind)
        _longest(self.longest_to_folded, outcome.folded)
        self._unequal(outcome)

    def flow(self, outcome: Outcome) -> None:
        """Take in how the changes arrived that were made when all was quiet."""
        self.longest_flow = max(self.longest_flow, *(round(seconds, 2) for seconds in outcome.folded.values()))
        self._unequal(outcome)

    def client(self, said: dict[str, Any]) -> None:
        """Take in what the client said at its end."""
        self.informers = said.pop("informers")
        delivered: Counter[str] = Counter()
        for counted in self.informers.values():
            delivered.update(counted["delivered"])
            self.visits += counted["visits"]
            self.looks += counted["looks"]
        self.delivered = dict(delivered)
        for name, value in said.items():
            setattr(self, name, value)

    def problems(self) -> list[str]:
        """All that is not as it should be; empty for a good run."""
        left = [f"{self.tasks_left} tasks left"] * bool(self.tasks_left)
        left += [f"{self.sockets_left} sockets left"] * bool(self.sockets_left)
        late = [f"{name} was late" for name in self.late]
        return [*self.differences, *late, *self.lost_by_server, *self.violations, *left]

    def line(self) -> str:
        """The figures as one line of JSON."""
        self.load = round(os.getloadavg()[1], 1)
        return json.dumps(asdict(self), sort_keys=False)

    def _unequal(self, outcome: Outcome) -> None:
        self.late += outcome.late
        for side, keys in outcome.differences.items():
            if not side.endswith(" store"):
                self.events_lost += len(keys)
            for key, (wanted, found) in keys.items():
                if len(self.differences) < _MOST_DIFFERENCES:
                    self.differences.append(f"{side}: {key}: the server has {wanted}, here is {found}")


def _longest(times: dict[str, float], new: dict[str, float]) -> None:
    for name, seconds in new.items():
        times[name] = max(times.get(name, 0.0), round(seconds, 2))
