from collections import defaultdict
from functools import cache

import numpy as np
import pytest
import torch

from recbench.batch import Reads
from recbench.data import Loader
from recbench.data.columns import read_table
from recbench.data.protocol import GlobalTime, LeaveLastTwoOut, Negatives, Protocol
from recbench.errors import UsageError
from recbench.schema import UNSEEN, Field

PROTOCOL = Protocol(GlobalTime(0.2, 0.2, "share"), Negatives("uniform"))


def random_rows(events=400, users=10, items=40, seed=0):
    """Return rows (user, item, category, time) whose ids are not in their order of appearance."""
    random = np.random.default_rng(seed)
    user = random.permutation(1000)[:users][random.integers(users, size=events)]
    item = random.integers(items, size=events)
    time = np.sort(random.integers(events // 2, size=events))
    return [(u, 7 * i + 5, i % 4 + 90, t) for u, i, t in zip(user, item, time, strict=True)]


@pytest.fixture
def rows():
    return random_rows()


@pytest.fixture
def dataset(prepare_rows, rows):
    return prepare_rows(rows, PROTOCOL)


@cache
def raw(dataset, name):
    """Return the raw value of each id of the field `name`, as models see ids."""
    if name in ("user", "item"):
        table = {"user": dataset.users, "item": dataset.items}[name][name]
        values = table.to_pylist()[: dataset.schema[name].size]
    else:
        stored = read_table(dataset.folder / "fields" / f"{name}.arrow")["value"]
        values = [None, None, *stored.tolist()]
    return [None, "unseen", *values[2:]]


def decoded(dataset, name, ids):
    values = raw(dataset, name)
    return [values[each] for each in ids.tolist()]


def examples(dataset, batch):
    """Return each example of a batch in raw values: fields, label, history, ages."""
    fields = {name: decoded(dataset, name, ids) for name, ids in batch.features.fields.items()}
    history = batch.features.history
    events = {name: decoded(dataset, name, ids) for name, ids in history.fields.items()}
    offsets = history.offsets.tolist()
    for row in range(len(batch)):
        here = slice(offsets[row], offsets[row + 1])
        yield (
            {name: values[row] for name, values in fields.items()},
            int(batch.labels[row]),
            list(zip(events["item"][here], events["category"][here], strict=True)),
            history.age[here].tolist(),
        )


def known(dataset, item, category):
    """Return an event as a model sees it."""
    return (
        item if item in raw(dataset, "item") else "unseen",
        category if category in raw(dataset, "category") else "unseen",
    )


@pytest.mark.parametrize("part", ["train", "valid"])
def test_batches_are_what_the_log_says(dataset, rows, part):
    by_user = defaultdict(list)
    for user, item, category, time in rows:
        by_user[user].append((time, item, category))
    loader = Loader(dataset, dataset.part(part), Reads(), batch_size=7)
    seen, times = 0, iter(dataset.part(part).time)
    for batch in loader:
        assert len(batch) <= 7
        assert batch.labels.dtype == torch.float32
        longest = 0
        for fields, label, events, ages in examples(dataset, batch):
            time = next(times)
            user = fields["user"]
            if user == "unseen":
                continue
            before = [event for event in by_user[user] if event[0] < time]
            assert events == [known(dataset, item, category) for _, item, category in before]
            assert ages == [time - each[0] for each in before]
            assert min(ages, default=1) > 0
            met = {known(dataset, item, category)[0] for _, item, category in by_user[user]}
            if fields["item"] != "unseen":
                assert (fields["item"] in met) == label
                assert (fields["item"] - 5) // 7 % 4 + 90 == fields["category"]
            longest = max(longest, len(events))
        assert batch.features.history.longest >= longest
        seen += len(batch)
    assert seen == loader.examples == dataset.manifest.counts[part]


def test_only_the_events_that_a_model_reads_are_gathered(dataset):
    part = dataset.part("valid")
    whole = next(iter(Loader(dataset, part, Reads(), 1000)))
    for reads in (Reads(recent=3), Reads(recent=0, same_category=2), Reads(3, 4), Reads(None, 2)):
        pruned = next(iter(Loader(dataset, part, reads, 1000)))
        pairs = zip(examples(dataset, whole), examples(dataset, pruned), strict=True)
        for (fields, label, events, ages), found in pairs:
            recent = len(events) if reads.recent is None else reads.recent
            kept = set(range(len(events))[max(0, len(events) - recent) :])
            same = [n for n, event in enumerate(events) if event[1] == fields["category"]]
            kept |= set(same[len(same) - min(len(same), reads.same_category) :])
            chosen = sorted(kept)
            expected = (fields, label, [events[n] for n in chosen], [ages[n] for n in chosen])
            assert found == expected


def test_what_training_never_met_is_unseen(prepare_rows):
    rows = [(u, 10 + u + n, 1, n) for u in range(4) for n in range(4)]
    rows += [(u, 99, 5, 9) for u in range(4)]  # last of each user: a new item in a new category
    dataset = prepare_rows(rows, Protocol(LeaveLastTwoOut(), Negatives("uniform")))
    part = dataset.open_test()
    batch = next(iter(Loader(dataset, part, Reads(), 100)))
    clicked = batch.labels == 1
    assert (batch.features.fields["item"][clicked] == UNSEEN).all()
    assert (batch.features.fields["category"][clicked] == UNSEEN).all()
    assert (batch.features.fields["user"] != UNSEEN).all()


def test_no_id_reaches_the_size_of_its_field(dataset):
    for part in ("train", "valid"):
        for batch in Loader(dataset, dataset.part(part), Reads(), 64):
            for fields in (batch.features.fields, batch.features.history.fields):
                for name, ids in fields.items():
                    assert ids.min() >= UNSEEN
                    assert ids.max() < dataset.schema[name].size
                    assert ids.dtype == torch.int64


def fingerprints(batches):
    """Return the batches as rows that can be compared."""
    rows = []
    for batch in batches:
        rows += zip(*(ids.tolist() for ids in batch.features.fields.values()), strict=True)
    return rows


def test_an_epoch_is_a_permutation_that_its_number_and_the_seed_decide(dataset):
    def epoch(number, seed=1):
        return fingerprints(Loader(dataset, dataset.part("train"), Reads(), 16, seed).epoch(number))

    stored = fingerprints(Loader(dataset, dataset.part("train"), Reads(), 16, 1))
    assert epoch(1) == epoch(1)
    assert sorted(epoch(1)) == sorted(stored)
    assert len({tuple(order) for order in (stored, epoch(1), epoch(2), epoch(1, seed=2))}) == 4


def test_first_batches_are_left_out_unread_and_the_rest_is_the_same(dataset, monkeypatch):
    loader = Loader(dataset, dataset.part("train"), Reads(), 16, 1)
    whole = list(loader.epoch(2))
    read, take = [], loader.take
    monkeypatch.setattr(loader, "take", lambda rows: read.append(len(rows)) or take(rows))
    for skip in (0, 1, len(whole) - 1, len(whole)):
        read.clear()
        assert fingerprints(loader.epoch(2, skip)) == fingerprints(whole[skip:])
        assert read == [len(batch) for batch in whole[skip:]]


def test_features_hold_no_labels(dataset):
    for batch in Loader(dataset, dataset.part("valid"), Reads(recent=5), 16):
        assert not hasattr(batch.features, "labels")
        assert set(batch.features.fields) == {"user", "item", "category"}


def test_a_limit_spreads_its_examples_over_the_part(prepare_rows, rows):
    whole = prepare_rows(rows, PROTOCOL)
    limited = prepare_rows(rows, PROTOCOL, limit=10)
    part = limited.part("train")
    assert len(part) == Loader(limited, part, Reads(), 4).examples == 10
    assert (part.time[0], part.time[-1]) == (
        whole.part("train").time[0],
        whole.part("train").time[-1],
    )
    assert len(set(part.history_start.tolist())) > 3
    assert len(prepare_rows(rows, PROTOCOL, limit=10**6).part("train")) == len(whole.part("train"))


@pytest.mark.parametrize("others", [(), (Field("category", "user", 5),)])
def test_a_search_by_category_needs_a_category_of_items(dataset, others):
    schema = dataset.schema
    fields = tuple(f for f in schema.fields if f.name != "category")
    object.__setattr__(schema, "fields", fields + others)
    with pytest.raises(UsageError, match="log has no item field 'category'; choose another"):
        Loader(dataset, dataset.part("train"), Reads(same_category=1), 8)
