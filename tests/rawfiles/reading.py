"""What a reader makes of raw files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import duckdb
import pytest

from recbench.data import Dataset
from recbench.data.ingest import ingest
from recbench.data.table import ingest_table
from recbench.data.table_protocol import TableProtocol
from recbench.progress import SILENT


@dataclass(frozen=True)
class Reading:
    """What was read of raw files: all that the rest of a preparation sees of them.

    Attributes:
        sizes: How many events, users and items, or rows there are.
        reports: What was left out.
        digest: Of all values.
    """

    sizes: tuple[int, ...]
    reports: tuple[object, ...]
    digest: str


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    """Return the database of all readings: to make one takes as long as to read a small file."""
    return duckdb.connect()


@contextmanager
def _empty_database(
    instance: duckdb.DuckDBPyConnection, path: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty database in memory, in place of one in the file `path`."""
    with instance.cursor() as db:
        db.execute("ATTACH ':memory:' AS empty; USE empty")
        try:
            yield db
        finally:
            db.execute("USE memory; DETACH empty")


def read(dataset: Dataset, protocol: str, files: Mapping[str, Path], scratch: Path) -> Reading:
    """Read files as a preparation does, and go no further.

    Raises:
        DataError: If they are refused.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", partial(_empty_database, _instance()))
        return _reading(dataset, protocol, files, scratch)


def _reading(dataset: Dataset, protocol: str, files: Mapping[str, Path], scratch: Path) -> Reading:
    own = dataset.card.protocols[protocol]
    if isinstance(own, TableProtocol):
        with ingest_table(dataset, own, files, scratch, SILENT) as table:
            numbers = [column for part in table.parts.values() for column in part.columns.items()]
            digest = _digest(numbers, table.values)
            return Reading((table.rows,), tuple(table.rejected.reports), digest)
    label = next(iter(dataset.card.label_fields(own)), None)
    log = ingest(dataset, files, scratch, SILENT, label)
    with log.spool:
        texts = {"users": log.users, "items": log.items}
        texts |= {**log.user_fields, **log.item_fields, **log.contexts}
        sizes = len(log.spool.columns["user"]), len(log.users), len(log.items)
        reports = (*log.rejected.reports, log.out_of_range, *log.unmatched)
        vectors = {name: own.rows for name, own in log.vectors.items()}
        return Reading(sizes, reports, _digest({**log.spool.columns, **vectors}.items(), texts))


def _digest(numbers, texts) -> str:
    """Return the SHA-256 of named arrays of numbers and of named Arrow arrays."""
    digest = hashlib.sha256()
    for name, column in numbers:
        digest.update(name.encode() + column.tobytes())
    digest.update(repr({name: values.to_pylist() for name, values in texts.items()}).encode())
    return digest.hexdigest()
