import math

import numpy as np
import pytest

from recbench.explanation.gates import gate_uses


def test_means_deviations_and_entropies_of_known_gates():
    even, one = np.full((4, 2), 0.5), np.tile([1.0, 0.0], (4, 1))
    either = np.array([[1.0, 0], [0, 1.0]])
    (use,) = gate_uses({"gate/even": even, "gate/one": one, "gate/either": either}, ())
    assert use.experts == ("expert 1", "expert 2")
    assert use.columns["even"].entropy == pytest.approx(1)
    assert math.isnan(use.columns["one"].entropy)
    assert use.columns["either"].entropy == 0
    assert use.columns["either"].mean.tolist() == [0.5, 0.5]
    assert use.columns["either"].deviation.tolist() == [0.5, 0.5]


def test_experts_out_of_reach_do_not_count_towards_the_largest_entropy():
    (use,) = gate_uses({"gate/click": np.tile([0.5, 0.5, 0.0, 0.0], (3, 1))}, "abcd")
    assert use.columns["click"].entropy == pytest.approx(1)
    assert use.experts == tuple("abcd")


def test_layers_are_told_apart_and_other_weights_left_out():
    gate = np.full((2, 2), 0.5)
    weights = {"gate1/a": gate, "gate1/b": gate, "gate2/a": gate, "scale": gate, "gates/a": gate}
    uses = gate_uses(weights, ())
    assert [(use.name, list(use.columns)) for use in uses] == [
        ("gate1", ["a", "b"]), ("gate2", ["a"]),
    ]  # fmt: skip
