"""Examples: the rows of train, validation and test, made from a log by a protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.ingest import RawLog, context_column
from recbench.data.negatives import draw_negatives, draw_other_items, item_pool
from recbench.data.protocol import (
    PARTS,
    TEST,
    TRAIN,
    LogChunk,
    Negatives,
    Protocol,
    Targets,
    find_targets,
)

CHUNK_EVENTS = 1 << 21
"""Events handled at a time; part of what a seed means, since each chunk has its own generator."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """The examples of one part, in log order; users and items are raw numbers.

    Attributes:
        user: [M].
        item: The target, [M].
        label: 1 or 0, or in cold start perhaps a number, [M]; None where the target itself is what
            is predicted.
        time: Seconds, [M].
        history_start: Where in the log the history begins, [M].
        history_stop: Where in the log the history ends, [M].
        contexts: Code of each context, [M].
    """

    user: Ints
    item: Ints
    label: NDArray[np.int8] | NDArray[np.float32] | None
    time: Ints
    history_start: Ints
    history_stop: Ints
    contexts: Mapping[str, Ints] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitLog:
    """A log with the parts that a protocol makes of it.

    Attributes:
        examples: The examples of each part.
        train_users: Whether the training part has an event of each user, by raw number.
        train_items: Whether the training part has an event with each item, by raw number.
        train_end: Time of the last event of the training part.
        given_up: Targets left out because no negative could be drawn.
        unseen: Targets left out because the training part does not have their item.
        episodes: Of cold start, the columns of each part's episodes, as `Part` has them.
        new_items: Whether an item has an id of its own though the training part has no event with
            it, by raw number; None if none has.
        reports: What else was left out, in sentences.
    """

    examples: dict[str, Examples]
    train_users: NDArray[np.bool_]
    train_items: NDArray[np.bool_]
    train_end: int
    given_up: int
    unseen: int
    episodes: Mapping[str, Mapping[str, Ints]] = field(default_factory=dict)
    new_items: NDArray[np.bool_] | None = None
    reports: tuple[str, ...] = ()


def split_log(log: RawLog, protocol: Protocol) -> SplitLog:
    """Return the parts of `log` under `protocol`."""
    columns = log.spool.columns
    boundaries = protocol.split.boundaries(_chunk(columns, 0, len(columns["user"])))
    users, items = np.zeros(len(log.users), bool), np.zeros(len(log.items), bool)
    train_end = np.iinfo(np.int64).min
    found: list[Targets] = []
    for start, stop in chunks(columns["user"]):
        chunk = _chunk(columns, start, stop)
        parts = protocol.split.parts(chunk, boundaries)
        in_train = parts == TRAIN
        users[chunk.user[in_train]] = True
        items[columns["item"][start:stop][in_train]] = True
        train_end = max(train_end, int(chunk.time[in_train].max(initial=train_end)))
        found.append(find_targets(protocol, chunk, parts))
    examples, given_up, unseen = {}, 0, 0
    for part, name in enumerate(PARTS):
        wanted = TEST if part and protocol.selects_on_test else part
        targets = [_chosen(each, each.part == wanted) for each in found]
        if protocol.seen_targets:
            known = [items[columns["item"][each.position]] for each in targets]
            unseen += sum(int((~each).sum()) for each in known)
            targets = [_chosen(*each) for each in zip(targets, known, strict=True)]
        examples[name], lost = _examples(log, protocol, targets, part)
        given_up += lost
    return SplitLog(examples, users, items, train_end, given_up, unseen)


def chunks(user: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of runs of whole users, of about `CHUNK_EVENTS` events."""
    start = 0
    while start < len(user):
        last = min(start + CHUNK_EVENTS, len(user)) - 1
        stop = int(np.searchsorted(user, user[last], side="right"))
        yield start, stop
        start = stop


def _chunk(columns: Mapping[str, NDArray[Any]], start: int, stop: int) -> LogChunk:
    rows = {name: column[start:stop] for name, column in columns.items()}
    return LogChunk(
        start,
        rows["user"],
        rows["time"],
        rows["positive"],
        rows.get("testing"),
        rows.get("history"),
    )


def _chosen(targets: Targets, chosen: NDArray[np.bool_]) -> Targets:
    return Targets(
        targets.part[chosen],
        targets.position[chosen],
        targets.history_start[chosen],
        targets.history_stop[chosen],
    )


def _examples(
    log: RawLog, protocol: Protocol, targets: list[Targets], part: int
) -> tuple[Examples, int]:
    """Return the examples of a part, and how many targets were given up."""
    columns = log.spool.columns
    position = np.concatenate([each.position for each in targets])
    start = np.concatenate([each.history_start for each in targets])
    stop = np.concatenate([each.history_stop for each in targets])
    user, item = (
        columns["user"][position].astype(np.int64),
        columns["item"][position].astype(np.int64),
    )
    time = columns["time"][position]
    contexts = {name: columns[context_column(name)][position] for name in log.contexts}
    if protocol.negatives is None:
        label = columns["label"][position] if "label" in columns else None
        return Examples(user, item, label, time, start, stop, contexts), 0
    if not len(position):
        return Examples(user, item, np.empty(0, np.int8), time, start, stop, contexts), 0
    negatives = _negatives(log, protocol.negatives, targets, item, part)
    kept = (negatives >= 0).all(1)
    if protocol.negatives.replace:
        generator = np.random.default_rng([protocol.negatives.seed, part, 0, 1])
        chance = protocol.negatives.replace
        rows, label = _replaced(item[kept], negatives[kept], chance, generator)
    else:
        rows, label = _joined(item[kept], negatives[kept])

    def spread(values: Ints) -> Ints:
        return np.repeat(values[kept], rows.shape[1])

    examples = Examples(
        spread(user),
        rows.ravel(),
        label.ravel(),
        spread(time),
        spread(start),
        spread(stop),
        {name: spread(codes) for name, codes in contexts.items()},
    )
    return examples, int((~kept).sum())


def _joined(item: Ints, negatives: Ints) -> tuple[Ints, NDArray[np.int8]]:
    """Return each target with its negatives behind it, and their labels, both [M, 1 + n]."""
    rows = np.column_stack((item, negatives))
    label = np.zeros(rows.shape, np.int8)
    label[:, 0] = 1
    return rows, label


def _replaced(
    item: Ints, negatives: Ints, chance: float, generator: np.random.Generator
) -> tuple[Ints, NDArray[np.int8]]:
    """Return each target or, by `chance`, its one negative, and its label, both [M, 1]."""
    kept = generator.random((len(item), 1)) >= chance
    return np.where(kept, item[:, None], negatives), kept.astype(np.int8)


def _negatives(
    log: RawLog, negatives: Negatives, targets: list[Targets], positives: Ints, part: int
) -> Ints:
    columns = log.spool.columns
    pool = item_pool(negatives, positives, columns["item"], len(log.items))
    drawn = [np.empty((0, negatives.per_positive), np.int64)]
    for number, ((start, stop), each) in enumerate(
        zip(chunks(columns["user"]), targets, strict=True)
    ):
        if not len(each.position):
            continue
        generator = np.random.default_rng([negatives.seed, part, number])
        user = columns["user"][each.position].astype(np.int64)
        if negatives.never == "target":
            item = columns["item"][each.position].astype(np.int64)
            drawn.append(draw_other_items(negatives, pool, item, generator))
            continue
        events = columns["user"][start:stop], columns["item"][start:stop]
        drawn.append(draw_negatives(negatives, pool, user, *events, generator))
    return np.concatenate(drawn)
