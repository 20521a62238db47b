"""What a reader knows after the events it got, and everything that it should not have been told.

Rules. `Added` is about a key that is not known, `Updated` and `Deleted` about one that is, with the state that this
reader saw last. Versions of a key only grow: those of a key's next object too, because all of a resource's come from
one count. `Synced` comes once. Whatever breaks a rule is noted, and the fold goes on.
"""

from collections.abc import Callable

from tests.e2e.chaos.collections import Json, Seen, State, seen

from kubeinformer import Added, Deleted, Event, Store, Synced, Updated


class Fold:
    """One reader's view, from its first event on.

    Args:
        name: Names the reader in notes.
        note: Takes each broken rule.
    """

    def __init__(self, name: str, note: Callable[[str], None]) -> None:
        self._name = name
        self._note = note
        self._highest: dict[str, int] = {}  # by key, and kept when the object goes
        self.state: State = {}
        self.events = 0
        self.is_synced = False

    def take(self, event: Event[Json]) -> None:
        """Fold one more event in."""
        self.events += 1
        match event:
            case Added(key=key, object=item):
                if key in self.state:
                    self._wrong(key, f"Added again: had {self.state[key]}, got {seen(item)}")
                self._advance(key, seen(item))
                self.state[key] = seen(item)
            case Updated(key=key, old=old, object=item):
                self._check_known(key, seen(old), "Updated from")
                if seen(old).uid != seen(item).uid:
                    self._wrong(key, f"Updated to another object: from {seen(old)} to {seen(item)}")
                self._advance(key, seen(item))
                self.state[key] = seen(item)
            case Deleted(key=key, object=last):
                self._delete(key, seen(last))
            case Synced():
                if self.is_synced:
                    self._note(f"{self._name}: Synced twice")
                self.is_synced = True

    def compare(self, store: Store[Json]) -> None:
        """Nothing is pending for this reader: its fold must be the store, whatever the server is going through."""
        held = {key: store.metadata(key) or {} for key in store.keys()}  # noqa: SIM118 - a store is no mapping
        versions = {key: (each["uid"], each["resourceVersion"]) for key, each in held.items()}
        mine = {key: (each.uid, each.version) for key, each in self.state.items()}
        for key in sorted(key for key in versions.keys() | mine.keys() if versions.get(key) != mine.get(key)):
            self._wrong(key, f"the fold has {mine.get(key)}, the store {versions.get(key)}")

    def _delete(self, key: str, last: Seen) -> None:
        known = self.state.pop(key, None)
        if known is None:
            self._wrong(key, f"Deleted, and was not known: {last}")
        elif known.uid != last.uid:
            self._wrong(key, f"Deleted as another object: had {known}, got {last}")
        if int(last.version) < self._highest.get(key, 0):
            self._wrong(key, f"Deleted at {last.version}, after {self._highest[key]}")
        self._highest[key] = max(int(last.version), self._highest.get(key, 0))

    def _check_known(self, key: str, old: Seen, how: str) -> None:
        if self.state.get(key) != old:
            self._wrong(key, f"{how} {old}, but had {self.state.get(key)}")

    def _advance(self, key: str, new: Seen) -> None:
        if int(new.version) <= self._highest.get(key, 0):
            self._wrong(key, f"version {new.version} after {self._highest[key]}")
        self._highest[key] = max(int(new.version), self._highest.get(key, 0))

    def _wrong(self, key: str, what: str) -> None:
        self._note(f"{self._name}: {key}: {what}")
