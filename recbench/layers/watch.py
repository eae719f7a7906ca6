"""`watch`: what a module is given, and returns, while its model runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Call:
    """One call of a module.

    Attributes:
        arguments: What it was given by position.
        output: What it returned.
    """

    arguments: tuple[Any, ...]
    output: Any


@contextmanager
def watch(module: nn.Module) -> Iterator[list[Call]]:
    """Collect the calls of a module that are made within, in order.

    A model that explains itself watches a layer while its own `forward` runs, so that what it says
    of the layer is what `forward` has computed and not a second computation of it:

        with watch(self.gate) as calls:
            self(features)
        return {"gate/click": calls[0].output}
    """
    calls: list[Call] = []

    def note(_: nn.Module, arguments: tuple[Any, ...], named: Mapping[str, Any], out: Any) -> None:
        calls.append(Call((*arguments, *named.values()), out))

    hook = module.register_forward_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()
