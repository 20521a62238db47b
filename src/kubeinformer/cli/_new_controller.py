"""The command ``new-controller``: writes a small project that runs and passes its tests.

Rules. Existing files are never overwritten: the directory has to be new or empty. Everything is checked before the
first file is written. If a name cannot be used, the message says why in one line. The same name is used for Python,
Kubernetes and containers, so it follows the strictest of their rules: it is a DNS label (RFC 1123) that begins with a
letter, in the normal form of PEP 503.

The files are made from templates (``string.Template``) in ``_templates``. A template is named like the file that it
becomes, plus ``.tmpl``, so that no tool takes it for code of this project.
"""

import keyword
import re
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import anyio.to_thread

from kubeinformer import Resource
from kubeinformer.cli._ending import CommandError, Notices
from kubeinformer.cli._output import Output
from kubeinformer.cli._text import printable

__all__ = ["NewControllerOptions", "new_controller"]

_NAME = re.compile(r"[a-z](-?[a-z0-9])*")
_NAME_LIMIT = 63  # characters of a DNS label
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,58}")  # short enough to be a DNS label with "List" appended
_CRD_WORD = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")  # the plural and the version of a definition begin with a letter
_CRD_NAME_LIMIT = 253  # characters of a definition's name
_SUFFIX = ".tmpl"
_HIDDEN = {"gitignore": ".gitignore", "dockerignore": ".dockerignore"}  # build tools leave hidden files out
# Modules that the project's own files import: a package of the same name would hide them. "test" is the package of
# Python's own tests, which would be run instead; `sys.stdlib_module_names` does not contain it.
_TAKEN = frozenset({"anyio", "kubeinformer", "pytest", "tests", "src", "test"})
# Words that YAML does not read as text.
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# Endings of English plurals whose singular loses more than the "s": "policies", "classes", "boxes", "patches".
_PLURALS = ((r"ies$", "y"), (r"(s|x|z|ch|sh)es$", r"\1"), (r"s$", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewControllerOptions:
    """The command line of ``new-controller``. See its help.

    Raises:
        CommandError: A value cannot be used. The message says what to write instead.
    """

    name: str
    resource: str
    kind: str | None = None
    directory: Path | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot be used."""
        if not _NAME.fullmatch(self.name) or len(self.name) > _NAME_LIMIT:
            raise CommandError(
                f"not a name: {self.name!r}; accepted are up to {_NAME_LIMIT} lower-case letters, digits and single "
                "dashes, that begin with a letter and do not end with a dash, such as 'widget-controller'"
            )
        taken = sys.stdlib_module_names | _TAKEN | _YAML_WORDS
        if keyword.iskeyword(self.package) or self.package in taken:
            raise CommandError(
                f"the name {self.name!r} means something to Python, YAML or the project: add a word to it"
            )
        try:
            resource = Resource.parse(self.resource)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if "." not in resource.group or resource.group.endswith(".k8s.io"):
            raise CommandError(
                f"--resource {self.resource!r} is built in, and so is its controller: give one of a group of your own, "
                "such as example.com/v1/widgets"
            )
        words = (resource.plural, resource.version)
        is_long = len(f"{resource.plural}.{resource.group}") > _CRD_NAME_LIMIT
        if is_long or not all(map(_CRD_WORD.fullmatch, words)) or _YAML_WORDS.intersection(words):
            raise CommandError(f"--resource {self.resource!r} cannot be defined by a CRD: its names must be words")
        kind = self.values["kind"]
        if not _KIND.fullmatch(kind) or kind.lower() in _YAML_WORDS:
            raise CommandError(f"not a kind: {kind!r}; give --kind letters and digits, at most 59, such as 'Widget'")

    @property
    def package(self) -> str:
        """The Python package."""
        return self.name.replace("-", "_")

    @property
    def target(self) -> Path:
        """The directory to write."""
        return Path(self.name) if self.directory is None else self.directory

    @property
    def values(self) -> dict[str, str]:
        """The values for the placeholders in the templates."""
        resource = Resource.parse(self.resource)
        kind = self.kind or _singular(resource.plural).replace("-", "").capitalize()
        return {
            "name": self.name,
            "package": self.package,
            "resource": self.resource,
            "group": resource.group,
            "version": resource.version,
            "plural": resource.plural,
            "singular": kind.lower(),
            "kind": kind,
            "kubeinformer": version("kubeinformer"),
        }


async def new_controller(options: NewControllerOptions, notices: Notices) -> None:  # noqa: ARG001 - every command gets them
    """Run the command.

    Raises:
        CommandError: The directory is not empty.
        OSError: A file cannot be written.
    """
    target = options.target
    with Output() as output:  # opened before the first file is written, because it fails if nothing can be printed
        written = await anyio.to_thread.run_sync(partial(_write, options))
        output.text(f"{printable(str(target))}: {len(written)} files, a controller for {options.resource}. Next:")
        for line in (
            f"cd {printable(shlex.quote(str(target)))}",
            "pip install -e '.[dev]'",
            "pytest",
            "kubectl apply -f manifests/crd.yaml",
            f"python -m {options.package}",
        ):
            output.text(f"    {line}")
        output.flush()


def _write(options: NewControllerOptions) -> list[Path]:
    target = options.target
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CommandError(f"{target} exists and is not an empty directory: give another one with --directory")
    values = options.values
    project = {
        _destination(target, parts, options.package): Template(text).substitute(values) for parts, text in _templates()
    }
    for path, text in project.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # x: another program may write here, too
            file.write(text)
    return sorted(project)


def _templates() -> list[tuple[tuple[str, ...], str]]:
    """All templates: the parts of each path, and the text."""
    found: list[tuple[tuple[str, ...], str]] = []

    def collect(folder: Traversable, parts: tuple[str, ...]) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                collect(entry, (*parts, entry.name))
            elif entry.name.endswith(_SUFFIX):
                found.append(((*parts, entry.name), entry.read_text(encoding="utf-8")))

    collect(files("kubeinformer.cli") / "_templates" / "controller", ())
    return found


def _destination(target: Path, parts: tuple[str, ...], package: str) -> Path:
    *folders, name = parts
    name = name.removesuffix(_SUFFIX)
    if folders == ["src"]:
        folders = ["src", package]
    return target.joinpath(*folders, _HIDDEN.get(name, name))


def _singular(plural: str) -> str:
    for ending, singular in _PLURALS:
        found, count = re.subn(ending, singular, plural)
        if count and found:
            return found
    return plural
