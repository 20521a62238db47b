"""Lists: whole, paged or selected, at the newest or at an older version, sent as a stream.

Rules. The objects of a page are chosen at one moment, as references. Its bytes are made and sent piece by piece, while
writes continue. A continue token says at which version its list began, and which key comes next. To serve it, later
changes are undone (``_store.collection``). A token expires if the history no longer allows that, or if the server is
told to expire its tokens. The 410 then has a new token for the rest of the list at the newest version, as on a real
server.
"""

import base64
import binascii
import contextlib

import anyio.lowlevel
import msgspec

from kubeinformer.testing import _status
from kubeinformer.testing._read.options import ListOptions
from kubeinformer.testing._read.rendering import Rendering
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._store.collection import Collection, HistoryLost, Stored, View
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._wire.body import ListBody

__all__ = ["expired_token", "send_list"]

_BATCH = 256  # objects that are matched against a selector before other tasks get a turn


_VERSION = "meta.k8s.io/v1"  # of the format of the token


class _Token(msgspec.Struct, frozen=True):
    """The content of ``continue``. Version -1 means the newest, as on a real server."""

    rv: int
    start: str
    epoch: int
    v: str = _VERSION

    def encode(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def _decode_token(text: str) -> _Token:
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Token)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        token = None
    if token is None or token.v != _VERSION or token.rv == 0:
        raise _status.bad_request(f"invalid continue token: continue key is not valid: {text!r}")
    return token


def expired_token(text: str) -> str:
    """The same token, but expired: the server answers it with 410. Text that is not a token is returned unchanged."""
    try:
        token = _decode_token(text)
    except FakeApiError:
        return text
    return msgspec.structs.replace(token, rv=1, epoch=-1).encode()


async def send_list(
    storage: Storage, collection: Collection, options: ListOptions, rendering: Rendering, body: ListBody
) -> None:
    """Answer a list request.

    Raises:
        FakeApiError: The request is refused. Nothing has been sent yet.
    """
    selection = options.selection
    version, start, view = _open(storage, collection, options)
    wanted = options.page
    epoch = storage.token_epoch
    remaining: int | None = None
    if selection.selects_contents:
        items = await _select(options, view.items(start, selection.end))
    else:
        items = view.items(start, selection.end, None if wanted is None else wanted + 1)
        if wanted is not None and len(items) > wanted:
            remaining = view.count(start, selection.end) - wanted
    token = ""
    if wanted is not None and len(items) > wanted:
        items = items[:wanted]
        token = _Token(version, _next_key(items), epoch).encode()
    head, tail = rendering.list_parts(version, token, remaining, selection.shards)
    await body.write(head)
    separator = b""
    for _, stored in items:
        await body.write(separator + rendering.item(stored.body))
        separator = b","
    await body.write(tail)
    await body.finish()


def _open(storage: Storage, collection: Collection, options: ListOptions) -> tuple[int, str, View]:
    """Find the version of a list, its first key, and the state that it reads."""
    start = options.selection.start
    if options.token:
        if options.version:
            raise _status.bad_request("specifying resource version is not allowed when using continue")
        token = _decode_token(options.token)
        if token.rv > storage.version:
            raise _status.version_too_large(token.rv, storage.version)
        version = storage.version if token.rv == -1 else token.rv
        if token.rv == -1 or token.epoch == storage.token_epoch:
            with contextlib.suppress(HistoryLost):
                return version, max(start, token.start), View(collection, version)
        raise _status.continue_expired(_Token(-1, token.start, storage.token_epoch).encode())
    asked = options.version or 0
    if asked > storage.version:
        raise _status.version_too_large(asked, storage.version)
    version = asked if options.is_exact else storage.version
    try:
        return version, start, View(collection, version)
    except HistoryLost as lost:
        raise _status.version_expired(asked, lost.oldest) from None


def _next_key(items: list[tuple[str, Stored]]) -> str:
    return items[-1][0] + "\0"


async def _select(options: ListOptions, items: list[tuple[str, Stored]]) -> list[tuple[str, Stored]]:
    """Return the selected objects, at most one more than a page."""
    enough = len(items) if options.page is None else options.page + 1
    selected: list[tuple[str, Stored]] = []
    for index, (key, stored) in enumerate(items):
        if index % _BATCH == 0:
            await anyio.lowlevel.checkpoint()
        if options.selection.matches(key, stored):
            selected.append((key, stored))
            if len(selected) == enough:
                break
    return selected
