"""The operators on a GPU, over the same cases as on the CPU.

Without a GPU they are skipped here; `ctest -R emulated_operators` runs them with kernels emulated
on the host, all but those that ask for what only a GPU has.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ops.soft_search import check_soft
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from recbench.ops import OPERATORS, din_attention_native, native, sim_search_soft
from recbench.ops.din_attention import OP as DIN_ATTENTION
from recbench.ops.dispatch import Case, Operator, backend, observe
from recbench.ops.native import KERNEL_DTYPES
from recbench.testing.operator_checks import check_compiled, check_equality

pytestmark = pytest.mark.cuda

CPU = torch.device("cpu")
NAMES = [operator.name for operator in OPERATORS]
OPTIONS = {"slope1": None, "slope2": None, "gate1": None, "gate2": None, "scale": 1.0}
EMULATED_STRIDE = 4
"""The emulation is slow: of a list of cases it gets every fourth. A search has 15 for it."""


@pytest.fixture(params=OPERATORS, ids=NAMES)
def operator(request, device: torch.device) -> Operator:
    """Each operator that has a kernel for GPUs."""
    if request.param.name not in native.CUDA_KERNELS:
        pytest.skip("no kernel for cuda")
    return request.param


def cases(operator: Operator, device: torch.device, dtype: torch.dtype) -> list[Case]:
    """Return the operator's cases that its kernel for GPUs takes."""
    found = [case for case in operator.cases(device, dtype) if case.arguments.get("k", 0) <= 1024]
    return found[::EMULATED_STRIDE] if device == CPU else found


@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
def test_results_and_gradients_equal_the_reference(
    operator: Operator, dtype: torch.dtype, device: torch.device
):
    for case in cases(operator, device, dtype):
        if operator.name == "sim_search_soft":
            check_soft(case)
        else:
            check_equality(operator, case)


def test_every_call_gives_the_same_bits(operator: Operator, device: torch.device):
    for case in cases(operator, device, torch.float32)[::3]:
        for one, other in zip(run(operator, case), run(operator, case), strict=True):
            assert torch.equal(one.nan_to_num(), other.nan_to_num()), case.name


def test_compiles_whole(operator: Operator, device: torch.device):
    for case in cases(operator, device, torch.float32)[1:3]:
        check_compiled(operator, case)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_follows_the_reference(
    operator: Operator, dtype: torch.dtype, device: torch.device
):
    case = largest(cases(operator, device, torch.float32)[:8])
    results = []
    for choice in ("native", "reference"):
        with torch.no_grad(), torch.autocast(device.type, dtype), backend(choice):
            results.append(as_list(operator.function(**case.arguments)))
    for got, want in zip(*results, strict=True):
        assert got.dtype == want.dtype
        scale = want.double().nan_to_num(0, 0, 0).abs().max().clamp(min=1)
        torch.testing.assert_close(got.double() / scale, want.double() / scale, rtol=0, atol=2e-2)


