"""What a model's own `fit` returns: plain numbers, or one message."""

import math

import numpy as np
import pytest
import torch

from recbench.errors import PluginError
from recbench.training import FitResult, fit_result


def test_numbers_of_numpy_and_torch_become_plain_ones():
    made = FitResult(
        np.int64(2),
        {"auc": torch.tensor(0.5), "logloss": np.float32(0.25), "gauc": math.nan},
        [{"epoch": torch.tensor([1]), "loss": np.array(0.5)}],
        torch.tensor(3),
    )
    found = fit_result(made, "fm")
    assert (found.epochs, found.curve, found.samples_per_second) == (
        2,
        [{"epoch": 1.0, "loss": 0.5}],
        3.0,
    )
    values = [found.epochs, *found.best.values(), *found.curve[0].values()]
    assert [type(each) for each in values] == [int, float, float, float, float, float]
    assert math.isnan(found.best["gauc"])


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "fit returned None"),
        ({"auc": 0.5}, r"fit returned \{'auc': 0.5\}"),
        (FitResult("one", {}, []), "epochs is 'one', and no number"),
        (FitResult(1.5, {}, []), "epochs is 1.5, and no whole number"),
        (FitResult(1, None, []), "best is None, and no mapping"),
        (FitResult(1, {"auc": "0.5"}, []), r"best\['auc'\] is '0.5', and no number"),
        (FitResult(1, {"auc": torch.ones(2)}, []), r"best\['auc'\] is tensor.*, and no number"),
        (FitResult(1, {1: 0.5}, []), "best is {1: 0.5}, and no mapping"),
        (FitResult(1, {}, None), "curve is None"),
        (FitResult(1, {}, [0.5]), r"curve\[0\] is 0.5, and no mapping"),
        (FitResult(1, {}, [{"loss": None}]), r"curve\[0\]\['loss'\] is None, and no number"),
        (FitResult(1, {}, [], None), "samples_per_second is None"),
    ],
)
def test_anything_else_is_one_message_that_names_the_model(returned, said):
    with pytest.raises(PluginError, match=f"^fm: .*{said}.*; it must return recbench.FitResult"):
        fit_result(returned, "fm")
