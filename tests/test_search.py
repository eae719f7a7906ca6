import pytest

from recbench.search import COMMON_SPACE, Choice, LogRange, Range


def test_domains_are_told_in_plain_data():
    assert Choice(1, "a", (2, 3)).plain() == {"choice": [1, "a", (2, 3)]}
    assert Range(0, 3).plain() == {"range": [0, 3]}
    assert LogRange(0.1, 10.0).plain() == {"log_range": [0.1, 10.0]}


@pytest.mark.parametrize(
    "make", [Choice, lambda: Range(2, 1), lambda: LogRange(2, 1), lambda: LogRange(0, 1)]
)
def test_domains_without_a_value_are_refused(make):
    with pytest.raises(ValueError, match=r"needs one value|must not be above|must be above 0"):
        make()


def test_the_common_space_is_of_the_training_alone():
    assert all(name.startswith("training.") for name in COMMON_SPACE)
