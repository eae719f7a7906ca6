"""The protocol of item cold start: new items before and after each of three warm-up phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from recbench.data.episode_split import EpisodeRows, EpisodeSplit
from recbench.errors import UsageError

if TYPE_CHECKING:
    from recbench.data.ingest import RawLog

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
WARM_UPS = 3
PAIRS = ((0, 1), (2, 3), (1, 2))
"""Support and queries of an old item's training episodes, counted in batches of its rows."""


@dataclass(frozen=True)
class PhasesProtocol:
    """Episodes of new items, from cold to warm, with few rows of each (items' ids are learnt).

    As CVAR (Zhao et al., SIGIR 2022) splits for Meta-Embedding (Pan et al., SIGIR 2019) and MWUF
    (Zhu et al., SIGIR 2021). Items with more than `old` rows are old, and all their rows train.
    Items with 3 `batch` to `old` rows are new; a random half of them is validation, the other half
    test. The first three batches of a new item's rows, in order of time, are the warm-up phases a,
    b, c, and the rest are queries. In each part an episode a state asks the queries of all its new
    items: "cold" without support, "warm-a" after phase a of all of them, "warm-b" after a and b,
    "warm-c" after all three. Items with fewer rows are left out.

    In training episodes, which have one old item each, four batches a, b, c, d of its rows at
    random make three: support a and queries b, c and d, b and c.

    Attributes:
        old: Items with more rows are old; at least 4 `batch`, so that they have those batches.
        batch: Rows of an item in a batch, K.
        labels: The label of the card that is predicted.
        seed: Of all draws.
        source: Where the protocol comes from.

    Raises:
        UsageError: If old items may lack rows.
    """

    files: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("cold", "warm-a", "warm-b", "warm-c")
    timed: ClassVar[bool] = True
    left_out: ClassVar[tuple[str, ...]] = ()
    caution: ClassVar[str] = ""
    seen: ClassVar[str] = (
        "training sees all rows of old items, later than queries too, and no row of a new item; "
        "which items are old is counted over all rows"
    )
    old: int
    batch: int
    labels: tuple[str, ...] = ("click",)
    seed: int = 2718
    source: str = (
        "Zhao et al., Improving Item Cold-start Recommendation via Model-agnostic Conditional "
        "Variational Autoencoder, SIGIR 2022; half of the new items are validation"
    )

    def __post_init__(self) -> None:
        """Refuse old items that are too few rows for four batches."""
        if not 0 < 4 * self.batch <= self.old:
            raise UsageError(f"old is {self.old}; it must be 4 batches of {self.batch} at least")

    def episodes(self, log: RawLog) -> EpisodeSplit:
        """Return the episodes of a log."""
        random = np.random.default_rng(self.seed)
        item = np.asarray(log.spool.columns["item"], np.int64)
        time = np.asarray(log.spool.columns["time"])
        count = np.bincount(item, minlength=len(log.items))
        old, few = count > self.old, count < WARM_UPS * self.batch
        new = ~old & ~few
        parts = {"train": self._training(item, old, count, random)}
        for name, items in zip(("valid", "test"), _halves(new, random), strict=True):
            parts[name] = self._phases(item, time, items, count)
        left = f"{count[few].sum():,} events of {few.sum():,} items left out: they have fewer than "
        left += f"{WARM_UPS * self.batch}"
        return EpisodeSplit(parts, new, (left,) if few.any() else ())

    def _training(
        self, item: Ints, old: Bools, count: Ints, random: np.random.Generator
    ) -> EpisodeRows:
        """Return all rows of old items, item by item and each one's in random order."""
        rows = np.flatnonzero(old[item])
        order = rows[np.lexsort((random.permutation(len(rows)), item[rows]))]
        first = (count[old].cumsum() - count[old])[:, None]
        support, query = (first + self.batch * np.array(each) for each in zip(*PAIRS, strict=True))
        starts = {"support": support.ravel(), "query": query.ravel()}
        return EpisodeRows(
            order,
            {"state": np.ones(support.size, np.int64)}  # one batch of support, as in warm-a
            | {
                f"{kind}_{end}": start + more
                for kind, start in starts.items()
                for end, more in (("start", 0), ("stop", self.batch))
            },
        )

    def _phases(self, item: Ints, time: Ints, chosen: Bools, count: Ints) -> EpisodeRows:
        """Return phase a of all chosen items, then b, then c, then all queries."""
        rows = np.flatnonzero(chosen[item])
        rows = rows[np.lexsort((rows, time[rows], item[rows]))]
        sizes = count[chosen]
        rank = np.arange(len(rows)) - np.repeat(sizes.cumsum() - sizes, sizes)
        phase = np.minimum(rank // self.batch, WARM_UPS)
        bounds = self.batch * len(sizes) * np.arange(WARM_UPS + 1)
        return EpisodeRows(
            rows[np.argsort(phase, kind="stable")],
            {
                "state": np.arange(WARM_UPS + 1),
                "support_start": np.zeros(WARM_UPS + 1, np.int64),
                "support_stop": bounds,
                "query_start": np.full(WARM_UPS + 1, bounds[-1]),
                "query_stop": np.full(WARM_UPS + 1, len(rows)),
            },
        )


def _halves(new: Bools, random: np.random.Generator) -> tuple[Bools, Bools]:
    """Return a random half of the new items and the other half."""
    places = random.permutation(np.flatnonzero(new))
    first = np.zeros(len(new), bool)
    first[places[: len(places) // 2]] = True
    return first, new & ~first
