"""The synthetic data of the MMoE paper: two regression tasks, as related as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from recbench.data import Card, Dataset
from recbench.data.columns import read_table, write_table
from recbench.data.table_protocol import RandomShares, TableProtocol
from recbench.datasets.simulation.mmoe_generator import VERSION, Generator
from recbench.progress import Progress

SMALL = Generator()
SIZES = {
    "small": SMALL,
    "tiny": replace(SMALL, rows=1_000),
    "medium": replace(SMALL, rows=120_000),
    **{f"p{p:g}": replace(SMALL, correlation=p) for p in (0.0, 0.25, 0.75, 1.0)},
}
"""The sizes on offer; those called by a correlation are small, and `small` has one of 0.5."""


class MMoESynthetic(Dataset):
    """Two real-valued labels and a hundred numbers, without any category."""

    api = 1
    card = Card(
        name="mmoe-synthetic",
        version=1,
        title="Synthetic data of the MMoE paper",
        task="multi-task",
        files={},
        protocols={"shares": TableProtocol(RandomShares(valid=0.1, test=0.1))},
        departures={
            "shares": (
                "The paper does not publish alpha, beta and c; here alpha is 1 and 2, beta 0 and "
                "1, and c 1.",
                "Its noise N(0, 0.01) may mean a standard deviation of 0.1 or of 0.01; here it is "
                "0.1.",
            )
        },
        source="the generator of Ma et al., KDD 2018, section 3.2",
        licence="none needed",
        citation="Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate "
        "Mixture-of-Experts, KDD 2018",
        simulated_sizes={size: vars(constants) for size, constants in SIZES.items()},
        simulator_version=VERSION,
        labels={"y1": "real", "y2": "real"},
        numbers=tuple(f"x{place}" for place in range(SMALL.dimensions)),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows`."""
        db.register("rows", pa.table(read_table(files["rows"])))

    def simulate(self, size: str, folder: Path, progress: Progress) -> Mapping[str, Path]:
        """Draw the rows; return where they are."""
        constants: Any = self.card.simulated_sizes[size]
        inputs, labels = Generator(**constants).draw()
        columns = {"row": np.arange(len(inputs))}
        columns |= dict(zip(self.card.numbers, inputs.T, strict=True))
        columns |= dict(zip(self.card.labels, labels.T, strict=True))
        write_table(folder / "rows.arrow", columns)
        return {"rows": folder / "rows.arrow"}
