"""The runs of a suite before any starts: every choice made, data prepared, in a child process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from recbench.config import RunConfig
from recbench.errors import UsageError
from recbench.folders import Folders
from recbench.order import Order
from recbench.plain import from_plain
from recbench.progress import SILENT, Progress
from recbench.suite.child import Child
from recbench.suite.ledger import open_log
from recbench.suite.limits import Limits
from recbench.suite.relay import Relay


@dataclass(frozen=True)
class Settled:
    """One run of a suite before it starts.

    Attributes:
        config: What was asked for.
        order: The run with every choice made; None if that has failed, or its data are not
            prepared and should not be.
        error: Why it has failed, in one message; empty if it has not.
    """

    config: RunConfig
    order: Order | None
    error: str = ""


def settle_all(
    configs: Sequence[RunConfig],
    folders: Folders,
    progress: Progress = SILENT,
    *,
    limits: Limits = Limits(),  # noqa: B008
    prepare: bool = True,
) -> list[Settled]:
    """Return the runs with every choice made, their raw files downloaded and prepared.

    Args:
        configs: What is asked for.
        folders: Where everything is.
        progress: Who is told how it goes.
        limits: What the import of a plugin may use; preparation takes the time that it takes.
        prepare: Whether to make data that are not there yet.

    Raises:
        UsageError: If one asks for something that cannot be, or two are the same run; nothing is
            begun then.
        RecbenchError: If the folder of results cannot be written to.
    """
    settled: list[Settled] = []
    while len(settled) < len(configs):  # a second time if a plugin has ended the child
        known = {each.config.data: each.order.config.data for each in settled if each.order}
        rest = [replace(c, data=known.get(c.data, c.data)) for c in configs[len(settled) :]]
        settled += _settle(rest, folders, progress, limits, prepare=prepare)
    _require_different([each.order for each in settled if each.order])
    return [replace(each, config=config) for each, config in zip(settled, configs, strict=True)]


def _require_different(orders: Sequence[Order]) -> None:
    """Raise `UsageError` if two runs would be one record."""
    known = set[str]()
    for order in orders:
        if order.key in known:
            raise UsageError(
                f"two of the runs come to the same, {order.title}, since what one sets is the "
                "default of the other; leave one out"
            )
        known.add(order.key)


def _settle(
    configs: Sequence[RunConfig],
    folders: Folders,
    progress: Progress,
    limits: Limits,
    *,
    prepare: bool,
) -> list[Settled]:
    """Settle runs in one child, up to the first that ends it."""
    asked = {"configs": [each.plain() for each in configs], "folders": plain_folders(folders)}
    relay, found, said = Relay(progress), list[Settled](), set[str]()
    with TemporaryFile() as printed:
        child = Child(asked | {"prepare": prepare}, printed, limits)
        try:
            for event in child.events_to_the_end():
                if ("order" in event or "failed" in event) and len(found) < len(configs):
                    found.append(_settled(configs[len(found)], event, folders.results))
                if (note := str(event.get("note"))) not in said:  # of data that runs share
                    relay.tell(event)
                said |= {note} if "note" in event else set()
        finally:
            child.close()
            relay.close()
        if len(found) < len(configs):
            config = configs[len(found)]
            found.append(Settled(config, None, child.cause()))
            printed.seek(0)
            with open_log(config, folders.results) as log:
                log.write(printed.read())
    return found


def _settled(config: RunConfig, event: dict[str, Any], results: Path) -> Settled:
    if event.get("kind") == UsageError.__name__:
        raise UsageError(event["failed"])
    if "failed" in event:
        with open_log(config, results) as log:
            log.write(event["trace"].encode())
        return Settled(config, None, event["failed"])
    order = from_plain(Order, event["order"]) if event["order"] else None
    return Settled(config, order)


def plain_folders(folders: Folders) -> dict[str, str | None]:
    """Return folders as a worker reads them."""
    return {name: path and str(path.absolute()) for name, path in vars(folders).items()}
