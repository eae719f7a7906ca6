"""Values that no model can use are refused before anything is made."""

from __future__ import annotations

import pytest

from recbench.errors import UsageError
from recbench.plugins import find, load_model


def config(name, **options):
    return load_model(find("model", name)).Config(**options)


@pytest.mark.parametrize(
    ("name", "field", "value", "limit"),
    [
        ("din", "history_length", 0, "at least 1"),
        ("din-base", "embedding_dim", 0, "at least 1"),
        ("din", "mlp", (8, 0), "at least 1"),
        ("din", "dropout", 1.0, "below 1"),
        ("din", "dropout", -0.1, "at least 0"),
        ("din", "dropout", float("nan"), "at least 0"),
        ("din", "mba_l2", -1.0, "at least 0"),
        ("din", "attention_mlp", (8, 0), "at least 1"),
        ("sim", "top_k", 0, "at least 1"),
        ("sim", "heads", 0, "at least 1"),
        ("sim", "time_buckets", 0, "at least 1"),
        ("sim", "time_buckets", 63, "at most 62"),
        ("gru4rec", "hidden", 0, "at least 1"),
        ("mmoe", "experts", 0, "at least 1"),
        ("meta-embedding", "meta_episodes", 0, "at least 1"),
        ("meta-embedding", "alpha", 1.5, "at most 1"),
        ("mwuf", "meta_epochs", 0, "at least 1"),
        ("random-embedding", "warm_up_rows", -3, "at least 0"),
        ("melu", "local_steps", -1, "at least 0"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, field, value, limit):
    with pytest.raises(UsageError) as caught:
        config(name, **{field: value})
    assert str(caught.value) == f"{field} is {value}; {limit}"


def test_a_value_that_is_no_choice_is_refused_by_name():
    with pytest.raises(UsageError, match="DINConfig.att_normalize 'sofmax'; did you mean softmax"):
        config("din", att_normalize="sofmax")
