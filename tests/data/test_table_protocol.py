import numpy as np
import pytest

from recbench.data.protocol import TEST, TRAIN, VALID, GlobalTime
from recbench.data.table_protocol import (
    OfficialTestHalved,
    OfficialTestKept,
    PublishedParts,
    RandomShares,
    RowTime,
    TableProtocol,
)
from recbench.errors import DataError


def counts(parts):
    return [int((parts == part).sum()) for part in (TRAIN, VALID, TEST)]


def test_random_shares_have_their_sizes_and_do_not_look_at_the_official_part():
    testing = np.arange(1000) >= 900
    parts = RandomShares(0.2, 0.1).parts(1000, {"testing": testing})
    assert counts(parts) == [700, 200, 100]
    np.testing.assert_array_equal(parts, RandomShares(0.2, 0.1).parts(1000, {}))
    assert 0 < (parts[testing] == TRAIN).sum() < 100


def test_the_official_test_is_halved_and_the_rest_is_train():
    testing = np.arange(1000) % 10 == 3
    parts = OfficialTestHalved().parts(1000, {"testing": testing})
    assert counts(parts) == [900, 50, 50]
    assert (parts[~testing] == TRAIN).all()


@pytest.mark.parametrize("split", [RandomShares, OfficialTestHalved, OfficialTestKept])
def test_the_seed_decides_the_parts(split):
    testing = np.arange(100) < 50
    one, again, other = (split(seed=seed).parts(100, {"testing": testing}) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert counts(one) == counts(other)


def test_the_official_test_stays_test_and_validation_is_drawn_from_the_rest():
    testing = np.arange(1000) % 10 == 3
    parts = OfficialTestKept(valid=0.2).parts(1000, {"testing": testing})
    assert counts(parts) == [720, 180, 100]
    assert (parts[testing] == TEST).all()


def test_a_group_of_rows_is_of_one_part():
    group = np.random.default_rng(0).integers(0, 200, 5000) * 10**9 - 5
    testing = np.arange(5000) >= 4000
    split = OfficialTestKept(valid=0.25, group="household")
    parts = split.parts(5000, {"testing": testing, "household": group})
    assert (parts[testing] == TEST).all()
    by_group = [set(parts[~testing & (group == each)]) for each in np.unique(group)]
    assert all(len(own) == 1 for own in by_group)
    assert 30 < [own.pop() for own in by_group].count(VALID) < 70
    assert list(split.reads) == ["testing", "household"]


def test_a_group_is_drawn_with_the_chance_and_the_seed_that_are_asked_for():
    columns = {"testing": np.zeros(100_000, bool), "g": np.arange(100_000)}
    drawn = [OfficialTestKept(0.3, seed, "g").parts(100_000, columns) == VALID for seed in (0, 1)]
    assert [each.mean() for each in drawn] == pytest.approx([0.3, 0.3], abs=0.005)
    assert (drawn[0] & drawn[1]).mean() == pytest.approx(0.09, abs=0.005)
    assert np.corrcoef(drawn[0][1:], drawn[0][:-1])[0, 1] == pytest.approx(0, abs=0.01)


def test_published_parts_stay_as_they_are():
    part = np.array([2, 0, 1, 0], np.int8)
    assert PublishedParts().parts(4, {"part": part}).tolist() == part.tolist()
    with pytest.raises(DataError, match="'part' has the value 3, which is no part"):
        PublishedParts().parts(4, {"part": part + 1})


def test_rows_are_split_by_their_time():
    day, hour = 86_400, 3600
    time = np.array([0, 2 * day, day - 1, day - 8 * hour, 3 * day - 8 * hour - 1], np.int64)
    split = RowTime(GlobalTime(valid=1, test=1, unit="days", utc_offset_hours=8), "moment")
    assert split.parts(5, {"moment": time}).tolist() == [TRAIN, TEST, VALID, VALID, TEST]
    assert TableProtocol(split).timed
    assert not TableProtocol(RandomShares()).timed
