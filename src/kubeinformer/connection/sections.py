"""A mapping of a kubeconfig, and how its values are read.

Rules. Each value is asked for as what it has to be; an error says where it stands and what it should be, never what it
is. No value is a variable of a frame that such an error passes.
"""

import base64
import binascii
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubeinformer.connection.credentials import Secret
from kubeinformer.errors import ConfigError

__all__ = ["Section", "has_name"]


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of a file, and where it stands. Not a secret's keeper by its repr: the values are left out."""

    values: Mapping[str, Any] = field(repr=False)
    where: str
    file: Path

    def text(self, name: str) -> str | None:
        """A string, None when missing or empty.

        Raises:
            ConfigError: It is something else. Numbers pass: YAML makes them of unquoted tokens and passwords.
        """
        if isinstance(self.values.get(name), (dict, list, bool)):
            raise ConfigError(f"{self.where}: {name} must be text")
        value = self.values.get(name)
        return None if value is None or value == "" else str(value)

    def secret(self, name: str) -> str | None:
        """As `text`, for what a frame's variables may not show."""
        value = self.text(name)
        return None if value is None else Secret(value)

    def path(self, name: str) -> str | None:
        """A path, made absolute."""
        value = self.text(name)
        return None if value is None else str(self.file.absolute().parent / value)

    def flag(self, name: str) -> bool:
        """A boolean, False when missing."""
        if self.values.get(name) not in (None, True, False):
            raise ConfigError(f"{self.where}: {name} must be true or false")
        return bool(self.values.get(name))

    def pem(self, name: str) -> str | None:
        """Base64 of PEM, as text."""
        value = self.secret(name)
        if value is None:
            return None
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode("".join(value.split()), validate=True).decode("ascii")
        # Out here: a UnicodeDecodeError holds the bytes, and would be the context of ours.
        raise ConfigError(f"{self.where}: {name} is not base64 of PEM text")

    def section(self, name: str) -> "Section | None":
        """A mapping below, None when missing."""
        if not isinstance(self.values.get(name), (dict, type(None))):
            raise ConfigError(f"{self.where}: {name} must be a mapping")
        value = self.values.get(name)
        return None if value is None else Section(value, f"{self.where}.{name}", self.file)

    def list(self, name: str) -> "Sequence[Any]":
        """A list, empty when missing."""
        if not isinstance(self.values.get(name), (list, type(None))):
            raise ConfigError(f"{self.where}: {name} must be a list")
        return self.values.get(name) or ()

    def named(self, name: str) -> "Iterator[tuple[str, Section]]":
        """What a list of ``{name: …, cluster: …}`` holds, by name; for `name` in the plural."""
        for number in range(len(self.list(name))):
            where = f"{self.where}: {name}[{number}]"
            if not has_name(self.list(name)[number]):
                raise ConfigError(f"{where} must be a mapping with a name")
            item = Section(self.list(name)[number], where, self.file)
            yield item.values["name"], item.section(name.removesuffix("s")) or Section({}, where, self.file)


def has_name(item: object) -> bool:
    """Whether an entry of a list is a mapping that says what it is called."""
    return isinstance(item, dict) and isinstance(item.get("name"), str)
