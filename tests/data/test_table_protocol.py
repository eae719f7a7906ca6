import numpy as np
import pytest

from recbench.data.protocol import TEST, TRAIN, VALID
from recbench.data.table_protocol import OfficialTestHalved, RandomShares
from recbench.errors import DataError


def counts(parts):
    return [int((parts == part).sum()) for part in (TRAIN, VALID, TEST)]


def test_random_shares_have_their_sizes_and_do_not_look_at_the_official_part():
    testing = np.arange(1000) >= 900
    parts = RandomShares(0.2, 0.1).parts(1000, testing)
    assert counts(parts) == [700, 200, 100]
    np.testing.assert_array_equal(parts, RandomShares(0.2, 0.1).parts(1000, None))
    assert 0 < (parts[testing] == TRAIN).sum() < 100


def test_the_official_test_is_halved_and_the_rest_is_train():
    testing = np.arange(1000) % 10 == 3
    parts = OfficialTestHalved().parts(1000, testing)
    assert counts(parts) == [900, 50, 50]
    assert (parts[~testing] == TRAIN).all()


@pytest.mark.parametrize("split", [RandomShares, OfficialTestHalved])
def test_the_seed_decides_the_parts(split):
    testing = np.arange(100) < 50
    one, again, other = (split(seed=seed).parts(100, testing) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert counts(one) == counts(other)


def test_halves_need_an_official_part():
    with pytest.raises(DataError, match="needs the official test part"):
        OfficialTestHalved().parts(10, None)
