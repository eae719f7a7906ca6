"""The digest of a package's source code: what tells whether a plugin has changed."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import import_module
from pathlib import Path

from recbench.errors import PluginError

SOURCES = (".py", ".c", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".inc")
"""What files of source code end in."""


@cache
def package_hash(name: str) -> str:
    """Return the SHA-256 of the source code of a top-level package or module.

    Raises:
        PluginError: If it is a package without an `__init__.py`.
    """
    module = import_module(name)
    if module.__file__ is None:
        raise PluginError(f"{name}: the package has no __init__.py; add one")
    path = Path(module.__file__)
    inside = (each for each in path.parent.rglob("*.*") if each.suffix in SOURCES)
    files = sorted(inside) if path.name == "__init__.py" else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path.parent)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
