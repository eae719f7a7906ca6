import dataclasses
from collections import defaultdict

import numpy as np
import pytest

from recbench.data.protocol import (
    DAY,
    PARTS,
    GlobalTime,
    LeaveLastTwoOut,
    LogChunk,
    Protocol,
    UsersByLastEvent,
    UserShares,
    find_targets,
    require_parts,
)
from recbench.errors import DataError

START = 1_000_000


def random_chunk(seed, users=12, events=150, days=10):
    """Return a chunk with many ties in time and some users with a single event."""
    random = np.random.default_rng(seed)
    user = np.sort(np.concatenate((np.arange(users), random.integers(users // 2, size=events))))
    time = random.integers(days * 24, size=len(user)) * 3600
    time = time[np.lexsort((time, user))]
    return LogChunk(START, user, time, random.random(len(user)) < 0.7)


def by_user(chunk):
    rows = defaultdict(list)
    for index, user in enumerate(chunk.user):
        rows[user].append(index)
    return rows.values()


def brute_force(protocol, chunk, part_of):
    """Return (part, position, history start, history stop) of every target, in log order."""
    found = []
    for rows in by_user(chunk):
        targets = []
        for index in rows:
            if protocol.ties == "order":
                before = [other for other in rows if other < index]
            else:
                before = [other for other in rows if chunk.time[other] < chunk.time[index]]
            if chunk.positive[index] and len(before) >= protocol.min_history:
                targets.append((part_of[index], index, rows[0], rows[0] + len(before)))
        for part in range(len(PARTS)):
            mine = [target for target in targets if target[0] == part]
            found += mine[-protocol.last_per_user :] if protocol.last_per_user else mine
    shift = np.array([0, START, START, START])
    return np.array(sorted(found, key=lambda target: target[1])) + shift


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", ["exclude", "order"])
@pytest.mark.parametrize(("last_per_user", "min_history"), [(0, 0), (2, 0), (0, 3), (1, 2)])
@pytest.mark.parametrize("split", [GlobalTime(2, 3, "days"), LeaveLastTwoOut()])
def test_targets_agree_with_brute_force(split, seed, ties, last_per_user, min_history):
    chunk = random_chunk(seed)
    protocol = Protocol(split, None, last_per_user, min_history, ties)
    parts = split.parts(chunk, split.boundaries(chunk))
    found = find_targets(protocol, chunk, parts)
    columns = found.part, found.position, found.history_start, found.history_stop
    np.testing.assert_array_equal(np.stack(columns, 1), brute_force(protocol, chunk, parts))


@pytest.mark.parametrize("offset", [0, 8, -5, 5.5])
def test_days_are_calendar_days_of_the_time_zone(offset):
    split = GlobalTime(valid=1, test=2, unit="days", utc_offset_hours=offset)
    chunk = random_chunk(0)
    day = (chunk.time + offset * 3600) // DAY
    expected = np.select([day > day.max() - 2, day > day.max() - 3], [2, 1], 0)
    parts = split.parts(chunk, split.boundaries(chunk))
    np.testing.assert_array_equal(parts, expected)
    assert set(parts) == {0, 1, 2}


def test_shares_cut_at_moments_and_keep_equal_times_together():
    time = np.array([0, 1, 2, 3, 4, 5, 5, 5, 8, 9])
    chunk = LogChunk(0, np.zeros(10, np.int64), time, np.ones(10, bool))
    split = GlobalTime(valid=0.2, test=0.2, unit="share")
    parts = split.parts(chunk, split.boundaries(chunk))
    assert parts.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]


def test_shares_are_about_what_was_asked_for():
    time = np.sort(np.random.default_rng(0).integers(10**9, size=10_000))
    chunk = LogChunk(0, np.zeros(10_000, np.int64), time, np.ones(10_000, bool))
    split = GlobalTime(valid=0.1, test=0.2, unit="share")
    parts = split.parts(chunk, split.boundaries(chunk))
    assert np.abs(np.bincount(parts) - [7000, 1000, 2000]).max() <= 1


def test_the_last_two_events_of_each_user_are_left_out():
    chunk = random_chunk(1)
    parts = LeaveLastTwoOut().parts(chunk, (0, 0))
    for rows in by_user(chunk):
        expected = ([0] * len(rows) + [1, 2])[-len(rows) :]
        assert parts[rows].tolist() == expected


def test_whole_users_are_shared_out_at_random():
    user = np.repeat(np.arange(50), 3)
    whole = LogChunk(0, user, np.zeros(150, np.int64), np.ones(150, bool))
    split = UserShares(valid=0.2, test=0.3)
    parts = split.parts(whole, split.boundaries(whole))
    assert np.bincount(parts).tolist() == [75, 30, 45]
    assert (parts.reshape(50, 3) == parts[::3, None]).all()
    assert (np.diff(parts[::3]) < 0).any()
    later = LogChunk(60, user[60:], whole.time[60:], whole.positive[60:])
    assert (split.parts(later, split.boundaries(whole)) == parts[60:]).all()
    again = UserShares(valid=0.2, test=0.3, seed=1)
    assert (again.parts(whole, again.boundaries(whole)) != parts).any()


def test_the_users_that_end_last_are_test():
    user = np.repeat(np.arange(10), 2)
    time = np.stack((np.zeros(10, np.int64), np.array([5, 1, 9, 7, 3, 2, 8, 8, 8, 6])), 1).ravel()
    whole = LogChunk(0, user, time, np.ones(20, bool))
    split = UsersByLastEvent(valid=0.2, test=0.3)
    parts = split.parts(whole, split.boundaries(whole)).reshape(10, 2)
    assert (parts[:, 0] == parts[:, 1]).all()
    last = time[1::2]
    later = np.percentile(last, 50), np.percentile(last, 70)
    assert parts[:, 0].tolist() == [sum(each > bound for bound in later) for each in last]
    assert set(parts[:, 0]) == {0, 1, 2}


def test_every_event_is_a_target_where_the_protocol_says_so():
    chunk = random_chunk(3)
    split = LeaveLastTwoOut()
    parts = split.parts(chunk, (0, 0))
    found = find_targets(Protocol(split, any_target=True, last_per_user=1), chunk, parts)
    assert len(found.position) > chunk.positive[found.position - START].sum()
    everything = dataclasses.replace(chunk, positive=np.ones_like(chunk.positive))
    expected = find_targets(Protocol(split, last_per_user=1), everything, parts)
    np.testing.assert_array_equal(found.position, expected.position)


def test_an_empty_part_is_an_error_that_names_it():
    require_parts({"train": 1, "valid": 1, "test": 1}, "log")
    with pytest.raises(DataError, match="log: the valid and test part has no examples"):
        require_parts({"train": 5, "valid": 0, "test": 0}, "log")
