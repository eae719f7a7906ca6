"""A new distribution, written from the templates beside this file."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from recbench.errors import RecbenchError, UsageError
from recbench.plugins import Kind, discover

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
ACRONYM = 3
"""Letters up to which a name is an acronym, and its class all capitals."""
RESERVED = {"training": "what --set calls the training settings", "recbench": "the harness itself"}
TAKEN = (
    *("CTRModel", "Card", "Dataset", "Features", "FieldEmbeddings", "Iterable", "Mapping"),
    *("Path", "Protocol", "Reads", "Schema", "Tensor", "GlobalTime"),
)
"""Names that the templates import."""
FILES: Mapping[str, str] = {
    "pyproject.toml": "shared/pyproject.toml",
    ".gitignore": "shared/gitignore",
    "README.md": "{kind}/README.md",
    "{package}/__init__.py": "{kind}/plugin.py",
    "tests/test_{module}.py": "{kind}/test.py",
}
"""The template of each file."""


@dataclass(frozen=True)
class Names:
    """What a new plugin and its parts are called.

    Attributes:
        kind: What the plugin is.
        name: What it is asked for by, such as `my-fm`.
    """

    kind: Kind
    name: str

    @property
    def distribution(self) -> str:
        """The distribution, `recbench-my-fm`."""
        return f"recbench-{self.name}"

    @property
    def module(self) -> str:
        """The name as a part of Python names, `my_fm`."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """The package to import, `recbench_my_fm`."""
        return f"recbench_{self.module}"

    @property
    def class_name(self) -> str:
        """The class, `MyFm`; all capitals for a short name, such as FM."""
        short = len(self.name) <= ACRONYM and "-" not in self.name
        made = self.name.upper() if short else "".join(map(str.title, self.name.split("-")))
        return made + self.kind.title() if made in TAKEN or keyword.iskeyword(made) else made

    @property
    def fields(self) -> dict[str, str]:
        """What the templates have to fill in."""
        names = ("kind", "name", "distribution", "module", "package", "class_name")
        return {each: getattr(self, each) for each in names}


def write_distribution(names: Names, folder: Path) -> list[Path]:
    """Write a distribution with a plugin that passes every check; return its files.

    Args:
        names: Of the plugin.
        folder: Where; it must be empty if it exists.

    Raises:
        UsageError: If the name cannot be one or is taken, or the folder is not empty.
        RecbenchError: If the folder cannot be written to.
    """
    _require_name(names)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is there already and not empty; name another folder with --directory"
        )
    written = []
    try:
        for file, text in texts(names).items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise RecbenchError(
            f"{folder} cannot be written to ({error.strerror}); name another with --directory"
        ) from error
    return written


def texts(names: Names) -> dict[str, str]:
    """Return the text of each file of a new distribution, by its path."""
    home = resources.files(__package__)
    return {
        file.format_map(names.fields): Template(
            home.joinpath(f"{template.format_map(names.fields)}.tmpl").read_text(encoding="utf-8")
        ).substitute(names.fields)
        for file, template in FILES.items()
    }


def _require_name(names: Names) -> None:
    name = names.name
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"'{name}' cannot be a plugin's name; write up to {LONGEST} lower-case letters and "
            f"digits, a letter first and - between words, such as my-{names.kind}"
        )
    if name in RESERVED:
        raise UsageError(f"'{name}' is {RESERVED[name]}; choose another name")
    if name.startswith("recbench-"):
        raise UsageError(
            f"the distribution will be called {names.distribution}; leave recbench- out of '{name}'"
        )
    for plugin in discover(names.kind):
        if plugin.name == name:
            raise UsageError(
                f"the {names.kind} '{name}' is there already, of {plugin.owner}; choose another"
            )
