"""A mapping in a kubeconfig, and how its values are read.

Rules. Each value is read with the type that it must have. An error says where the value is and what it should be, but
never what it is. No value is a variable of a frame that such an error passes.
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
    """One mapping of a file, and where it is. Its repr leaves out the values, which may be secrets."""

    values: Mapping[str, Any] = field(repr=False)
    where: str
    file: Path

    def text(self, name: str) -> str | None:
        """A string; None if it is missing or empty.

        Raises:
            ConfigError: It is something else. Numbers are accepted, because YAML turns unquoted tokens and passwords
                into numbers.
        """
        if isinstance(self.values.get(name), (dict, list, bool)):
            raise ConfigError(f"{self.where}: {name} must be text")
        value = self.values.get(name)
        return None if value is None or value == "" else str(value)

    def secret(self, name: str) -> str | None:
        """As `text`, for values that the variables of a frame must not show."""
        value = self.text(name)
        return None if value is None else Secret(value)

    def path(self, name: str) -> str | None:
        """A path, made absolute."""
        value = self.text(name)
        return None if value is None else str(self.file.absolute().parent / value)

    def flag(self, name: str) -> bool:
        """A boolean; False if it is missing."""
        if self.values.get(name) not in (None, True, False):
            raise ConfigError(f"{self.where}: {name} must be true or false")
        return bool(self.values.get(name))

    def pem(self, name: str) -> str | None:
        """PEM text that is encoded as base64, decoded."""
        value = self.secret(name)
        if value is None:
            return None
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode("".join(value.split()), validate=True).decode("ascii")
        # Raised here, so that a UnicodeDecodeError, which holds the bytes, is not the context.
        raise ConfigError(f"{self.where}: {name} is not base64 of PEM text")

    def section(self, name: str) -> "Section | None":
        """A mapping inside of this one; None if it is missing."""
        if not isinstance(self.values.get(name), (dict, type(None))):
            raise ConfigError(f"{self.where}: {name} must be a mapping")
        value = self.values.get(name)
        return None if value is None else Section(value, f"{self.where}.{name}", self.file)

    def list(self, name: str) -> "Sequence[Any]":
        """A list; empty if it is missing."""
        if not isinstance(self.values.get(name), (list, type(None))):
            raise ConfigError(f"{self.where}: {name} must be a list")
        return self.values.get(name) or ()

    def named(self, name: str) -> "Iterator[tuple[str, Section]]":
        """The content of a list of ``{name: …, cluster: …}``, by name. `name` is the plural, such as ``clusters``."""
        for number in range(len(self.list(name))):
            where = f"{self.where}: {name}[{number}]"
            if not has_name(self.list(name)[number]):
                raise ConfigError(f"{where} must be a mapping with a name")
            item = Section(self.list(name)[number], where, self.file)
            yield item.values["name"], item.section(name.removesuffix("s")) or Section({}, where, self.file)


def has_name(item: object) -> bool:
    """Whether an entry of a list is a mapping with a name."""
    return isinstance(item, dict) and isinstance(item.get("name"), str)
