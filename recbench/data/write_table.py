"""Writing a prepared table: rows, vocabularies, scaling of numbers, fingerprints, manifest."""

from __future__ import annotations

from collections.abc import Mapping
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
from recbench.data.table import Table
from recbench.schema import FIRST_ID, Schema


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
    for name, values in table.values.items():
        write_table(folder / f"fields/{name}.arrow", {"value": values})
    for name in schema.numbers:
        write_table(folder / f"fields/{name}.arrow", _scaling(table.parts["train"].columns[name]))
    for part in PARTS:
        write_table(folder / f"samples/{part}.arrow", table.parts[part].columns)
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
        leakage=TIMELESS,
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
    for part in PARTS:
        columns = read_table(folder / f"samples/{part}.arrow")
        found[part] = fingerprint("\n".join(columns), columns, values)
    return found


def _decoded(values: Any) -> pa.Array:
    """Return the text of each id; that of the special ones no file can hold."""
    text = pa.array(values).cast(pa.string())
    return pa.concat_arrays([pa.array(["\0"] * FIRST_ID), text])


def _scaling(values: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return mean and standard deviation of a number; the latter is 1 for one that never varies."""
    known = values[~np.isnan(values)].astype(np.float64)
    varies = len(known) and known.min() < known.max()
    mean, scale = known.mean() if len(known) else 0.0, known.std() if varies else 1.0
    return {"mean": np.array([mean]), "scale": np.array([scale])}


def _characteristics(table: Table, schema: Schema) -> dict[str, Any]:
    """Return how often each label is positive, and how much the labels of all rows have in common.

    Of a real-valued label it is the mean. Labels are compared by Pearson's correlation, over the
    rows that have both.
    """
    labels = {
        part: {name: spool.columns[name].astype(np.float64) for name in schema.labels}
        for part, spool in table.parts.items()
    }
    whole = {name: np.concatenate([labels[part][name] for part in PARTS]) for name in schema.labels}
    return {
        "label_correlation": {
            f"{first} {second}": _correlation(whole[first], whole[second])
            for place, first in enumerate(schema.labels)
            for second in schema.labels[place + 1 :]
        },
        "parts": {
            part: {"labels": {name: _mean(values) for name, values in own.items()}}
            for part, own in labels.items()
        },
    }


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    both = ~(np.isnan(first) | np.isnan(second))
    if not (both.any() and first[both].std() and second[both].std()):
        return None
    return round(float(np.corrcoef(first[both], second[both])[0, 1]), 6)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 6) if len(known) else None
