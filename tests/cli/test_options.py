import pytest

from recbench.cli.options import names, one_of
from recbench.errors import UsageError


def test_one_of_gives_the_value_or_the_right_ones():
    assert one_of("--format", "csv", ("csv", "md")) == "csv"
    with pytest.raises(UsageError, match="unknown value of --format: 'cvs'; did you mean csv"):
        one_of("--format", "cvs", ("csv", "md"))


def test_names_are_split_at_commas():
    assert names("--models", "din, dien,,sim ") == ["din", "dien", "sim"]


@pytest.mark.parametrize("text", ["", " , ", "din,dien,din"])
def test_no_name_or_one_twice_is_refused(text):
    with pytest.raises(UsageError, match="--models '.*': give one or more different names"):
        names("--models", text)
