from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recbench.ops import augru, native
from recbench.ops.augru import ATTENTION_MODES, OP
from recbench.ops.augru_cases import arguments
from recbench.ops.dispatch import Case, backend, observe
from recbench.ops.native import KERNEL_DTYPES
from recbench.testing.operator_checks import (
    check_compiled,
    check_determinism,
    check_equality,
    check_gradient,
)

pytestmark = pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")

CPU = torch.device("cpu")
NAMES = ("x", "attention", "w_ih", "w_hh", "b_ih", "b_hh", "h0")


def cases(dtype: torch.dtype, small: bool = False) -> list[Any]:
    found = OP.cases(CPU, dtype)
    if small:
        found = [
            c for c in found if c.arguments["x"].numel() < 99 and len(c.arguments["b_hh"]) < 54
        ]
    return [pytest.param(case, id=f"{case.name}-{dtype}") for case in found]


@pytest.mark.parametrize("case", [case for dtype in KERNEL_DTYPES for case in cases(dtype)])
def test_equals_the_reference(case: Case):
    check_equality(OP, case)


@pytest.mark.parametrize("case", cases(torch.float64, small=True))
def test_gradient(case: Case):
    check_gradient(OP, case)


@pytest.mark.parametrize("case", cases(torch.float32))
def test_determinism(case: Case):
    check_determinism(OP, case)


@pytest.mark.parametrize("case", cases(torch.float32, small=True)[::4])
def test_compiles(case: Case):
    check_compiled(OP, case)


def operands(case_arguments: dict[str, Any], grad: bool = True) -> list[Any]:
    """Return the arguments of `torch.ops.recbench.augru` but for the last."""
    x = case_arguments["x"]
    h0 = case_arguments["h0"]
    tensors = {**case_arguments, "h0": x.new_empty(0) if h0 is None else h0}
    names = ["x", "attention", "lengths", *NAMES[2:]]
    values = [tensors[name].detach().clone() for name in names]
    if grad:
        values = [v.requires_grad_() if v.is_floating_point() else v for v in values]
    mode = ATTENTION_MODES.index(case_arguments["att_mode"])
    return [*values, mode, case_arguments["reset_after"]]


@pytest.mark.parametrize("case", cases(torch.float32, small=True)[::4])
def test_opcheck(case: Case):
    # What is saved has no meaning at padding, so that two runs may differ there: not saved here.
    torch.library.opcheck(torch.ops.recbench.augru, (*operands(case.arguments), False))


@pytest.mark.parametrize("reset_after", [True, False])
def test_opcheck_of_a_saving_call(reset_after: bool):
    given = arguments(
        [4, 4], device=CPU, dtype=torch.float64, steps=4, hidden=16, reset_after=reset_after
    )
    torch.library.opcheck(torch.ops.recbench.augru, (*operands(given), True))


@pytest.mark.parametrize("case", cases(torch.float32, small=True)[::4])
def test_opcheck_of_the_backward_pass(case: Case):
    torch.library.opcheck(torch.ops.recbench.augru_backward, backward_operands(case.arguments))


def backward_operands(given: dict[str, Any]) -> tuple[Any, ...]:
    values = operands(given, grad=False)
    outputs, last, saved = torch.ops.recbench.augru(*values, True)
    x, attention, lengths, w_ih, w_hh, _, _, h0, *form = values
    grads = torch.ones_like(outputs), torch.ones_like(last)
    tensors = (*grads, x, attention, lengths, w_ih, w_hh, h0, outputs, saved)
    return (*tensors, *form, True, True)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    data=st.data(),
    steps=st.integers(0, 9),
    inputs=st.integers(1, 20),
    hidden=st.integers(1, 40),
    h0=st.booleans(),
    att_mode=st.sampled_from(ATTENTION_MODES),
    reset_after=st.booleans(),
    scale=st.sampled_from([0.01, 1.0, 30.0]),
    attention=st.sampled_from([None, 0.0, 1.0, -2.0]),
)
def test_fuzz(data, steps, inputs, hidden, h0, att_mode, reset_after, scale, attention):
    # Without steps and without a first state nothing has a gradient.
    assume(steps or h0)
    lengths = data.draw(st.lists(st.integers(0, steps), max_size=60))
    given = arguments(
        lengths, device=CPU, dtype=torch.float64, steps=steps, inputs=inputs, hidden=hidden,
        h0=h0, att_mode=att_mode, reset_after=reset_after,
    )  # fmt: skip
    given["x"] = given["x"] * scale
    if attention is not None:
        given["attention"] = torch.full_like(given["attention"], attention)
    check_equality(OP, Case("fuzz", given))


def gradients(given: dict[str, Any], names: tuple[str, ...], which: str) -> list[Tensor]:
    leaves = {name: given[name].detach().requires_grad_() for name in names}
    outputs, last = augru(**given | leaves)
    chosen = {"outputs": outputs.sum(), "last": last.sum(), "both": outputs.sum() + last.sum()}
    return list(torch.autograd.grad(chosen[which], list(leaves.values())))


