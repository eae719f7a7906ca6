from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from recbench.ops import din_attention, native
from recbench.ops.din_attention import ACTIVATIONS, NORMALIZE, OP
from recbench.ops.din_attention_cases import dice_cases
from recbench.ops.din_attention_native import ACTIVATION_CODES
from recbench.ops.dispatch import KERNEL_DTYPES, Case, backend, observe
from recbench.testing.operator_checks import (
    check_compiled,
    check_determinism,
    check_equality,
    check_gradient,
)

CPU = torch.device("cpu")
CASES = list(OP.cases(CPU, torch.float64))
SMALL = [case for case in CASES if case.name.startswith("small")]

needs_kernel = pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


BATCH, STEPS, WIDTH, HIDDEN1, HIDDEN2 = 4, 5, 3, 6, 4
LENGTHS = (5, 1, 0, 3)


def arguments(activation: str = "sigmoid", normalize: str = "none", **changes: Any) -> dict:
    torch.manual_seed(0)
    shapes = {
        "query": (BATCH, WIDTH),
        "keys": (BATCH, STEPS, WIDTH),
        "w1": (HIDDEN1, 4 * WIDTH),
        "b1": (HIDDEN1,),
        "w2": (HIDDEN2, HIDDEN1),
        "b2": (HIDDEN2,),
        "w3": (HIDDEN2,),
        "b3": (1,),
    }
    if activation in ("prelu", "dice"):
        shapes |= {"slope1": (HIDDEN1,), "slope2": (HIDDEN2,)}
    if activation == "dice":
        shapes |= {"gate1": (2, HIDDEN1), "gate2": (2, HIDDEN2)}
    tensors = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
    options = {"activation": activation, "normalize": normalize}
    return {**tensors, "lengths": torch.tensor(LENGTHS), **options, **changes}


def naive(arguments: dict) -> Tensor:
    """The definition event by event, with the concatenation written out."""

    def activate(values: Tensor, slope: Tensor | None, gate: Tensor | None) -> Tensor:
        if arguments["activation"] == "dice":
            p = torch.sigmoid((values - gate[0]) * gate[1])
            return p * values + (1 - p) * slope * values
        if arguments["activation"] == "prelu":
            return torch.where(values > 0, values, slope * values)
        return {"sigmoid": torch.sigmoid, "relu": torch.relu}[arguments["activation"]](values)

    def score(q: Tensor, k: Tensor) -> Tensor:
        x = torch.cat([q, k, q - k, q * k])
        x = activate(
            arguments["w1"] @ x + arguments["b1"], arguments.get("slope1"), arguments.get("gate1")
        )
        x = activate(
            arguments["w2"] @ x + arguments["b2"], arguments.get("slope2"), arguments.get("gate2")
        )
        return (arguments["w3"] @ x + arguments["b3"][0]) * arguments.get("scale", 1.0)

    rows = []
    for q, keys, length in zip(
        arguments["query"], arguments["keys"], arguments["lengths"], strict=True
    ):
        if not length:
            rows.append(torch.zeros_like(q))
            continue
        weights = torch.stack([score(q, k) for k in keys[:length]])
        if arguments["normalize"] == "softmax":
            weights = weights.softmax(0)
        rows.append(weights @ keys[:length])
    return torch.stack(rows)


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_equals_the_concatenation_written_out(activation: str, normalize: str):
    given = arguments(activation, normalize, scale=0.7)
    torch.testing.assert_close(din_attention(**given), naive(given), rtol=0, atol=1e-12)


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_right_for_every_tensor(activation: str, normalize: str):
    given = arguments(activation, normalize)
    names = [n for n, v in given.items() if isinstance(v, Tensor) and v.is_floating_point()]
    tensors = [given[name].requires_grad_() for name in names]

    def function(*values: Tensor) -> Tensor:
        return din_attention(**given | dict(zip(names, values, strict=True)))

    assert torch.autograd.gradcheck(function, tensors, fast_mode=True)


def test_softmax_over_one_event_returns_it():
    given = arguments(normalize="softmax")
    assert torch.equal(din_attention(**given)[1], given["keys"][1, 0])


