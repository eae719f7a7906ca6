from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recbench.ops import augru, native
from recbench.ops.augru import ATTENTION_MODES
from recbench.ops.dispatch import backend

BATCH, STEPS, INPUT, HIDDEN = 4, 5, 3, 2
LENGTHS = (5, 1, 0, 3)
STEP = 0.33471667
"""The golden cell's state after a plain GRU step."""


@pytest.fixture(params=["reference", "native"], autouse=True)
def implementation(request):
    if request.param == "native" and not native.LOADED:
        pytest.skip(f"native kernels: {native.REFUSAL}")
    with backend(request.param):
        yield


def arguments(**changes: Any) -> dict:
    torch.manual_seed(0)
    shapes = {
        "x": (BATCH, STEPS, INPUT),
        "w_ih": (3 * HIDDEN, INPUT),
        "w_hh": (3 * HIDDEN, HIDDEN),
        "b_ih": (3 * HIDDEN,),
        "b_hh": (3 * HIDDEN,),
        "h0": (BATCH, HIDDEN),
    }
    tensors = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
    attention = torch.rand(BATCH, STEPS, dtype=torch.float64)
    return {**tensors, "attention": attention, "lengths": torch.tensor(LENGTHS), **changes}


def golden(attention: float, att_mode: str) -> float:
    """Return the state after one step of a cell with hand-computed values.

    PyTorch's gate keeps the state, the paper's replaces it: hence the update gate's minus signs.
    """

    def column(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    _, last = augru(
        column(0.8).view(1, 1, 1),
        column(attention).view(1, 1),
        torch.tensor([1]),
        column(0.2, -0.5, 1.0).view(3, 1),
        column(0.4, 0.3, -0.7).view(3, 1),
        column(0.0, -0.1, 0.05),
        column(0.0, 0.0, 0.0),
        column(-0.5).view(1, 1),
        att_mode,
    )
    return last.item()


@pytest.mark.parametrize(
    ("att_mode", "attention", "state"),
    [
        ("paper", 0.0, -0.5),
        ("paper", 0.3, -0.24958500),
        ("paper", 1.0, STEP),
        ("agru", 0.3, -0.11885691),
        ("agru", 1.0, 0.77047698),
        ("reference", 0.0, STEP),
        ("reference", 0.3, 0.46544476),
        ("reference", 1.0, 0.77047698),
    ],
)
def test_golden_scalar_cell(att_mode: str, attention: float, state: float):
    assert golden(attention, att_mode) == pytest.approx(state, abs=1e-8)


@pytest.mark.parametrize("attention", [0.0, 0.3, 1.0])
def test_the_released_gate_is_not_the_papers(attention: float):
    assert abs(golden(attention, "paper") - golden(attention, "reference")) > 0.4


@pytest.mark.parametrize("reset_after", [True, False])
def test_attention_zero_keeps_the_first_state_bitwise(reset_after: bool):
    given = arguments(reset_after=reset_after, attention=torch.zeros(BATCH, STEPS).double())
    outputs, last = augru(**given)
    assert torch.equal(last, given["h0"])
    assert torch.equal(outputs[0], given["h0"][0].expand(STEPS, HIDDEN))


def gru(given: dict) -> nn.GRU:
    layer = nn.GRU(INPUT, HIDDEN, batch_first=True).double()
    names = {"weight_ih_l0": "w_ih", "weight_hh_l0": "w_hh", "bias_ih_l0": "b_ih"}
    names["bias_hh_l0"] = "b_hh"
    layer.load_state_dict({name: given[short] for name, short in names.items()})
    return layer


@pytest.mark.parametrize(("att_mode", "attention"), [("paper", 1.0), ("reference", 0.0)])
def test_is_a_plain_gru_at_the_end_of_its_range(att_mode: str, attention: float):
    given = arguments(att_mode=att_mode, attention=torch.full((BATCH, STEPS), attention).double())
    outputs, last = augru(**given)
    expected = gru(given)(given["x"], given["h0"][None])[0]
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(outputs[row, :length], expected[row, :length])
        assert not outputs[row, length:].any()
        torch.testing.assert_close(
            last[row], expected[row, length - 1] if length else given["h0"][row]
        )


def test_agru_with_attention_one_returns_the_last_candidate():
    ones = torch.ones(BATCH, STEPS).double()
    agru = augru(**arguments(att_mode="agru", attention=ones))[1]
    replaced = augru(**arguments(att_mode="reference", attention=ones))[1]
    assert torch.equal(agru, replaced)
    assert agru[0].abs().max() < 1


@pytest.mark.parametrize("reset_after", [True, False])
def test_state_moves_linearly_in_attention(reset_after: bool):
    given = arguments(reset_after=reset_after, lengths=torch.ones(BATCH, dtype=torch.int64))
    whole = augru(**given | {"attention": torch.ones(BATCH, STEPS).double()})[1]
    part = augru(**given)[1]
    expected = given["h0"] + given["attention"][:, :1] * (whole - given["h0"])
    torch.testing.assert_close(part, expected, rtol=0, atol=1e-12)


def test_reset_before_applies_the_gate_to_the_state():
    given = arguments(reset_after=False, attention=torch.ones(BATCH, STEPS).double())
    x, h = given["x"][0, 0], given["h0"][0]
    wr, wz, wn = given["w_ih"].chunk(3)
    ur, uz, un = given["w_hh"].chunk(3)
    br, bz, bn = (given["b_ih"] + given["b_hh"]).chunk(3)
    r = (wr @ x + ur @ h + br).sigmoid()
    z = (wz @ x + uz @ h + bz).sigmoid()
    n = (wn @ x + un @ (r * h) + bn).tanh()
    torch.testing.assert_close(augru(**given)[0][0, 0], z * h + (1 - z) * n)


@pytest.mark.parametrize("att_mode", ATTENTION_MODES)
def test_padding_is_never_read(att_mode: str):
    given = arguments(att_mode=att_mode)
    expected = augru(**given)
    x = torch.cat([given["x"], torch.zeros(BATCH, 2, INPUT).double()], 1)
    attention = torch.cat([given["attention"], torch.zeros(BATCH, 2).double()], 1)
    for row, length in enumerate(LENGTHS):
        x[row, length:] = torch.nan
        attention[row, length:] = torch.nan
    outputs, last = augru(**given | {"x": x, "attention": attention})
    assert torch.equal(last, expected[1])
    assert torch.equal(outputs[:, :STEPS], expected[0])


@pytest.mark.parametrize("att_mode", ATTENTION_MODES)
@pytest.mark.parametrize("reset_after", [True, False])
def test_gradients_are_right_for_every_tensor(att_mode: str, reset_after: bool):
    given = arguments(att_mode=att_mode, reset_after=reset_after)
    names = [n for n, v in given.items() if isinstance(v, Tensor) and v.is_floating_point()]
    tensors = [given[name].requires_grad_() for name in names]

    def function(*values: Tensor) -> tuple[Tensor, Tensor]:
        return augru(**given | dict(zip(names, values, strict=True)))

    assert torch.autograd.gradcheck(function, tensors)


def test_no_step_and_no_history_return_the_first_state():
    given = arguments()
    none = augru(**given | {"lengths": torch.zeros(BATCH, dtype=torch.int64)})
    assert torch.equal(none[1], given["h0"])
    assert not none[0].any()
    empty = {"x": given["x"][:, :0], "attention": given["attention"][:, :0]}
    empty["lengths"] = torch.zeros(BATCH, dtype=torch.int64)
    outputs, last = augru(**given | empty)
    assert outputs.shape == (BATCH, 0, HIDDEN)
    assert torch.equal(last, given["h0"])


def test_the_first_state_is_zero_by_default():
    given = arguments()
    zeros = augru(**given | {"h0": torch.zeros(BATCH, HIDDEN).double()})
    assert torch.equal(augru(**given | {"h0": None})[1], zeros[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(4, 3)}, r"x: expected shape \[B, T, I\], got \[4, 3\]"),
        ({"attention": torch.zeros(4, 6)}, r"attention: expected shape \[4, 5\], got \[4, 6\]"),
        ({"w_hh": torch.zeros(5, 2)}, r"w_hh: expected shape \[6, 2\], got \[5, 2\]"),
        ({"w_ih": torch.zeros(6, 2)}, r"w_ih: expected shape \[6, 3\], got \[6, 2\]"),
        ({"h0": torch.zeros(4, 3)}, r"h0: expected shape \[4, 2\], got \[4, 3\]"),
        ({"lengths": torch.zeros(4)}, "lengths: expected torch.int64, got torch.float32"),
        ({"b_hh": torch.zeros(6)}, "b_hh: expected torch.float64 as x has, got torch.float32"),
        ({"att_mode": "gru"}, "att_mode: expected one of paper, reference, agru, got 'gru'"),
    ],
)
def test_wrong_arguments_are_named(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        augru(**arguments(**changes))