@pytest.mark.parametrize("names", [("x",), ("attention",), ("h0",), ("b_hh",), ("w_ih", "x")])
@pytest.mark.parametrize("which", ["outputs", "last", "both"])
def test_a_subset_of_gradients_is_the_same(names: tuple[str, ...], which: str):
    given = arguments([6, 1, 0, 3, 6], device=CPU, dtype=torch.float64)
    everything = dict(zip(NAMES, gradients(given, NAMES, which), strict=True))
    for name, gradient in zip(names, gradients(given, names, which), strict=True):
        assert torch.equal(gradient, everything[name])
    with backend("reference"):
        expected = gradients(given, NAMES, which)
    for got, want in zip(everything.values(), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


def test_gates_are_computed_anew_where_they_were_not_saved():
    given = arguments([6, 1, 0, 3, 6], device=CPU, dtype=torch.float64)
    values = operands(given)
    leaves = [v for v in values if isinstance(v, Tensor) and v.requires_grad]
    results = []
    for save in (True, False):
        outputs, _, saved = torch.ops.recbench.augru(*values, save)
        assert bool(saved.numel()) == save
        results.append(torch.autograd.grad(outputs.sum(), leaves))
    assert all(map(torch.equal, *results))


def test_works_under_activation_checkpointing():
    given = arguments([6, 1, 0, 3, 6], device=CPU, dtype=torch.float64)
    expected = gradients(given, ("x",), "outputs")[0]
    x = given["x"].requires_grad_()
    for reentrant in (True, False):
        x.grad = None
        checkpoint(
            lambda x: augru(**given | {"x": x})[0], x, use_reentrant=reentrant
        ).sum().backward()
        assert torch.equal(x.grad, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_follows_the_reference(dtype: torch.dtype):
    given = arguments([6, 1, 0, 3, 6], device=CPU, dtype=torch.float32)
    given["x"] = given["x"].to(dtype)
    results = []
    with torch.autocast("cpu", torch.bfloat16):
        for choice in ("native", "reference"):
            with backend(choice):
                outputs, last = augru(**given)
                grads = gradients(given, NAMES, "both")
            assert outputs.dtype == last.dtype == torch.float32
            assert [g.dtype for g in grads] == [given[name].dtype for name in NAMES]
            results.append([outputs, last, *grads])
    for got, want in zip(*results, strict=True):
        scale = want.float().abs().max().clamp(min=1)
        torch.testing.assert_close(got / scale, want / scale, rtol=0, atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_autocast_with_other_weights_takes_the_reference(dtype: torch.dtype):
    given = arguments([3, 1], device=CPU, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16), observe() as used:
        assert augru(**given)[0].dtype == dtype
    reason = "under autocast the kernel is for weights of float32"
    assert used == {"augru": {f"reference ({reason})"}}


def test_is_observed():
    given = arguments([3, 1], device=CPU, dtype=torch.float32)
    with observe() as used:
        augru(**given)
    assert used == {"augru": {f"native ({native.ISA})"}}


def test_lengths_beyond_the_steps_are_harmless():
    given = arguments([6, 0], device=CPU, dtype=torch.float64)
    wrong = given | {"lengths": torch.tensor([2**62, -(2**62)])}
    for got, want in zip(augru(**wrong), augru(**given), strict=True):
        assert torch.equal(got, want)


def test_a_second_derivative_is_refused():
    given = arguments([3, 1], device=CPU, dtype=torch.float64)
    x = given["x"].requires_grad_()
    (gradient,) = torch.autograd.grad(augru(**given)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="augru: the native kernel has first-order gradients"):
        gradient.sum().backward()


WRONG = {
    0: [torch.zeros(2, 6), torch.zeros(2, 6, 3, dtype=torch.int64), torch.zeros(2, 6, 4)],
    1: [torch.zeros(2, 5), torch.zeros(2, 6).double()],
    2: [torch.zeros(2), torch.zeros(3, dtype=torch.int64), torch.tensor(1)],
    3: [torch.zeros(12, 4), torch.zeros(12, 3).double()],
    4: [torch.zeros(11, 4), torch.zeros(12), torch.zeros(12, 0)],
    5: [torch.zeros(13), torch.zeros(12, 1)],
    6: [torch.zeros(0)],
    7: [torch.zeros(2, 3), torch.zeros(8)],
    8: [3, -1],
}


@pytest.mark.parametrize(("place", "value"), [(p, v) for p, vs in WRONG.items() for v in vs])
def test_wrong_direct_calls_are_refused(place: int, value: Any):
    values = operands(arguments([3, 1], device=CPU, dtype=torch.float32), grad=False)
    values[place] = value
    with pytest.raises((RuntimeError, ValueError), match="augru"):
        torch.ops.recbench.augru(*values, True)


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_wrong_direct_calls_of_the_backward_pass_are_refused(place: int):
    values = list(backward_operands(arguments([3, 1], device=CPU, dtype=torch.float32)))
    for wrong in (values[place].new_ones(7, 7), values[place].double()):
        with pytest.raises((RuntimeError, ValueError), match="augru"):
            torch.ops.recbench.augru_backward(*values[:place], wrong, *values[place + 1 :])
