from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from recbench.data.episode_split import queries
from recbench.data.states_protocol import StatesProtocol
from recbench.errors import DataError, UsageError

PROTOCOL = StatesProtocol(last=1997)
LAST_OLD_ITEM = 99
YEARS = [1990 + item % 8 for item in range(LAST_OLD_ITEM + 1)] + [1998, 2000] * 25
HELD_OUT = ("valid", "test")


def random_ratings(users=120, seed=0):
    """Return user, item and time of ratings: 5 to 130 a user, no item twice."""
    random = np.random.default_rng(seed)
    counts = random.integers(5, 131, size=users)
    item = [random.permutation(len(YEARS))[:count] for count in counts]
    user = np.repeat(np.arange(users), counts)
    return user, np.concatenate(item), random.permutation(len(user))


@pytest.fixture
def log(make_ratings):
    return make_ratings(*random_ratings(), YEARS)


@pytest.fixture
def split(log):
    return PROTOCOL.episodes(log)


def episodes(rows):
    """Yield state, support and queries of each episode, as positions in the log."""
    columns = (rows.episodes[name].tolist() for name in rows.episodes)
    for state, start, stop, first, last in zip(*columns, strict=True):
        yield state, rows.position[start:stop], rows.position[first:last]


def is_new(log, position):
    """Return whether the items of events are new, as the years say, [N]."""
    return np.array(YEARS)[log.spool.columns["item"][position]] > PROTOCOL.last


def test_an_episode_is_a_user_in_one_state(log, split):
    user = log.spool.columns["user"]
    users = {place: set() for place in range(4)}
    for name in ("train", *HELD_OUT):
        for state, support, query in episodes(split.parts[name]):
            both = np.concatenate((support, query))
            assert len(set(user[both])) == 1
            assert len(set(both)) == len(both)
            assert set(is_new(log, both)) == {state in (1, 3)}
            users[state].add(user[both[0]])
    assert not (users[0] | users[1]) & (users[2] | users[3])
    assert all(users.values())


def test_a_fifth_of_the_users_is_new_and_training_has_none_of_them_and_no_new_item(log, split):
    user, train = log.spool.columns["user"], split.parts["train"].position
    assert len(set(user[train])) == 0.8 * len(log.users)
    assert not is_new(log, train).any()
    assert len(set(train)) == len(train)
    assert not split.new_items.any()


def test_held_out_episodes_have_ten_queries_and_three_to_ninety_rows_of_support(split):
    for name in HELD_OUT:
        for _, support, query in episodes(split.parts[name]):
            assert len(query) == 10
            assert 3 <= len(support) <= 90


def test_those_with_13_to_100_events_in_a_state_are_asked_and_no_one_else(log, split):
    user, item = log.spool.columns["user"], log.spool.columns["item"]
    old_users = set(user[split.parts["train"].position])
    expected, left_out = set(), [0] * 4
    for each in range(len(log.users)):
        late = np.array(YEARS)[item[user == each]] > PROTOCOL.last
        for new in (False, True):
            state, count = 2 * (each not in old_users) + new, int((late == new).sum())
            if 13 <= count <= 100:
                expected.add((state, each))
            elif state:
                left_out[state] += count
    found = [
        (state, int(user[query[0]]))
        for name in HELD_OUT
        for state, _, query in episodes(split.parts[name])
    ]
    assert sorted(found) == sorted(expected)
    reports = "\n".join(split.reports)
    for name, count in zip(PROTOCOL.states[1:], left_out[1:], strict=True):
        assert (f"{count:,} events of {name} left out" in reports) == (count > 0)


def test_no_query_of_validation_or_test_is_trained_on_or_asked_twice(split):
    asked = {
        name: rows.position[queries(rows.episodes)]
        for name, rows in split.parts.items()
        if name in HELD_OUT
    }
    train = set(split.parts["train"].position)
    assert not train & set(asked["valid"])
    assert not train & set(asked["test"])
    together = np.concatenate(list(asked.values()))
    assert len(set(together)) == len(together)


def test_training_rows_are_all_warm_events_but_the_queries_held_out(log, split):
    user = log.spool.columns["user"]
    train = split.parts["train"].position
    old_users = set(user[train])
    everything = np.arange(len(user))
    warm = everything[np.isin(user, list(old_users)) & ~is_new(log, everything)]
    held = np.concatenate(
        [
            query
            for name in HELD_OUT
            for state, _, query in episodes(split.parts[name])
            if state == 0
        ]
    )
    assert sorted(train) == sorted(set(warm) - set(held))


def test_the_warm_support_is_the_users_training_rows_and_other_support_is_never_trained_on(
    log, split
):
    user, train = log.spool.columns["user"], split.parts["train"].position
    for name in HELD_OUT:
        for state, support, _ in episodes(split.parts[name]):
            if state == 0:
                assert sorted(support) == sorted(train[user[train] == user[support[0]]])
            else:
                assert not set(support) & set(train)


def test_a_training_episode_is_made_of_what_is_left_of_a_warm_user(log, split):
    user, warm = log.spool.columns["user"], {}
    for name in HELD_OUT:
        for state, support, _ in episodes(split.parts[name]):
            if state == 0:
                warm[user[support[0]]] = len(support)
    found = {}
    for state, support, query in episodes(split.parts["train"]):
        assert state == 0
        count = len(support) + len(query)
        assert (len(query), len(support) >= 3) == (min(10, count // 2), True)
        found[user[query[0]]] = count
    assert found == {each: count for each, count in warm.items() if count >= 5}


def test_users_are_of_one_half_in_all_states_and_the_halves_are_equal(log, split):
    user = log.spool.columns["user"]
    halves = [
        {int(user[query[0]]) for _, _, query in episodes(split.parts[name])} for name in HELD_OUT
    ]
    assert not halves[0] & halves[1]
    assert abs(len(halves[0]) - len(halves[1])) <= 0.2 * len(halves[0] | halves[1])


def test_the_seed_alone_decides(log):
    def found(protocol):
        parts = protocol.episodes(log).parts
        return [rows.position.tolist() for rows in parts.values()]

    assert found(PROTOCOL) == found(replace(PROTOCOL))
    assert found(PROTOCOL) != found(replace(PROTOCOL, seed=1))


def test_an_item_without_a_year_exists(make_ratings):
    user, item, time = random_ratings()
    log = make_ratings(user, item, time, [None if year > 1997 else year for year in YEARS])
    train = PROTOCOL.episodes(log).parts["train"].position
    assert log.spool.columns["item"][train].max() > LAST_OLD_ITEM


def test_items_without_the_field_are_an_error_and_the_field_is_no_input(log):
    assert replace(PROTOCOL, came="released").left_out == ("released",)
    with pytest.raises(DataError, match="needs 'released' of items; the reader gives none"):
        replace(PROTOCOL, came="released").episodes(log)


@pytest.mark.parametrize(
    "change",
    [{"new_users": 1.0}, {"new_users": 0.0}, {"queries": 0}, {"fewest": 10}, {"fewest": 101},
     {"least_support": 0}],
)  # fmt: skip
def test_what_makes_no_episodes_is_refused(change):
    (name,) = change
    with pytest.raises(UsageError, match=f"{name} is .*, which makes no episodes"):
        replace(PROTOCOL, **change)


def test_years_may_be_of_any_kind_of_number(make_ratings):
    log = make_ratings(*random_ratings(), YEARS)
    floats = replace(log, item_fields={"year": pa.array(YEARS, pa.float64())})
    one, other = (PROTOCOL.episodes(each).parts["train"] for each in (log, floats))
    np.testing.assert_array_equal(one.position, other.position)
