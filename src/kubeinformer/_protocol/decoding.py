"""Strict decoding: translates msgspec's exceptions to this library's errors, and checks what msgspec does not check.

Rules. All bytes from a server are decoded by `decode`. Bytes that will be kept are also checked by `check_utf8`. A
message never quotes the data (it may be a Secret), and no exception of msgspec is chained: a UnicodeDecodeError holds
the whole input, and would show it to any logger that prints its repr.

Theory. These facts were found by experiments with msgspec 0.22, and tests pin each of them:

- Values that are skipped, or kept as `msgspec.Raw`, are fully checked for JSON's grammar, lone surrogate escapes
  included, but **not for UTF-8**. Without `check_utf8`, broken bytes would reach the store. The error would then occur
  much later, when somebody reads the object.
- Numbers that are skipped may have any size (a thousand digits, 1e400): they remain the text that the server sent.
- If a key occurs more than once, the last one counts, as for `json.loads`.
- Nesting is limited by the interpreter, not by msgspec, and reported as RecursionError. The limit is about 950 levels
  on Python 3.11 (``sys.getrecursionlimit()`` minus the depth of the caller), and several thousand from 3.12 on, where C
  code has a limit of its own. A limit of this library would have to count brackets. That would cost as much as the
  decoding (4.6 µs for 5 KB on 3.11), for objects that do not occur in practice. Both ways to read a list refuse such
  objects here, with an error that says so.
"""

import codecs
from typing import TypeAlias, TypeVar

import msgspec

from kubeinformer.errors import MalformedData, ProtocolError, WrongKind

__all__ = ["Data", "check_utf8", "decode"]

T = TypeVar("T")
Data: TypeAlias = bytes | bytearray | memoryview | msgspec.Raw

# str(data, "utf-8") makes a str of up to four times the size. With slices of 64 KiB, this stays below 256 KiB even for
# an object of 10 MB, and is equally fast.
_SLICE = 65_536


def decode(decoder: msgspec.json.Decoder[T], data: Data, resource: str, position: int | None, what: str) -> T:
    """Decode, with errors that name the resource.

    Args:
        decoder: The decoder for the expected type.
        data: One JSON value.
        resource: The resource that is being read.
        position: Where ``data`` starts in the decoded body; None if unknown.
        what: What ``data`` should be, such as "an object" or "a watch event". The message begins with it.

    Raises:
        MalformedData: Not JSON, not UTF-8, or nested too deeply.
        WrongKind: JSON of another shape.
    """
    failure: ProtocolError
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:  # names types and our own fields, never values
        failure = WrongKind(resource, f"{what} should be here, but {error}", position)
    except msgspec.DecodeError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        failure = MalformedData(resource, f"{what} that is not JSON: {reason}", position)
    except UnicodeDecodeError:
        failure = MalformedData(resource, f"{what} with a string that is not UTF-8", position)
    except RecursionError:
        failure = MalformedData(resource, f"{what} that is nested more deeply than this Python can decode", position)
    raise failure  # here and not above, so that an exception of msgspec does not become the __context__ either


def check_utf8(data: Data, resource: str, position: int | None) -> None:
    """Check the encoding, which msgspec does not do in values that it skips. About 20 GB/s for ASCII, else 1 GB/s.

    Args:
        data: Bytes that will be kept.
        resource: The resource that is being read.
        position: Where ``data`` starts in the decoded body; None if unknown.

    Raises:
        MalformedData: It is not UTF-8. Encoded surrogates are not UTF-8 either (RFC 3629 section 3).
    """
    if isinstance(data, (bytes, bytearray)) and data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(data) as view:
        try:
            for start in range(0, len(view), _SLICE):
                decoder.decode(view[start : start + _SLICE])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return
    raise MalformedData(resource, "bytes that are not UTF-8", position)
