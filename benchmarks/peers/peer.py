"""Who is measured: our models with kernels and without, and each library, its Adam fused or not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.peers.case import Case

OURS = "recbench"
REFERENCES = "recbench, references"
OPERATED = frozenset({"din", "dien", "sim"})
"""The models that use operators."""


@dataclass(frozen=True)
class Peer:
    """A library.

    Attributes:
        name: How tables call it.
        folder: Its virtual environment's folder within that of all.
        driver: The module that builds its models.
        models: The models it has.
    """

    name: str
    folder: str
    driver: str
    models: frozenset[str]


PEERS = (
    Peer("FuxiCTR", "fuxictr", "fuxictr", frozenset({"din", "dien", "sim", "mmoe"})),
    Peer("DeepCTR-Torch", "deepctr-torch", "deepctr_torch", frozenset({"din", "dien", "mmoe"})),
    Peer(
        "torch-rechub", "torch-rechub", "torch_rechub", frozenset({"din", "dien", "stamp", "mmoe"})
    ),
    Peer("RecBole", "recbole", "recbole", frozenset({"din", "dien", "stamp"})),
)


@dataclass(frozen=True)
class Entry:
    """A contender in the measurement of a case.

    Attributes:
        library: `OURS`, `REFERENCES` or a peer's name.
        fused: Whether Adam is fused.
        python: The Python that runs it.
        driver: The module that builds its models.
        operators: What `RECBENCH_OPS` is.
    """

    library: str
    fused: bool
    python: Path
    driver: str
    operators: str = "auto"

    @property
    def name(self) -> str:
        """How results call it."""
        ours = self.library in (OURS, REFERENCES)
        return fused(self.library) if self.fused and not ours else self.library


def fused(library: str) -> str:
    """Return the name of a peer with fused Adam."""
    return f"{library}, fused Adam"


def entries(case: Case, folder: Path) -> Iterator[Entry]:
    """Yield all that take part in a case; the peers' environments are in `folder`."""
    ours = Entry(OURS, True, Path(sys.executable), "benchmarks.peers.ours")
    yield ours
    if case.model in OPERATED:
        yield replace(ours, library=REFERENCES, operators="reference")
    for peer in PEERS:
        if case.model in peer.models:
            python = folder.absolute() / peer.folder / "bin/python"
            for with_fused in (False, True):
                yield Entry(peer.name, with_fused, python, f"benchmarks.peers.{peer.driver}")
