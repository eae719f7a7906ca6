"""Preparation: raw files in, a `PreparedDataset` out, published whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import duckdb

from recbench.data.acquisition import obtain
from recbench.data.card import Card, Dataset
from recbench.data.config import DataConfig
from recbench.data.database import FILE
from recbench.data.fingerprint_pins import compare
from recbench.data.hdf5 import require_readable
from recbench.data.ingest import ingest
from recbench.data.lock import only_one
from recbench.data.manifest import FORMAT, Manifest
from recbench.data.named_files import naming
from recbench.data.prepared import PreparedDataset
from recbench.data.raw import locate, missing_files, unpacked
from recbench.data.reading import content_digest, content_size, disk_full
from recbench.data.split import split_log
from recbench.data.table import ingest_table
from recbench.data.table_protocol import TableProtocol
from recbench.data.write import write_prepared
from recbench.data.write_table import write_table_dataset
from recbench.errors import DataError, UsageError, unknown_name
from recbench.folders import Folders
from recbench.progress import SILENT, Progress


@dataclasses.dataclass(frozen=True)
class Request:
    """A preparation with every choice made.

    Attributes:
        dataset: The plugin.
        protocol: Name of its protocol.
        source: Where the raw files come from.
        size: Size of the simulation; empty for real data.
        files: The real raw files by role; empty for simulated data.
    """

    dataset: Dataset
    protocol: str
    source: Literal["real", "simulated"]
    size: str
    files: Mapping[str, Path]

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result, as plain values."""
        card = self.dataset.card
        files = {role: _identity(path) for role, path in self.files.items()}
        return {
            "format": FORMAT,
            "dataset": card.name,
            "version": card.version,
            "protocol": {
                "name": self.protocol,
                **dataclasses.asdict(card.protocols[self.protocol]),
            },
            "source": self.source,
            "size": self.size,
            "simulation": self._simulation,
            "files": files,
            **({"recipe": dict(card.recipe)} if card.recipe else {}),
        }

    @property
    def _simulation(self) -> dict[str, Any]:
        card = self.dataset.card
        if self.source == "real":
            return {}
        return {"version": card.simulator_version, **card.simulated_sizes[self.size]}

    def folder(self, cache: Path) -> Path:
        """Return where the prepared data belong."""
        text = json.dumps(self.settings, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:12]
        card = self.dataset.card
        origin = self.size or "real"
        return cache / f"{card.name}-v{card.version}" / f"{self.protocol}-{origin}-{key}"


def resolve(dataset: Dataset, config: DataConfig, folders: Folders) -> Request:
    """Decide which raw files, of those that are here, and which protocol serve `config`.

    Raises:
        UsageError: If the protocol, source or size does not exist.
        DataError: If real files are needed and missing.
    """
    card = dataset.card
    protocol = card.protocol_name(config.protocol)
    files = None if config.source == "simulated" else locate(card, folders.raw, protocol)
    if files is not None:
        return Request(dataset, protocol, "real", "", files)
    if config.source == "real" and not card.files:
        raise UsageError(f"{card.name} is always simulated; leave out --source real")
    if config.source == "real" or not card.simulated_sizes:
        if config.source == "simulated":
            raise UsageError(f"{card.name} has no simulator; use --source real")
        raise missing_files(card, folders.data, protocol)
    if config.size not in card.simulated_sizes:
        raise unknown_name(f"size of the simulated {card.name}", config.size, card.simulated_sizes)
    return Request(dataset, protocol, "simulated", config.size, {})


def is_prepared(dataset: Dataset, config: DataConfig, folders: Folders) -> bool:
    """Return whether what `config` names is prepared already, as far as its raw files are here.

    Raises:
        UsageError: If the protocol, source or size does not exist.
    """
    try:
        folder = resolve(dataset, config, folders).folder(folders.cache)
    except DataError:
        return False
    return (folder / "manifest.json").exists()


def prepare(
    dataset: Dataset, config: DataConfig, folders: Folders, progress: Progress = SILENT
) -> PreparedDataset:
    """Return the prepared dataset that `config` names, preparing it if it is not there yet.

    Raw files that are not here are downloaded first, if they can be (`obtain`). Processes that want
    the same data at the same time wait for the first one's result.

    Raises:
        UsageError: If the configuration names something that does not exist.
        DataError: If raw files are missing, damaged or not what the card says, cannot be
            downloaded, or the disk is full. Nothing half-made stays.
    """
    obtain(dataset, config, folders, progress)
    request = resolve(dataset, config, folders)
    target = request.folder(folders.cache)
    if request.source == "simulated":
        _say_simulated(request, progress)
    if caution := dataset.card.protocols[request.protocol].caution:
        progress.warn(f"{dataset.card.name} ({request.protocol}): CAUTION: {caution}")
    if not (target / "manifest.json").exists():
        lock = target.with_name(f".{target.name}.lock")
        with only_one(lock, f"preparing {target.name}", progress):
            if not (target / "manifest.json").exists():
                _publish(request, target, progress)
    return PreparedDataset(target, config.limit)


