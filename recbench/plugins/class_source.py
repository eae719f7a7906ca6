"""What the source code of a class says of it, read without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

TASKS: Mapping[str, str] = {
    "CTRModel": "ctr",
    "NextItemModel": "next-item",
    "MultiTaskModel": "multi-task",
    "MetaModel": "cold-start",
}
"""The task that each base of models is for; it is what a class without imports is known by."""
HOMES = ("recbench", "recbench.model")
"""Modules that have these bases."""
DEEPEST = 20
"""Names that are followed from one file to the next."""


@dataclass(frozen=True)
class ClassSource:
    """What is written about a model's class.

    Attributes:
        task: The task of the base that it goes back to; empty if the source does not tell.
        api: The plugin API that it states; None if the source does not tell.
    """

    task: str = ""
    api: int | None = None


def read_class(target: str) -> ClassSource:
    """Return what the source of a class, given as `MODULE:CLASS`, says; nothing of it runs.

    Raises:
        ModuleNotFoundError: If there is no such module.
        SyntaxError: If a file on the way is no Python.
    """
    module, _, name = target.partition(":")
    place(module)
    return _follow(module, name, DEEPEST)


def place(module: str) -> Path | None:
    """Return the folder of a module's top-level package, or its file; None if it has neither.

    Raises:
        ModuleNotFoundError: If there is no such package or module.
    """
    spec = _spec(module)
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.has_location and spec.origin else None


def _spec(module: str) -> ModuleSpec:
    """Return where the top-level package of a module is; to look for it imports nothing."""
    top = module.partition(".")[0]
    spec = find_spec(top) if top else None
    if spec is None:
        raise ModuleNotFoundError(f"there is no module '{top}'")
    return spec


def _file(module: str) -> Path | None:
    """Return a module's source file; None if there is none."""
    spec = _spec(module)
    parts = module.split(".")[1:]
    if not spec.submodule_search_locations:
        return Path(spec.origin) if not parts and spec.has_location and spec.origin else None
    base = Path(next(iter(spec.submodule_search_locations))).joinpath(*parts)
    files = (base / "__init__.py", base.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


@cache
def _statements(file: Path, changed: int) -> tuple[ast.stmt, ...]:
    """Return the statements of a file that was changed last at the given time."""
    return tuple(ast.parse(file.read_bytes(), file.name).body)


def _follow(module: str, name: str, steps: int) -> ClassSource:
    """Return what is known of the class that a module calls by a name."""
    if module in HOMES:
        return ClassSource(TASKS.get(name, ""))
    file = _file(module)
    if not steps or file is None or file.suffix != ".py":
        return ClassSource()
    for statement in reversed(_statements(file, file.stat().st_mtime_ns)):
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return _of_class(module, statement, steps)
        for bound, home, there in _bindings(statement, module, file):
            if bound == name:
                return _follow(home, there, steps - 1)
    return ClassSource()


def _of_class(module: str, written: ast.ClassDef, steps: int) -> ClassSource:
    task, api = "", None
    for statement in written.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            bound = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            value = statement.value.value if isinstance(statement.value, ast.Constant) else None
            if isinstance(value, int) and any(ast.unparse(each) == "api" for each in bound):
                api = value
    for base in written.bases:
        found = ClassSource()
        if isinstance(base, ast.Name) and base.id != written.name:
            found = _follow(module, base.id, steps - 1)
        elif isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
            home = _imported(module, base.value.id)
            found = _follow(home, base.attr, steps - 1) if home else found
        task, api = task or found.task, found.api if api is None else api
    return ClassSource(task, api)


def _imported(module: str, name: str) -> str:
    """Return the module that a file of `module` has imported by a name; empty if none."""
    file = _file(module)
    for statement in _statements(file, file.stat().st_mtime_ns) if file else ():
        if isinstance(statement, ast.Import):
            for each in statement.names:
                if (each.asname or each.name) == name:
                    return each.name
        elif file:
            for bound, home, there in _bindings(statement, module, file):
                if bound == name:
                    return f"{home}.{there}"
    return ""


def _bindings(statement: ast.stmt, module: str, file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the names that a statement takes from elsewhere: the name, its home, its name there."""
    if isinstance(statement, ast.ImportFrom):
        home = statement.module or ""
        if statement.level:
            package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
            kept = package[: len(package) - statement.level + 1]
            home = ".".join([*kept, home] if home else kept)
        for each in statement.names:
            yield each.asname or each.name, home, each.name
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
        for bound in statement.targets:
            if isinstance(bound, ast.Name) and bound.id != statement.value.id:
                yield bound.id, module, statement.value.id
