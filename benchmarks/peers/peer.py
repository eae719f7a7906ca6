"""Who is measured: our models, and each library with Adam as it comes and with fused Adam."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.case import Case

OURS = "recbench"


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
        library: `OURS` or a peer's name.
        fused: Whether Adam is fused.
        python: The Python that runs it.
        driver: The module that builds its models.
    """

    library: str
    fused: bool
    python: Path
    driver: str

    @property
    def name(self) -> str:
        """How results call it."""
        return fused(self.library) if self.fused and self.library != OURS else self.library


def fused(library: str) -> str:
    """Return the name of a peer with fused Adam."""
    return f"{library}, fused Adam"


def entries(case: Case, folder: Path) -> Iterator[Entry]:
    """Yield all that take part in a case; the peers' environments are in `folder`."""
    yield Entry(OURS, True, Path(sys.executable), "benchmarks.peers.ours")
    for peer in PEERS:
        if case.model in peer.models:
            python = folder.absolute() / peer.folder / "bin/python"
            for with_fused in (False, True):
                yield Entry(peer.name, with_fused, python, f"benchmarks.peers.{peer.driver}")
