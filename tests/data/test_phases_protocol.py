from dataclasses import replace

import numpy as np
import pytest

from recbench.data.phases_protocol import PhasesProtocol
from recbench.errors import UsageError

OLD, K = 20, 4
PROTOCOL = PhasesProtocol(OLD, K)
COUNTS = [*range(1, 41), 12, 20, 21, *range(12, 21)]
"""Ratings of each item; those with up to 11 are left out, those with more than 20 are old."""


def random_ratings(users=60, seed=0):
    """Return user, item and time of ratings, several of them at one time."""
    random = np.random.default_rng(seed)
    user = np.concatenate([random.permutation(users)[:count] for count in COUNTS])
    item = np.repeat(np.arange(len(COUNTS)), COUNTS)
    return user, item, random.integers(len(user) // 3, size=len(user))


@pytest.fixture
def log(make_ratings):
    return make_ratings(*random_ratings())


@pytest.fixture
def split(log):
    return PROTOCOL.episodes(log)


def items_with(low, high):
    return [item for item, count in enumerate(COUNTS) if low <= count <= high]


NEW, OLD_ITEMS = items_with(3 * K, OLD), items_with(OLD + 1, 99)


def phases(rows):
    """Return the positions of phases a, b and c and of the queries of a part."""
    episodes = rows.episodes
    bounds = [*episodes["support_stop"].tolist(), int(episodes["query_stop"][0])]
    return [rows.position[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]


def test_training_has_all_rows_of_old_items_and_no_row_of_a_new_one(log, split):
    item, train = log.spool.columns["item"], split.parts["train"].position
    assert sorted(train) == sorted(np.flatnonzero(np.isin(item, OLD_ITEMS)))
    assert np.flatnonzero(split.new_items).tolist() == NEW


def test_new_items_are_half_validation_and_half_test(log, split):
    item = log.spool.columns["item"]
    halves = [set(item[split.parts[name].position].tolist()) for name in ("valid", "test")]
    assert not halves[0] & halves[1]
    assert sorted(halves[0] | halves[1]) == NEW
    assert abs(len(halves[0]) - len(halves[1])) <= 1


@pytest.mark.parametrize("name", ["valid", "test"])
def test_phases_have_k_rows_of_each_new_item_in_order_of_time_and_queries_the_rest(
    log, split, name
):
    item, time = log.spool.columns["item"], log.spool.columns["time"]
    rows = split.parts[name]
    found = phases(rows)
    assert sorted(np.concatenate(found)) == sorted(rows.position)
    assert len(set(rows.position)) == len(rows.position)
    for each in set(item[rows.position].tolist()):
        own = [phase[item[phase] == each] for phase in found]
        assert [len(phase) for phase in own] == [K, K, K, COUNTS[each] - 3 * K]
        times = time[np.concatenate(own)]
        ends = [time[phase].max() for phase in own[:3]]
        starts = [time[phase].min(initial=times.max()) for phase in own[1:]]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))


@pytest.mark.parametrize("name", ["valid", "test"])
def test_each_state_adds_a_phase_to_the_support_and_asks_the_same(split, name):
    rows = split.parts[name]
    columns, size = rows.episodes, len(phases(rows)[0])
    assert columns["state"].tolist() == [0, 1, 2, 3]
    assert columns["support_start"].tolist() == [0, 0, 0, 0]
    assert columns["support_stop"].tolist() == [0, size, 2 * size, 3 * size]
    assert columns["query_start"].tolist() == [3 * size] * 4
    assert columns["query_stop"].tolist() == [len(rows.position)] * 4


def test_training_episodes_pair_batches_of_an_old_item(log, split):
    item, rows = log.spool.columns["item"], split.parts["train"]
    columns = [rows.episodes[name].tolist() for name in rows.episodes]
    found = list(zip(*columns, strict=True))
    assert len(found) == 3 * len(OLD_ITEMS)
    for first in range(0, len(found), 3):
        start = found[first][1]
        a, b, c, d, e = (start + place * K for place in range(5))
        assert found[first : first + 3] == [(1, a, b, b, c), (1, c, d, d, e), (1, b, c, c, d)]
        assert len(set(item[rows.position[a:e]].tolist())) == 1
    assert len({item[rows.position[each[1]]] for each in found}) == len(OLD_ITEMS)


def test_training_batches_are_drawn_and_not_the_first_in_time(log, split):
    time, rows = log.spool.columns["time"], split.parts["train"]
    first = rows.position[rows.episodes["support_start"][0] :][: 4 * K]
    assert (np.diff(time[first]) < 0).any()


def test_items_with_few_rows_are_left_out_and_counted(split):
    few = [count for count in COUNTS if count < 3 * K]
    assert split.reports == (
        f"{sum(few)} events of {len(few)} items left out: they have fewer than 12",
    )


def test_the_seed_alone_decides(log):
    def found(protocol):
        return [rows.position.tolist() for rows in protocol.episodes(log).parts.values()]

    assert found(PROTOCOL) == found(replace(PROTOCOL))
    assert found(PROTOCOL) != found(replace(PROTOCOL, seed=1))


@pytest.mark.parametrize(("old", "batch"), [(15, 4), (20, 0)])
def test_old_items_without_four_batches_are_refused(old, batch):
    with pytest.raises(
        UsageError, match=rf"old is {old}; it must be 4 batches of {batch} at least"
    ):
        PhasesProtocol(old, batch)
