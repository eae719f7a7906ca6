import math

import numpy as np
import pytest
import torch

from recbench.metrics import METRICS, auc, logloss, metric_of, mse, score_name
from recbench.schema import FIRST_ID, Field, Schema
from recbench.task import COLD_START, CTR, MULTI_TASK, NEXT_ITEM

ITEM = Field("item", "item", FIRST_ID + 9)


def labelled(**sizes):
    return Schema((ITEM, *(Field(name, "label", size) for name, size in sizes.items())))


def test_tasks_of_one_group_are_scored_by_their_metrics_alone():
    assert CTR.scores(labelled(click=2)) == ("auc", "gauc", "logloss")
    assert NEXT_ITEM.scores(labelled()) == ("mrr@20", "recall@20", "ndcg@20")


def test_several_labels_are_scored_together_and_each_apart():
    assert MULTI_TASK.scores(labelled(a=2, b=2)) == (
        "auc", "logloss", "auc/a", "logloss/a", "auc/b", "logloss/b",
    )  # fmt: skip
    assert MULTI_TASK.scores(labelled(y=0)) == ("mse", "mse/y")


@pytest.mark.parametrize("sizes", [{"a": 2, "y": 0}, {"y": 0, "a": 2}])
def test_of_labels_of_both_kinds_the_auc_is_primary_wherever_they_stand(sizes):
    schema = labelled(**sizes)
    scores = MULTI_TASK.scores(schema)
    assert scores[:3] == ("auc", "logloss", "mse")
    assert set(scores[3:]) == {"auc/a", "logloss/a", "mse/y"}


def test_scores_are_the_metrics_of_the_rows_that_have_a_label_and_their_means():
    schema, random = labelled(a=2, y=0, b=2), np.random.default_rng(0)
    labels = np.column_stack(
        (random.integers(2, size=50), random.normal(size=50), random.integers(2, size=50))
    ).astype(np.float32)
    labels[:20, 2] = np.nan
    labels[30:, 1] = np.nan
    output = torch.from_numpy(random.normal(size=(50, 3)))
    kept = MULTI_TASK.predictions(output, torch.from_numpy(labels), schema)
    assert list(kept) == ["prediction/a", "prediction/y", "prediction/b"]
    rows = {"label": labels, **{name: column.numpy() for name, column in kept.items()}}
    found = MULTI_TASK.judge(rows, schema)
    a, y, b = output.float().numpy().T
    assert list(found) == list(MULTI_TASK.scores(schema))
    assert found["auc/a"] == auc(labels[:, 0], a)
    assert found["auc/b"] == auc(labels[20:, 2], b[20:])
    assert found["logloss/b"] == logloss(labels[20:, 2], b[20:])
    assert found["mse/y"] == found["mse"] == mse(labels[:30, 1], y[:30])
    assert found["auc"] == pytest.approx((found["auc/a"] + found["auc/b"]) / 2)


def test_a_label_without_any_row_makes_its_mean_undefined():
    rows = {"label": np.full((3, 1), np.nan), "prediction/a": np.zeros(3)}
    assert all(map(math.isnan, MULTI_TASK.judge(rows, labelled(a=2)).values()))


def test_the_output_has_a_column_for_each_label_even_if_it_is_one():
    assert MULTI_TASK.shape(5, labelled(a=2, b=2)) == (5, 2)
    assert MULTI_TASK.shape(5, labelled(a=2)) == (5, 1)
    assert CTR.shape(5, labelled(click=2)) == (5,)


def test_the_name_of_a_score_begins_with_its_metric():
    assert score_name("auc", "income") == "auc/income"
    assert score_name("auc", "") == "auc"
    assert metric_of("auc/a/b") == metric_of("auc") == "auc"


def test_mse_is_lower_for_the_better_and_refuses_what_it_cannot_compare():
    assert not METRICS["mse"].higher_is_better
    assert mse([1, 2], [1, 4]) == 2
    assert math.isnan(mse([], []))
    with pytest.raises(ValueError, match="shape"):
        mse([1, 2], [[1, 2]])
    with pytest.raises(ValueError, match="nan"):
        mse([1, math.nan], [1, 2])


def test_cold_start_is_judged_in_each_state_by_metrics_that_fit_the_label():
    rated = Schema((ITEM, Field("rating", "label", 0)), ("old", "new"))
    assert COLD_START.scores(rated) == (
        "mae", "ndcg@1", "ndcg@3",
        "mae/old", "ndcg@1/old", "ndcg@3/old", "mae/new", "ndcg@1/new", "ndcg@3/new",
    )  # fmt: skip
    rows = {
        "label": np.array([5.0, 3, 1, 2]),
        "prediction": np.array([4.0, 3, 2, 1]),
        "state": np.array([0, 0, 1, 1]),
        "episode": np.array([0, 0, 1, 1]),
    }
    found = COLD_START.judge(rows, rated)
    assert (found["mae/old"], found["mae/new"], found["mae"]) == (0.5, 1, 0.75)
    assert found["ndcg@1/old"] == 1
    assert found["ndcg@1/new"] == pytest.approx(1 / 3)
    clicked = Schema((ITEM, Field("click", "label", 2)), ("cold",))
    assert COLD_START.scores(clicked) == ("auc", "logloss", "auc/cold", "logloss/cold")
