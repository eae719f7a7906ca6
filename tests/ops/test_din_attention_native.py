"""The native kernel of `din_attention` against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from recbench.ops import din_attention, native
from recbench.ops.din_attention import NORMALIZE, OP
from recbench.ops.din_attention_cases import dice_cases
from recbench.ops.din_attention_native import ACTIVATION_CODES
from recbench.ops.dispatch import Case, backend, observe
from recbench.ops.native import KERNEL_DTYPES
from recbench.testing.operator_checks import (
    check_compiled,
    check_determinism,
    check_equality,
    check_gradient,
)

pytestmark = pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")

Arguments = Callable[..., dict[str, Any]]
CPU = torch.device("cpu")
CASES = list(OP.cases(CPU, torch.float64))
SMALL = [case for case in CASES if case.name.startswith("small")]
STEPS = 5


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
@named(CASES)
def test_kernel_equals_the_reference(case: Case, dtype: torch.dtype):
    same = next(other for other in OP.cases(CPU, dtype) if other.name == case.name)
    check_equality(OP, same)


@named(SMALL)
def test_kernel_gradients_equal_finite_differences(case: Case):
    check_gradient(OP, case)


@named(SMALL)
def test_kernel_compiles(case: Case):
    check_compiled(OP, case)


@named(CASES)
def test_kernel_is_deterministic(case: Case):
    check_determinism(OP, case)


@named(CASES)
def test_kernel_obeys_the_rules_of_torch(case: Case):
    given, options = direct(case.arguments)
    gates = [given[0].new_empty(0)] * 2
    leaves = [tensor.clone().requires_grad_(tensor.is_floating_point()) for tensor in given]
    # Tracing forward and backward takes a second.
    thorough = case.name == "small prelu softmax"
    checks = ["test_schema", "test_faketensor", "test_autograd_registration"]
    checks += ["test_aot_dispatch_dynamic"] * thorough
    torch.library.opcheck(
        torch.ops.recbench.din_attention.default, (*leaves, *gates, *options), test_utils=checks
    )
    gradient = torch.ones_like(given[0])
    for wanted in ((True, True, True), (True, False, False), (False, True, False)):
        torch.library.opcheck(
            torch.ops.recbench.din_attention_backward.default,
            (gradient, *given, *options, *wanted),
            test_utils=checks[:2],
        )


def direct(arguments: dict) -> tuple[list[Tensor], list[Any]]:
    """Return the native operator's tensors but for Dice's gates, and its options."""
    names = ("query", "keys", "lengths", "w1", "b1", "w2", "b2", "w3", "b3", "slope1", "slope2")
    empty = arguments["query"].new_empty(0)
    tensors = [arguments.get(name, empty) for name in names]
    code = ACTIVATION_CODES[arguments["activation"]]
    return tensors, [code, arguments["normalize"] == "softmax", arguments.get("scale", 1.0)]


@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
def test_kernel_computes_dice_without_gradients(dtype: torch.dtype):
    for case in dice_cases(CPU, dtype):
        with torch.no_grad(), observe() as used, backend("native"):
            output = din_attention(**case.arguments)
        assert used == {"din_attention": {f"native ({native.ISA})"}}
        double = {
            name: value.double() if isinstance(value, Tensor) and name != "lengths" else value
            for name, value in case.arguments.items()
        }
        tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 2e-2)
        torch.testing.assert_close(
            output.double(), OP.reference(**double), rtol=tolerance, atol=tolerance
        )


def test_dice_with_gradients_takes_the_reference(arguments: Arguments):
    given = arguments("dice")
    given["query"].requires_grad_()
    with observe() as used:
        din_attention(**given).sum().backward()
    assert used == {"din_attention": {"reference (no gradient for dice)"}}
    assert given["query"].grad is not None
    with backend("native"), pytest.raises(RuntimeError, match="no gradient for dice"):
        din_attention(**given)


@pytest.mark.parametrize("name", ["query", "keys", "b2", "slope1"])
def test_kernel_gives_the_gradient_of_any_one_argument(name: str, arguments: Arguments):
    given = arguments("prelu", "softmax")
    given[name].requires_grad_()
    gradients = []
    for choice in ("native", "reference"):
        with backend(choice):
            output = din_attention(**given)
        gradients.append(torch.autograd.grad(output.square().sum(), given[name])[0])
    torch.testing.assert_close(*gradients)


def test_lengths_beyond_the_steps_count_as_the_nearer_end(arguments: Arguments):
    given = arguments(lengths=torch.tensor([9, -3, 2**62, -(2**62)]))
    inside = given | {"lengths": torch.tensor([STEPS, 0, STEPS, 0])}
    torch.testing.assert_close(din_attention(**given), din_attention(**inside), rtol=0, atol=0)


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_nan_among_real_events_stays_in_its_row(normalize: str, arguments: Arguments):
    given = arguments(normalize=normalize)
    given["keys"][3, 2] = torch.nan
    output = din_attention(**given)
    assert output[3].isnan().all()
    assert output[:3].isfinite().all()


@settings(max_examples=30, deadline=None, derandomize=True)
@draw(st.data())
def test_fuzz(data: st.DataObject):
    def number(name: str, low: int, high: int) -> int:
        return data.draw(st.integers(low, high), name)

    generator = torch.Generator().manual_seed(number("seed", 0, 2**32))
    batch, steps, width = number("batch", 0, 20), number("steps", 0, 110), number("width", 1, 40)
    first, second = number("first", 1, 90), number("second", 1, 45)
    size = 10.0 ** number("size", -3, 3)
    activation = data.draw(st.sampled_from(("sigmoid", "relu", "prelu")))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    given = {
        "query": normal(batch, width),
        "keys": normal(batch, steps, width) * size,
        "lengths": torch.randint(0, steps + 1, (batch,), generator=generator),
        "w1": normal(first, 4 * width) / width,
        "b1": normal(first),
        "w2": normal(second, first) / first,
        "b2": normal(second),
        "w3": normal(second) / second,
        "b3": normal(1),
        "activation": activation,
        "normalize": data.draw(st.sampled_from(NORMALIZE)),
        "scale": data.draw(st.floats(-2, 2)),
    }
    if activation == "prelu":
        given |= {"slope1": normal(first), "slope2": normal(second)}
    check_equality(OP, Case("fuzz", given))


def test_wrong_direct_calls_raise(arguments: Arguments):
    given, options = direct(arguments("prelu"))
    gates = [given[0].new_empty(0)] * 2
    operator = torch.ops.recbench.din_attention
    wrong = [(n, tensor[None]) for n, tensor in enumerate(given)]
    wrong += [(n, tensor.float()) for n, tensor in enumerate(given)]
    wrong += [(n, tensor[:-1]) for n, tensor in enumerate(given)]
    wrong += [(n, tensor.new_empty(0)) for n, tensor in enumerate(given)]
    refused = pytest.raises((RuntimeError, ValueError), match="recbench: ")
    for n, tensor in wrong:
        with refused:
            operator(*given[:n], tensor, *given[n + 1 :], *gates, *options)
        with refused:
            torch.ops.recbench.din_attention_backward(
                given[0], *given[:n], tensor, *given[n + 1 :], *options, True, True, True
            )
    for code in (-1, ACTIVATION_CODES["sigmoid"], ACTIVATION_CODES["dice"], 4):
        with refused:
            operator(*given, *gates, code, *options[1:])
        with refused:
            torch.ops.recbench.din_attention_backward(
                given[0], *given, code, *options[1:], True, True, True
            )
    with refused:
        torch.ops.recbench.din_attention_backward(
            given[0][:, :-1], *given, *options, True, True, True
        )


def test_second_order_gradients_are_refused(arguments: Arguments):
    given = arguments()
    query = given["query"].requires_grad_()
    with backend("native"):
        gradient = torch.autograd.grad(din_attention(**given).sum(), query, create_graph=True)[0]
    with pytest.raises(RuntimeError, match=r"din_attention: the native kernel has first-order"):
        gradient.sum().backward()