def test_without_softmax_one_event_is_weighted_by_its_score():
    given = arguments()
    output, key = din_attention(**given)[1], given["keys"][1, 0]
    weight = output[0] / key[0]
    torch.testing.assert_close(output, weight * key)
    assert abs(weight - 1) > 1e-3


def test_doubling_every_event_doubles_the_intensity_but_not_the_softmax():
    for normalize, factor in (("none", 2.0), ("softmax", 1.0)):
        given = arguments(normalize=normalize, lengths=torch.full((BATCH,), STEPS))
        twice = given | {"keys": given["keys"].repeat(1, 2, 1), "lengths": given["lengths"] * 2}
        torch.testing.assert_close(din_attention(**twice), factor * din_attention(**given))


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_padding_is_never_read(normalize: str):
    given = arguments(normalize=normalize)
    keys = F.pad(given["keys"], (0, 0, 0, 3))
    for row, length in enumerate(LENGTHS):
        keys[row, length:] = torch.nan
    w1 = given["w1"].requires_grad_()
    expected = din_attention(**given)
    padded = din_attention(**given | {"keys": keys})
    torch.testing.assert_close(padded, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(output.sum(), w1)[0] for output in (padded, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_constant_scores_give_the_sum_or_the_mean_of_events():
    for normalize in NORMALIZE:
        given = arguments(normalize=normalize)
        given |= {"w3": torch.zeros_like(given["w3"]), "b3": torch.full_like(given["b3"], 0.3)}
        output = din_attention(**given)
        for row, length in enumerate(LENGTHS[:2]):
            total = given["keys"][row, :length].sum(0)
            expected = 0.3 * total if normalize == "none" else total / length
            torch.testing.assert_close(output[row], expected)


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_empty_histories_give_zeros_and_finite_gradients(normalize: str):
    for steps in (0, STEPS):
        given = arguments(normalize=normalize, lengths=torch.zeros(BATCH, dtype=torch.int64))
        given["keys"] = given["keys"][:, :steps]
        query = given["query"].requires_grad_()
        output = din_attention(**given)
        assert output.shape == (BATCH, WIDTH)
        assert not output.any()
        output.sum().backward()
        assert query.grad is not None
        assert query.grad.isfinite().all()


def test_non_contiguous_input_gives_the_same():
    given = arguments()
    keys = given["keys"].transpose(0, 1).contiguous().transpose(0, 1)
    query = given["query"].repeat_interleave(2, 1)[:, ::2]
    moved = din_attention(**given | {"keys": keys, "query": query})
    torch.testing.assert_close(moved, din_attention(**given))


def single(arguments: dict) -> dict:
    return {
        name: value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in arguments.items()
    }


@pytest.mark.parametrize("choice", ["reference", pytest.param("native", marks=needs_kernel)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_runs_under_autocast(activation: str, dtype: torch.dtype, choice: Any):
    given = single(arguments(activation, "softmax"))
    expected = din_attention(**given)
    given["query"] = given["query"].to(dtype)
    with torch.autocast("cpu", dtype), backend(choice):
        output = din_attention(**given)
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), expected, rtol=0.1, atol=0.1)


@needs_kernel
def test_autocast_leaves_float64_alone():
    with torch.autocast("cpu", torch.bfloat16), backend("native"):
        assert din_attention(**arguments()).dtype == torch.float64


@needs_kernel
def test_gradients_under_autocast_have_the_arguments_dtypes():
    given = single(arguments("prelu"))
    names = [name for name, value in given.items() if isinstance(value, Tensor) and name[0] in "qw"]
    tensors = [given[name].requires_grad_() for name in names]
    gradients = []
    for choice in ("native", "reference"):
        with torch.autocast("cpu", torch.bfloat16), backend(choice):
            output = din_attention(**given)
        gradients.append(torch.autograd.grad(output.float().sum(), tensors))
    for have, want in zip(*gradients, strict=True):
        assert have.dtype == torch.float32
        torch.testing.assert_close(have, want, rtol=0.1, atol=0.1 * want.abs().max().item())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": torch.zeros(3)}, r"query: expected shape \[B, D\], got \[3\]"),
        ({"keys": torch.zeros(4, 5, 2)}, r"keys: expected shape \[4, T, 3\], got \[4, 5, 2\]"),
        ({"lengths": torch.zeros(3)}, r"lengths: expected shape \[4\], got \[3\]"),
        ({"lengths": torch.zeros(4)}, r"lengths: expected torch.int64, got torch.float32"),
        ({"w1": torch.zeros(6, 9)}, r"w1: expected shape \[H1, 12\], got \[6, 9\]"),
        ({"w2": torch.zeros(4, 5)}, r"w2: expected shape \[H2, 6\], got \[4, 5\]"),
        ({"b3": torch.zeros(1)}, r"b3: expected torch.float64 as query has, got torch.float32"),
        ({"query": torch.zeros(4, 3, dtype=torch.int64)}, "query: expected a floating dtype"),
        ({"activation": "tanh"}, "activation: expected one of sigmoid, relu, prelu, dice, got"),
        ({"normalize": "max"}, "normalize: expected one of none, softmax, got 'max'"),
        ({"activation": "prelu", "slope1": None}, r"slope1: expected shape \[6\] for .* got None"),
        ({"slope2": torch.zeros(4)}, "slope2: expected None for activation 'sigmoid'"),
        ({"gate1": torch.zeros(2, 6)}, "gate1: expected None for activation 'sigmoid'"),
        ({"activation": "dice", "gate2": None}, r"gate2: expected shape \[2, 4\] for .* got None"),
        ({"b1": torch.zeros(6, dtype=torch.float64, device="meta")}, "b1: expected device cpu"),
    ],
)
def test_wrong_arguments_are_named(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        din_attention(**arguments(**changes))


@needs_kernel
@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
@named(CASES)
def test_kernel_equals_the_reference(case: Case, dtype: torch.dtype):
    same = next(other for other in OP.cases(CPU, dtype) if other.name == case.name)
    check_equality(OP, same)


@needs_kernel
@named(SMALL)
def test_kernel_gradients_equal_finite_differences(case: Case):
    check_gradient(OP, case)


@needs_kernel
@named(SMALL)
def test_kernel_compiles(case: Case):
    check_compiled(OP, case)


@needs_kernel
@named(CASES)
def test_kernel_is_deterministic(case: Case):
    check_determinism(OP, case)


@needs_kernel
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


@needs_kernel
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


@needs_kernel
def test_dice_with_gradients_takes_the_reference():
    given = arguments("dice")
    given["query"].requires_grad_()
    with observe() as used:
        din_attention(**given).sum().backward()
    assert used == {"din_attention": {"reference (no gradient for dice)"}}
    assert given["query"].grad is not None
    with backend("native"), pytest.raises(RuntimeError, match="no gradient for dice"):
        din_attention(**given)


@needs_kernel
@pytest.mark.parametrize("name", ["query", "keys", "b2", "slope1"])
def test_kernel_gives_the_gradient_of_any_one_argument(name: str):
    given = arguments("prelu", "softmax")
    given[name].requires_grad_()
    gradients = []
    for choice in ("native", "reference"):
        with backend(choice):
            output = din_attention(**given)
        gradients.append(torch.autograd.grad(output.square().sum(), given[name])[0])
    torch.testing.assert_close(*gradients)


@needs_kernel
def test_lengths_beyond_the_steps_count_as_the_nearer_end():
    given = arguments(lengths=torch.tensor([9, -3, 2**62, -(2**62)]))
    inside = given | {"lengths": torch.tensor([STEPS, 0, STEPS, 0])}
    torch.testing.assert_close(din_attention(**given), din_attention(**inside), rtol=0, atol=0)


@needs_kernel
@pytest.mark.parametrize("normalize", NORMALIZE)
def test_nan_among_real_events_stays_in_its_row(normalize: str):
    given = arguments(normalize=normalize)
    given["keys"][3, 2] = torch.nan
    output = din_attention(**given)
    assert output[3].isnan().all()
    assert output[:3].isfinite().all()


@needs_kernel
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


@needs_kernel
def test_wrong_direct_calls_raise():
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


@needs_kernel
def test_second_order_gradients_are_refused():
    given = arguments()
    query = given["query"].requires_grad_()
    with backend("native"):
        gradient = torch.autograd.grad(din_attention(**given).sum(), query, create_graph=True)[0]
    with pytest.raises(RuntimeError, match=r"din_attention: the native kernel has first-order"):
        gradient.sum().backward()
