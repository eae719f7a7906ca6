"""What `din_attention` computes: the paper's formula, in every implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recbench.ops import backend, din_attention, native
from recbench.ops.din_attention import ACTIVATIONS, NORMALIZE

Arguments = Callable[..., dict[str, Any]]
BATCH, STEPS, WIDTH = 4, 5, 3
LENGTHS = (5, 1, 0, 3)

needs_kernel = pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")


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
def test_equals_the_concatenation_written_out(
    activation: str, normalize: str, arguments: Arguments
):
    given = arguments(activation, normalize, scale=0.7)
    torch.testing.assert_close(din_attention(**given), naive(given), rtol=0, atol=1e-12)


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_right_for_every_tensor(
    activation: str, normalize: str, arguments: Arguments
):
    given = arguments(activation, normalize)
    names = [n for n, v in given.items() if isinstance(v, Tensor) and v.is_floating_point()]
    tensors = [given[name].requires_grad_() for name in names]

    def function(*values: Tensor) -> Tensor:
        return din_attention(**given | dict(zip(names, values, strict=True)))

    assert torch.autograd.gradcheck(function, tensors, fast_mode=True)


def test_softmax_over_one_event_returns_it(arguments: Arguments):
    given = arguments(normalize="softmax")
    assert torch.equal(din_attention(**given)[1], given["keys"][1, 0])


def test_without_softmax_one_event_is_weighted_by_its_score(arguments: Arguments):
    given = arguments()
    output, key = din_attention(**given)[1], given["keys"][1, 0]
    weight = output[0] / key[0]
    torch.testing.assert_close(output, weight * key)
    assert abs(weight - 1) > 1e-3


def test_doubling_every_event_doubles_the_intensity_but_not_the_softmax(arguments: Arguments):
    for normalize, factor in (("none", 2.0), ("softmax", 1.0)):
        given = arguments(normalize=normalize, lengths=torch.full((BATCH,), STEPS))
        twice = given | {"keys": given["keys"].repeat(1, 2, 1), "lengths": given["lengths"] * 2}
        torch.testing.assert_close(din_attention(**twice), factor * din_attention(**given))


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_padding_is_never_read(normalize: str, arguments: Arguments):
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


def test_constant_scores_give_the_sum_or_the_mean_of_events(arguments: Arguments):
    for normalize in NORMALIZE:
        given = arguments(normalize=normalize)
        given |= {"w3": torch.zeros_like(given["w3"]), "b3": torch.full_like(given["b3"], 0.3)}
        output = din_attention(**given)
        for row, length in enumerate(LENGTHS[:2]):
            total = given["keys"][row, :length].sum(0)
            expected = 0.3 * total if normalize == "none" else total / length
            torch.testing.assert_close(output[row], expected)


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_empty_histories_give_zeros_and_finite_gradients(normalize: str, arguments: Arguments):
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


def test_non_contiguous_input_gives_the_same(arguments: Arguments):
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
def test_runs_under_autocast(
    activation: str, dtype: torch.dtype, choice: Any, arguments: Arguments
):
    given = single(arguments(activation, "softmax"))
    expected = din_attention(**given)
    given["query"] = given["query"].to(dtype)
    with torch.autocast("cpu", dtype), backend(choice):
        output = din_attention(**given)
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), expected, rtol=0.1, atol=0.1)


@needs_kernel
def test_autocast_leaves_float64_alone(arguments: Arguments):
    with torch.autocast("cpu", torch.bfloat16), backend("native"):
        assert din_attention(**arguments()).dtype == torch.float64


@needs_kernel
def test_gradients_under_autocast_have_the_arguments_dtypes(arguments: Arguments):
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
def test_wrong_arguments_are_named(changes: dict, message: str, arguments: Arguments):
    with pytest.raises(ValueError, match=message):
        din_attention(**arguments(**changes))
