from __future__ import annotations

import pytest
import torch

from recbench.batch import Features, Reads
from recbench.testing.rows import prune, take, take_batch
from recbench.testing.synthetic import random_batch

LENGTHS = (5, 0, 1, 20, 3)


def rows_of(features: Features) -> list[tuple]:
    """Return each row as plain data."""
    history, rows = features.history, []
    columns = [*history.fields.values(), history.age]
    for row in range(len(features)):
        start, stop = history.offsets[row : row + 2].tolist()
        target = tuple(int(ids[row]) for ids in features.fields.values())
        rows.append(
            (
                target,
                [
                    tuple(event)
                    for event in zip(*(c[start:stop].tolist() for c in columns), strict=True)
                ],
            )
        )
    return rows


def test_take_keeps_rows_whole_and_in_the_order_asked_for():
    features = random_batch(LENGTHS).features
    whole, order = rows_of(features), [3, 1, 0, 3]
    taken = take(features, order)
    assert rows_of(taken) == [whole[row] for row in order]
    assert taken.history.longest == 20
    assert take(features, [1]).history.longest == 0


def test_take_batch_takes_the_labels_too():
    batch = random_batch(LENGTHS)
    assert torch.equal(take_batch(batch, [1, 0]).labels, batch.labels[[1, 0]])


@pytest.mark.parametrize(
    "reads",
    [Reads(), Reads(0), Reads(3), Reads(0, 2), Reads(2, 1), Reads(4, 50), Reads(None, 3)],
)
def test_prune_keeps_the_union_of_what_is_read_in_order(reads: Reads):
    features = random_batch(LENGTHS, unseen=0).features
    expected = []
    for target, events in rows_of(features):
        recent = len(events) if reads.recent is None else reads.recent
        same = [i for i, event in enumerate(events) if event[1] == target[3]]
        kept = {*range(len(events))[max(0, len(events) - recent) :]}
        kept |= set(same[max(0, len(same) - reads.same_category) :])
        expected.append((target, [events[i] for i in sorted(kept)]))
    pruned = prune(features, reads)
    assert rows_of(pruned) == expected
    assert pruned.history.longest == max(len(events) for _, events in expected)
