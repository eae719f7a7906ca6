"""Writing a prepared table: rows, vocabularies, scaling of numbers, fingerprints, manifest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recbench.data.card import Dataset
from recbench.data.columns import read_table, write_table
from recbench.data.describe import TIMELESS
from recbench.data.manifest import FORMAT, Manifest, file_checksum, file_facts, fingerprint
from recbench.data.protocol import PARTS
from recbench.data.samples import read_samples, write_samples
from recbench.data.table import Table
from recbench.schema import FIRST_ID, Schema

Numbers = NDArray[np.float32]
BLOCK = 1 << 20
"""Rows whose numbers are held at a time."""
IN_ORDER = {"known": True, "test_before_train_end": 0, "share": 0.0}
"""The leakage report of tables that are split by the time of their rows."""


def write_table_dataset(
    dataset: Dataset,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    table: Table,
    folder: Path,
) -> None:
    """Write everything that the prepared folder of a table holds.

    Args:
        dataset: The plugin.
        settings: What decided the result.
        files: The raw files that were read.
        table: Its rows.
        folder: Where to write.
    """
    schema = Schema(table.fields)
    protocol = dataset.card.protocols[settings["protocol"]["name"]]
    for name, values in table.values.items():
        write_table(folder / f"fields/{name}.arrow", {"value": values})
    for name in schema.numbers:
        write_table(folder / f"fields/{name}.arrow", _scaling(table.parts["train"].columns[name]))
    for part in PARTS:
        write_samples(folder, part, table.parts[part].columns, schema.labels)
    counts = {part: len(spool.columns["row"]) for part, spool in table.parts.items()}
    paths = sorted(folder.rglob("*.arrow"))
    Manifest(
        format=FORMAT,
        dataset=dataset.card.name,
        version=dataset.card.version,
        task=dataset.card.task,
        protocol=settings["protocol"]["name"],
        source=settings["source"],
        size=settings["size"],
        settings=dict(settings),
        files=file_facts(files),
        fields=[vars(field) for field in table.fields],
        counts={"rows": table.rows, **counts},
        fingerprints=table_fingerprints(folder, schema),
        tables={path.relative_to(folder).as_posix(): file_checksum(path) for path in paths},
        characteristics=_characteristics(table, schema),
        leakage=IN_ORDER if protocol.timed else TIMELESS,
        reports=table.rejected.reports,
        attainable=False,
    ).save(folder)


def table_fingerprints(folder: Path, schema: Schema) -> dict[str, str]:
    """Return the fingerprint of each part of a written table, over its raw values."""
    values = {
        field.name: _decoded(read_table(folder / f"fields/{field.name}.arrow")["value"])
        for field in schema.of("context")
        if field.size
    }
    found = {}
    names = list(read_samples(folder, "train", schema.labels))
    for part in PARTS:
        read = read_samples(folder, part, schema.labels)
        columns = {name: read[name] for name in names}
        found[part] = fingerprint("\n".join(columns), columns, values)
    return found


def _decoded(values: Any) -> pa.Array:
    """Return the text of each id; that of the special ones no file can hold."""
    text = pa.array(values).cast(pa.string())
    return pa.concat_arrays([pa.array(["\0"] * FIRST_ID), text])


def _scaling(values: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return mean and standard deviation of a number; the latter is 1 for one that never varies."""
    known = sum(len(block) for (block,) in _known(values))
    mean = sum(float(block.sum()) for (block,) in _known(values)) / max(known, 1)
    squares = sum(float(((block - mean) ** 2).sum()) for (block,) in _known(values))
    scale = float(np.sqrt(squares / known)) if _varies(_known(values)) else 1.0
    return {"mean": np.array([mean]), "scale": np.array([scale])}


def _characteristics(table: Table, schema: Schema) -> dict[str, Any]:
    """Return how often each label is positive, and how much the labels of all rows have in common.

    Of a real-valued label it is the mean. Labels are compared by Pearson's correlation, over the
    rows that have both.
    """
    spools = {part: spool.columns for part, spool in table.parts.items()}
    return {
        "label_correlation": {
            f"{first} {second}": _correlation([(c[first], c[second]) for c in spools.values()])
            for place, first in enumerate(schema.labels)
            for second in schema.labels[place + 1 :]
        },
        "parts": {
            part: {"labels": {name: _mean(columns[name]) for name in schema.labels}}
            for part, columns in spools.items()
        },
    }


def _correlation(pairs: list[tuple[Numbers, Numbers]]) -> float | None:
    """Return the correlation of two numbers, given for each part; None if one never varies."""

    def blocks() -> Iterator[tuple[NDArray[np.float64], ...]]:
        return itertools.chain.from_iterable(_known(*pair) for pair in pairs)

    if not (_varies((x,) for x, _ in blocks()) and _varies((y,) for _, y in blocks())):
        return None
    count, *sums = np.sum([(len(x), x.sum(), y.sum()) for x, y in blocks()], axis=0)
    means = [total / count for total in sums]
    moments = np.zeros(3)
    for first, second in blocks():
        x, y = first - means[0], second - means[1]
        moments += [x @ x, y @ y, x @ y]
    return round(float(moments[2] / np.sqrt(moments[0] * moments[1])), 6)


def _varies(blocks: Iterable[tuple[NDArray[np.float64], ...]]) -> bool:
    """Return whether there are two different values in blocks of one column."""
    return len({float(edge) for (block,) in blocks for edge in (block.min(), block.max())}) > 1


def _mean(values: Numbers) -> float | None:
    count = sum(len(block) for (block,) in _known(values))
    total = sum(float(block.sum()) for (block,) in _known(values))
    return round(total / count, 6) if count else None


def _known(*columns: Numbers) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Yield blocks of columns side by side, without the rows where one of them is missing."""
    for start in range(0, len(columns[0]), BLOCK):
        block = [column[start : start + BLOCK].astype(np.float64) for column in columns]
        known = ~np.isnan(block).any(axis=0)
        if known.any():
            yield tuple(values[known] for values in block)