def _say_simulated(request: Request, progress: Progress) -> None:
    card = request.dataset.card
    what = f"{card.name}: SIMULATED data (size {request.size})"
    if not card.files:
        progress.note(f"{what}, as always: {card.source}")
        return
    progress.warn(
        f"{what}, not the real dataset; the scores say nothing about it. The real one: get it from "
        f"{card.source}"
    )


def _publish(request: Request, target: Path, progress: Progress) -> None:
    progress.note(f"preparing {request.dataset.card.name} ({request.protocol}) in {target}")
    staging = target.with_name(f".{target.name}.partial")
    for leftover in (staging, target):  # of a process that was killed, or a damaged folder
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        ready = staging / "ready"
        ready.mkdir(parents=True)
        with naming(request.files):
            _build(request, staging, ready, progress)
        _hold(request, Manifest.load(ready), target.parent, progress)
        ready.rename(target)
    except (OSError, duckdb.Error) as error:
        if disk_full(error):
            raise DataError(
                f"the disk of {target.parent} is full; free some space or set RECBENCH_CACHE to "
                "another place. Nothing half-made was left"
            ) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _hold(request: Request, manifest: Manifest, home: Path, progress: Progress) -> None:
    """Compare what was made with its pin.

    Simulated data may differ with another NumPy, so that is only said.

    Raises:
        DataError: If real data differ.
    """
    pin = compare(request.dataset, manifest, home)
    if pin.differing and not pin.simulated:
        raise DataError(f"{manifest.dataset}: {pin}")
    if pin.differing:
        progress.warn(f"{manifest.dataset}: {pin}")


def _build(request: Request, staging: Path, ready: Path, progress: Progress) -> None:
    dataset, files = request.dataset, request.files
    require_readable(dataset.card.files[role] for role in files)  # before what takes long
    raw = staging / "raw"
    raw.mkdir()
    if request.source == "simulated":
        made = dataset.simulate(request.size, raw, progress)
        files = {role: made[role] for role in dataset.card.files_of(request.protocol) or made}
    readable = files
    if request.source == "real":
        readable = unpacked(dataset.card, files, raw, progress)
    protocol = dataset.card.protocols[request.protocol]
    _check_files(request, readable)
    if isinstance(protocol, TableProtocol):
        table = ingest_table(dataset, protocol, readable, staging, progress)
        with table:
            (staging / FILE).unlink()
            _check_counts(request, {"rows": table.rows})
            write_table_dataset(dataset, request.settings, files, table, ready)
        return
    label = next(iter(dataset.card.label_fields(protocol)), None)
    log = ingest(dataset, readable, staging, progress, label)
    counts = {"interactions": len(log.spool.columns["user"])}
    counts |= {"users": len(log.users), "items": len(log.items)}
    counts["pairs"] = counts["interactions"] - counts["users"]
    counts["targets"] = int(log.spool.columns["positive"].sum())
    _check_counts(request, counts)
    with log.spool:
        (staging / FILE).unlink()
        split = split_log(log, protocol)
        write_prepared(dataset, request.settings, files, log, split, raw, ready)


def _check_files(request: Request, files: Mapping[str, Path]) -> None:
    """Raise `DataError` if real files are not those of the published release."""
    card = request.dataset.card
    if request.source != "real" or not card.counts:
        return
    for role, path in files.items():
        size, checksum = card.sizes.get(role), card.checksums.get(role)
        if size is not None and (found := content_size(path)) != size:
            raise _unpublished(card, path, f"it has {found:,} bytes, not {size:,}")
        if checksum is not None and (differs := _other_checksum(path, checksum)):
            raise _unpublished(card, path, differs)


def _other_checksum(path: Path, published: str) -> str:
    """Return in what a file's checksum differs from the published one; empty if it does not."""
    long = len(published) == hashlib.sha256().digest_size * 2
    found = content_digest(path, "sha256" if long else "md5")
    return f"its {'SHA-256' if long else 'MD5'} is {found}, not {published}" * (found != published)


def _unpublished(card: Card, path: Path, why: str) -> DataError:
    return DataError(
        f"{card.name}: {path} is not the published file: {why}; get it again from {card.source}"
    )


def _check_counts(request: Request, counts: Mapping[str, int]) -> None:
    """Raise `DataError` if real data are not of a published release."""
    published = request.dataset.card.counts
    same = [all(counts[name] == n for name, n in release.items()) for release in published]
    if request.source != "real" or not published or any(same):
        return
    size = next(iter(published[0]))
    alike = [each for each in published if size in each]
    release = min(alike, key=lambda each: abs(each[size] - counts[size]))
    wrong = [f"{counts[k]:,} {k} (published: {n:,})" for k, n in release.items() if counts[k] != n]
    card = request.dataset.card
    raise DataError(
        f"{card.name}: the raw files hold {', '.join(wrong)}; they are damaged or another "
        f"release. Get them again from {card.source}"
    )


def _identity(path: Path) -> list[int | str]:
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]
