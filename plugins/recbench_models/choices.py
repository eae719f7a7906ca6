"""A check that model options hold one of the values their types allow."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

from recbench.errors import unknown_name


def check_choices(config: Any) -> None:
    """Raise `UsageError` if a field of a dataclass is typed `Literal` and holds another value."""
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise unknown_name(f"value of {type(config).__name__}.{name}", value, get_args(kind))
