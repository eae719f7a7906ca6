import subprocess
import sys

import numpy as np
import pytest

from recbench.metrics import METRICS, auc, gauc, logloss

LABELS, LOGITS, USERS = [0, 1, 1, 0], [0.1, 0.7, -0.2, 0.3], [1, 1, 2, 2]


def test_metrics_are_listed_under_their_own_names():
    assert all(name == metric.name for name, metric in METRICS.items())


def test_metrics_take_the_columns_they_name():
    rows = {"label": LABELS, "prediction": LOGITS, "user": USERS}
    scores = {name: METRICS[name](rows) for name in ("auc", "gauc", "logloss")}
    assert scores == {
        "auc": auc(LABELS, LOGITS),
        "gauc": gauc(LABELS, LOGITS, USERS),
        "logloss": logloss(LABELS, LOGITS),
    }


@pytest.mark.parametrize("name", ["mrr@20", "recall@20", "ndcg@20"])
def test_rank_metrics_count_the_first_twenty(name):
    metric = METRICS[name].compute
    assert metric([20.0]) > 0
    assert metric([20.5]) == 0
    assert metric([1.0]) == 1


@pytest.mark.parametrize("name", ["auc", "gauc", "logloss"])
def test_directions_tell_better_from_worse(name):
    metric = METRICS[name]
    right = np.where(np.array(LABELS) == 1, 1.0, -1.0)
    good, bad = (
        metric({"label": LABELS, "prediction": logits, "user": USERS}) for logits in (right, -right)
    )
    gain = good - bad
    assert (gain > 0) == metric.higher_is_better


def test_importing_metrics_does_not_import_torch():
    code = "import sys, recbench.metrics; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
