"""`check_op` passes an operator that does as its reference, and finds out those that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from recbench.ops import native
from recbench.ops.din_attention import OP as DIN_ATTENTION
from recbench.ops.dispatch import Case, Operator, backend, runs_native
from recbench.testing import CheckFailure, check_op


@pytest.fixture(autouse=True)
def choose_freely():
    with backend("auto"):
        yield


def reference(x: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean square of each row's real steps, [B], for x [B, T]."""
    real = torch.arange(x.shape[1]) < lengths[:, None]
    return x.masked_fill(~real, 0).square().sum(1) / lengths.clamp(min=1)


@torch.library.custom_op("recbench_tests::mean_square", mutates_args=())
def kernel(x: Tensor, lengths: Tensor) -> Tensor:
    """The kernel: another way to the same numbers."""
    kept = _kept(x, lengths).double()
    return torch.einsum("bt,bt->b", kept, kept).div(lengths.clamp(min=1)).to(x.dtype)


@kernel.register_fake
def _(x: Tensor, lengths: Tensor) -> Tensor:
    return x.new_empty(len(x))


FACTOR = {"of x": 2.0}


def _gradient(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
    kept, lengths = ctx.saved_tensors
    return FACTOR["of x"] * kept * (gradient / lengths.clamp(min=1))[:, None], None


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(_kept(*inputs), inputs[1])


kernel.register_autograd(_gradient, setup_context=_keep)


def _kept(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(torch.arange(x.shape[1]) < lengths[:, None], x, 0)


def mean_square(x: Tensor, lengths: Tensor) -> Tensor:
    run = kernel if runs_native("mean_square", (), unavailable="") else reference
    return run(x, lengths)


def cases(device: torch.device, dtype: torch.dtype) -> list[Case]:
    def case(name: str, lengths: list[int], steps: int) -> Case:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(len(lengths), steps, generator=generator).to(dtype)
        return Case(name, {"x": x, "lengths": torch.tensor(lengths, dtype=torch.int64)})

    hidden = case("nan at padding", [2, 0], 3)
    hidden.arguments["x"][0, 2] = torch.nan
    return [case("no row", [], 3), case("small", [3, 0, 1], 3), case("large", [99] * 9, 99), hidden]


CORRECT = Operator("mean_square", mean_square, reference, cases, lambda device: [])


def test_a_correct_operator_passes():
    assert check_op(CORRECT) is None


def test_it_passes_where_recbenchs_own_kernels_are_not_built(monkeypatch):
    monkeypatch.setattr(native, "REFUSAL", "not built")
    assert check_op(CORRECT, dtypes=[torch.float32]) is None


def reads_padding(x: Tensor, lengths: Tensor) -> Tensor:
    if runs_native("mean_square", (), unavailable=""):
        return x.square().sum(1) / lengths.clamp(min=1)
    return reference(x, lengths)


def asks_nobody(x: Tensor, lengths: Tensor) -> Tensor:
    return reference(x, lengths)


def depends_on_threads(x: Tensor, lengths: Tensor) -> Tensor:
    return mean_square(x, lengths) * (1 + 1e-7 * torch.get_num_threads())


def leaves_the_graph(x: Tensor, lengths: Tensor) -> Tensor:
    if len(lengths) and int(lengths[0]) < 0:
        raise ValueError("a negative length")
    return mean_square(x, lengths)


@pytest.mark.parametrize(
    ("function", "check", "cause"),
    [
        (reads_padding, "check_equality", "small: result 0"),
        (asks_nobody, "check_choice", "no row: asked for native, the wrapper reports nothing"),
        (depends_on_threads, "check_determinism", "depend on the number of threads"),
        (leaves_the_graph, "check_compiled", "it raises"),
    ],
)
def test_a_faulty_operator_fails_the_check_it_concerns(function, check, cause):
    with pytest.raises(CheckFailure, match=rf"^mean_square fails {check}: .*{cause}") as caught:
        check_op(replace(CORRECT, function=function), dtypes=[torch.float32])
    assert caught.value.check == check


def test_a_wrong_gradient_is_found_by_the_reference_and_by_differences(monkeypatch):
    monkeypatch.setitem(FACTOR, "of x", 1.0)
    with pytest.raises(CheckFailure, match="fails check_equality: small: gradient of x"):
        check_op(CORRECT)
    with pytest.raises(CheckFailure, match=r"fails check_gradient: small: (?s:.*)Jacobian"):
        check_op(CORRECT, only=["check_gradient"])


def test_a_kernel_that_cannot_run_is_told():
    def refuses(x: Tensor, lengths: Tensor) -> Tensor:
        runs_native("mean_square", (), unavailable="no such library")
        return reference(x, lengths)

    with pytest.raises(CheckFailure, match="check_choice: no row: .*cannot run: no such library"):
        check_op(replace(CORRECT, function=refuses))


@pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")
def test_an_operator_of_recbench_passes():
    few = replace(DIN_ATTENTION, cases=lambda *where: list(DIN_ATTENTION.cases(*where))[2:6])
    assert check_op(few, dtypes=[torch.float32]) is None