class Calls(TorchDispatchMode):
    """Remembers calls of recbench's operators."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[Any, Any]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "recbench":
            self.made.append((function, args))
        return function(*args, **kwargs or {})


def test_torch_approves(operator: Operator, device: torch.device):
    for case in cases(operator, device, torch.float32)[1:3]:
        with torch.no_grad(), backend("native"), Calls() as calls:
            operator.function(**case.arguments)
        ((function, arguments),) = calls.made
        torch.library.opcheck(function, arguments)


def widest(function: str, device: torch.device, *sizes: int) -> int:
    """Return the largest width whose shared memory, as the library tells it, a block may have."""
    most = native.ask("most_shared", device.index or 0)
    needed = lambda width: native.ask(function, width, *sizes, 0)  # noqa: E731
    return bisect_right(range(100_000), most, key=needed) - 1


def test_the_widest_search_runs_and_a_wider_one_is_refused(device: torch.device):
    width = widest("sim_search_soft_shared", device, 3)
    none = torch.empty(0, dtype=torch.int64, device=device)
    lengths = torch.tensor([2], device=device)
    for wide in (width, width + 1):
        keys = torch.tensor([1.0, 2.0], device=device)[None, :, None].expand(1, 2, wide)
        call = (torch.ones(1, 1, wide, device=device), [keys], [], none, lengths, 3)
        if wide > width:
            with pytest.raises((ValueError, RuntimeError), match="shared memory"):
                torch.ops.recbench.sim_search_soft(*call)
        else:
            indices, scores = torch.ops.recbench.sim_search_soft(*call)
            assert indices.tolist() == [[[1, 0, -1]]]
            assert scores.tolist() == [[[2 * wide, wide, -torch.inf]]]


def test_the_widest_attention_runs_and_a_wider_one_is_refused(device: torch.device):
    width = widest("din_attention_shared", device, 5, 3)
    for wide in (width, width + 1):
        zeros = {"w1": (5, 4 * wide), "b1": (5,), "w2": (3, 5), "b2": (3,), "w3": (3,)}
        given = {name: torch.zeros(shape, device=device) for name, shape in zeros.items()}
        given |= {"query": torch.ones(1, wide), "keys": torch.ones(1, 2, wide)}
        given |= {"b3": torch.ones(1), "lengths": torch.tensor([2])}
        given |= {"activation": "sigmoid", "normalize": "none"}
        given = moved(given, device)
        if wide > width:
            with pytest.raises((ValueError, RuntimeError), match="shared memory"):
                din_attention_native.run(**given | OPTIONS)
        else:
            assert din_attention_native.run(**given | OPTIONS).tolist() == [[2.0] * wide]


@pytest.mark.parametrize("normalize", ["none", "softmax"])
def test_attention_without_a_layer_has_the_gradients_of_what_is_left(
    device: torch.device, normalize: str
):
    found = [
        each for each in DIN_ATTENTION.cases(device, torch.float32) if "empty width" in each.name
    ]
    assert len(found) == 3
    for case in found:
        check_equality(DIN_ATTENTION, Case(case.name, case.arguments | {"normalize": normalize}))


def test_scores_of_minus_infinity_leave_the_weight_to_later_ones(device: torch.device):
    keys = torch.tensor([0.0] * 32 + [2.0] * 8)[None, :, None]  # the first fill a tile
    given = {"query": torch.ones(1, 1), "keys": keys, "lengths": torch.tensor([40])}
    # relu(k + 1) - 3, which is -2 and 0, and scaled beyond the least number.
    given |= {"w1": torch.tensor([[0.0, 1, 0, 0]]), "b1": torch.ones(1), "w2": torch.ones(1, 1)}
    given |= {"b2": torch.zeros(1), "w3": torch.ones(1), "b3": torch.full((1,), -3.0)}
    given |= {"activation": "relu", "normalize": "softmax", "scale": 3e38}
    given = moved(given, device)
    with backend("native"):
        found = DIN_ATTENTION.function(**given)
    assert found.tolist() == DIN_ATTENTION.reference(**given).tolist() == [[2.0]]


def test_the_widest_gradient_runs_and_a_wider_one_is_refused(device: torch.device):
    prelu = din_attention_native.ACTIVATION_CODES["prelu"]
    width = widest("din_attention_backward_shared", device, 5, 3, prelu)
    for wide in (width, width + 1):
        shapes = [(5, 4 * wide), (5,), (3, 5), (3,), (3,), (1,), (5,), (3,)]
        weights = [torch.zeros(shape, device=device) for shape in shapes]
        row, keys = torch.ones(1, wide, device=device), torch.ones(1, 2, wide, device=device)
        given = (row, row, keys, torch.tensor([2], device=device), *weights, prelu, True, 1.0)
        if wide > width:
            with pytest.raises((ValueError, RuntimeError), match="shared memory"):
                torch.ops.recbench.din_attention_backward(*given, False, True, False)
        else:
            got = torch.ops.recbench.din_attention_backward(*given, False, True, False)
            assert got[1].tolist() == [[[0.5] * wide] * 2]


def test_scores_below_the_least_number_are_ties(device: torch.device):
    keys = torch.zeros(1, 2, 32, device=device)
    keys[0, 0] = 1e-30  # products with it are -0
    query = torch.full((1, 32), -1e-30, device=device)
    lengths = torch.tensor([2], device=device)
    with backend("native"):
        indices, scores = sim_search_soft(query, keys, 2, lengths=lengths)
    assert indices.tolist() == [[0, 1]]
    assert scores.tolist() == [[0.0, 0.0]]


def as_list(found: Any) -> list[Tensor]:
    """Return an operator's results, one or several."""
    return [found] if isinstance(found, Tensor) else list(found)


