"""Plain data (what JSON holds): its canonical text, its digest, and dataclasses read from it."""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def canonical_json(value: object) -> str:
    """Return the one JSON text of plain data: keys sorted, no spaces, no nan or infinity."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of plain data, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def finite(value: object) -> Any:  # noqa: ANN401
    """Return a copy of plain data with null for the numbers that JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return value


def from_plain(kind: type[T], data: object, where: str = "") -> T:
    """Build a dataclass from plain data that has exactly its fields, of the annotated types.

    Understood are dataclasses, str, bool, int, float, Any, Literal, `X | None`, dict[str, X],
    list[X], tuple[X, ...] and tuple[X, Y]. A null where a float must stand is nan, and an int
    becomes a float.

    Args:
        kind: The dataclass.
        data: An object with an entry per field.
        where: The field that `data` is the value of, for errors; empty at the top.

    Raises:
        ValueError: Naming the field, if one is missing, unknown or of another type.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{f'field {where!r}' if where else 'it'} must be an object")
    prefix = f"{where}." if where else ""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if missing := sorted(names - data.keys()):
        raise ValueError(f"field '{prefix}{missing[0]}' is missing")
    if unknown := sorted(data.keys() - names):
        raise ValueError(f"field '{prefix}{unknown[0]}' is unknown")
    hints = get_type_hints(kind)
    return kind(**{name: _typed(hints[name], data[name], prefix + name) for name in data})


def _typed(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Return `value` as the type `hint`."""
    origin, options = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        if value is None and NoneType in options:
            return None
        return _typed_as_one(options, value, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value, where)
    if origin is dict and isinstance(value, dict):
        return {name: _typed(options[1], entry, f"{where}.{name}") for name, entry in value.items()}
    if origin is tuple and isinstance(value, list) and options[-1] is not ...:
        if len(value) != len(options):
            raise ValueError(
                f"field '{where}' must have {len(options)} values, got {_shown(value)}"
            )
        return tuple(
            _typed(option, entry, f"{where}[{i}]")
            for i, (option, entry) in enumerate(zip(options, value, strict=True))
        )
    if origin in (list, tuple) and isinstance(value, list):
        return origin(_typed(options[0], entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin is Literal and value in options:
        return value
    if hint is float and (value is None or type(value) is int):
        return math.nan if value is None else float(value)
    if hint is tuple and isinstance(value, list):
        return tuple(value)
    if type(value) is hint:
        return value
    expected = " or ".join(map(str, options)) if origin is Literal else (origin or hint).__name__
    raise ValueError(f"field '{where}' must be {expected}, got {_shown(value)}")


def _typed_as_one(options: tuple[Any, ...], value: Any, where: str) -> Any:  # noqa: ANN401
    """Return `value` as the first of the types that it fits."""
    kinds = [option for option in options if option is not NoneType]
    for option in kinds[:-1]:
        with suppress(ValueError):
            return _typed(option, value, where)
    try:
        return _typed(kinds[-1], value, where)
    except ValueError as error:
        if len(kinds) == 1:
            raise
        expected = " or ".join(getattr(option, "__name__", str(option)) for option in kinds)
        raise ValueError(f"field '{where}' must be {expected}, got {_shown(value)}") from error


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    text = text if len(text) <= 40 else f"{text[:40]}..."
    plain = value is None or type(value) in (str, bool, int, float, list, dict)
    return text if plain else f"{text} ({type(value).__name__})"