def run(operator: Operator, case: Case) -> list[Tensor]:
    """Return results, and gradients where there are some, of the native kernel."""
    arguments = dict(case.arguments)
    names = [n for n, v in arguments.items() if isinstance(v, Tensor) and v.is_floating_point()]
    if operator.differentiable:
        arguments |= {name: arguments[name].detach().requires_grad_() for name in names}
    with backend("native"):
        results = operator.function(**arguments)
    results = as_list(results)
    if not operator.differentiable:
        return results
    loss = sum(result.double().sum() for result in results)
    gradients = torch.autograd.grad(loss, [arguments[n] for n in names], allow_unused=True)
    return results + [gradient for gradient in gradients if gradient is not None]


def largest(found: list[Case]) -> Case:
    """Return the case with most numbers."""
    return max(found, key=lambda case: weigh(case.arguments))


def weigh(value: Any) -> int:
    """Return how many numbers there are in arguments."""
    if isinstance(value, dict):
        return sum(map(weigh, value.values()))
    if isinstance(value, list):
        return sum(map(weigh, value))
    return value.numel() if isinstance(value, Tensor) else 0


def moved(value: Any, device: torch.device) -> Any:
    """Return arguments on another device."""
    return applied(value, lambda tensor: tensor.to(device))


def applied(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """Return arguments with every tensor being what a function makes of it."""
    if isinstance(value, dict):
        return {name: applied(each, function) for name, each in value.items()}
    if isinstance(value, list):
        return [applied(each, function) for each in value]
    return function(value) if isinstance(value, Tensor) else value


def assert_same(first: list[Tensor], second: list[Tensor]) -> None:
    """Demand the same bits, on whatever devices."""
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.cpu().nan_to_num(), other.cpu().nan_to_num())


def test_the_native_kernel_runs_by_itself(operator: Operator, gpu: torch.device):
    with backend("auto"), observe() as used, torch.no_grad():
        operator.function(**largest(cases(operator, gpu, torch.float32)).arguments)
    assert used == {operator.name: {"native (cuda)"}}


def test_kernels_follow_the_current_stream(operator: Operator, gpu: torch.device):
    case = largest(cases(operator, gpu, torch.float32))
    expected = run(operator, case)
    stream = torch.cuda.Stream(gpu)
    stream.wait_stream(torch.cuda.current_stream(gpu))
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)  # arguments that come late show who does not wait for them
        late = applied(case.arguments, torch.clone)
        results = run(operator, Case(case.name, late))
    stream.synchronize()
    assert_same(results, expected)


def test_a_cuda_graph_replays(operator: Operator, gpu: torch.device):
    case = largest(cases(operator, gpu, torch.float32))
    expected = run(operator, case)
    torch.cuda.synchronize(gpu)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = run(operator, case)
    graph.replay()
    torch.cuda.synchronize(gpu)
    assert_same(results, expected)


def test_another_device_than_the_current_one(operator: Operator, gpu: torch.device):
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device alone")
    case = largest(cases(operator, gpu, torch.float32))
    other = torch.device("cuda", 1 - torch.cuda.current_device())
    results = run(operator, Case(case.name, moved(case.arguments, other)))
    assert all(result.device == other for result in results)
    assert torch.cuda.current_device() == gpu.index
    assert_same(results, run(operator, case))


def test_tensors_on_two_devices_are_refused(gpu: torch.device):
    query, keys = torch.zeros(2, 1, 4, device=gpu), [torch.zeros(6, 4, device=gpu)]
    none = torch.empty(0, dtype=torch.int64, device=gpu)
    offsets = torch.tensor([0, 3, 6])
    with pytest.raises((ValueError, RuntimeError), match="expected all tensors on one device"):
        torch.ops.recbench.sim_search_soft(query, keys, [], offsets, none, 2)
