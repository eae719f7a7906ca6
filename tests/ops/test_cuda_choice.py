"""Which implementation runs on a GPU, and why; told by tensors that only pretend to be on one."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from recbench.ops import OPERATORS, backend, cuda, din_attention_native, native
from recbench.ops.augru_cases import arguments as augru_arguments
from recbench.ops.dispatch import implementation, observe, runs_native
from recbench.ops.sim_search_hard import make_case as hard_case
from recbench.ops.sim_search_soft import sim_search_soft
from recbench.ops.sim_search_soft_cases import make_case as soft_case

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)


@pytest.fixture
def _pretend():
    """Let tensors be on a device that is not there."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


@pytest.fixture
def library(monkeypatch):
    """A library with CUDA kernels, on a card with 200 bytes of shared memory."""
    monkeypatch.setattr(native, "REFUSAL", "")
    monkeypatch.setattr(native, "CUDA_ARCHITECTURES", ("80-real", "90"))
    kernels = frozenset({"din_attention", "sim_search_soft", "sim_search_hard"})
    monkeypatch.setattr(native, "CUDA_KERNELS", kernels)
    answers = {"capability": 90, "most_shared": 200}
    monkeypatch.setattr(native, "ask", lambda function, *of: answers.get(function, sum(of)))
    return answers


@pytest.fixture
def built(library, _pretend, monkeypatch):
    """The same, with tensors that can be on the card, an sm_90; what the library answers."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return library


def on_gpu(value: Any) -> Any:
    if isinstance(value, list):
        return [on_gpu(tensor) for tensor in value]
    return value.to(GPU) if isinstance(value, Tensor) else value


def used_by(operator: Any, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return what the operator says it has run, its reference being a stub."""
    module = sys.modules[operator.function.__module__]
    monkeypatch.setattr(module, "reference", lambda *given, **options: None)
    with backend("auto"), observe() as used:
        operator.function(**{name: on_gpu(value) for name, value in arguments.items()})
    return used[operator.name]


@pytest.fixture
def given(arguments) -> dict[str, dict[str, Any]]:
    """Arguments of each operator."""
    dense = {"layout": "dense", "queries": 2, "device": CPU, "dtype": torch.float32}
    hard = hard_case("", [3, 1], 2, device=CPU).arguments
    return {
        "din_attention": arguments(),
        "augru": augru_arguments([3, 1], device=CPU, dtype=torch.float32),
        "sim_search_soft": soft_case("", [3, 1], 2, **dense).arguments,
        "sim_search_hard": hard,
        "category_index": {name: hard[name] for name in ("category", "offsets")},
    }


@pytest.mark.usefixtures("_pretend")
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_a_library_without_cuda_leaves_a_gpu_to_the_references(operator, given, monkeypatch):
    monkeypatch.setattr(native, "REFUSAL", "")
    monkeypatch.setattr(native, "CUDA_ARCHITECTURES", ())
    used = used_by(operator, given[operator.name], monkeypatch)
    assert used == {"reference (no kernel for cuda: built without CUDA)"}
    assert {implementation(operator.name, GPU)} == used
    assert cuda.kernels() == "none: built without CUDA"


@pytest.mark.usefixtures("built")
def test_the_kernel_runs_where_there_is_one():
    tensors = [torch.zeros(1, device=GPU)]
    with backend("auto"), observe() as used:
        assert runs_native("sim_search_hard", tensors)
        assert not runs_native("category_index", tensors)
    assert used["sim_search_hard"] == {"native (cuda)"}
    assert used["category_index"] == {"reference (no kernel for cuda)"}
    assert cuda.kernels() == "sm_80, sm_90, PTX"


@pytest.mark.parametrize("card", [80, 86, 89, 90, 100, 121])
def test_kernels_serve_their_cards_and_later_ones(card, built):
    built["capability"] = card
    assert implementation("sim_search_hard", GPU) == "native (cuda)"


def test_a_card_that_cannot_run_kernels_takes_the_reference(built, monkeypatch):
    built["capability"] = 75
    reason = "no kernel for sm_75; there are some for sm_80, sm_90, PTX"
    assert implementation("sim_search_hard", GPU) == f"reference ({reason})"
    built["capability"] = 0
    assert "is the driver older than it?" in implementation("sim_search_hard", GPU)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert implementation("sim_search_hard", GPU) == "reference (no CUDA device here)"


@pytest.mark.usefixtures("built")
def test_a_search_too_large_for_the_kernel_takes_the_reference(given, monkeypatch):
    operator = next(op for op in OPERATORS if op.name == "sim_search_soft")
    soft = given["sim_search_soft"]
    tables = {
        "keys": [torch.zeros(4, dtype=torch.int64)] * 9,
        "tables": [torch.zeros(5, 1)] * 9,
        "offsets": torch.tensor([0, 3, 4]),
        "query": torch.zeros(2, 1, 9),
        "k": 2,
    }
    wide = soft | {"query": torch.zeros(2, 1, 201), "keys": torch.zeros(2, 3, 201)}
    for changed, reason in (
        (soft | {"k": 1025}, "k of 1025, above 1024"),
        (tables, "9 fields, more than 8"),
        (wide, "too wide: 203 bytes of shared memory, 200 at most"),
    ):
        assert used_by(operator, changed, monkeypatch) == {f"reference ({reason})"}
    moved = {name: on_gpu(value) for name, value in wide.items()}
    with backend("native"), pytest.raises(RuntimeError, match="cannot run: too wide: 203 bytes"):
        sim_search_soft(**moved)
    many = cuda.size_refusal("sim_search_soft", GPU, torch.float32, 2**31, (1, 1))
    assert many == "more rows than the 2147483647 blocks of a GPU"


@pytest.mark.usefixtures("built")
def test_an_augru_of_too_many_units_takes_the_reference(monkeypatch):
    operator = next(op for op in OPERATORS if op.name == "augru")
    monkeypatch.setattr(native, "CUDA_KERNELS", native.CUDA_KERNELS | {"augru"})
    for hidden, reason in (
        (257, "257 units, not 1 to 256"),
        (201, "too wide: 201 bytes of shared memory, 200 at most"),
    ):
        arguments = augru_arguments([3, 1], device=CPU, dtype=torch.float32, hidden=hidden)
        assert used_by(operator, arguments, monkeypatch) == {f"reference ({reason})"}


@pytest.mark.usefixtures("built")
def test_a_gradient_without_a_kernel_takes_the_reference(given, monkeypatch):
    operator = next(op for op in OPERATORS if op.name == "din_attention")
    attention = given["din_attention"]
    attention["query"] = on_gpu(attention["query"]).requires_grad_()
    used = used_by(operator, attention, monkeypatch)
    assert used == {"reference (no kernel for cuda of its gradient)"}
    both = native.CUDA_KERNELS | {"din_attention_backward"}
    monkeypatch.setattr(native, "CUDA_KERNELS", both)
    monkeypatch.setattr(din_attention_native, "run", lambda *given: None)
    assert used_by(operator, attention, monkeypatch) == {"native (cuda)"}


@pytest.mark.usefixtures("built")
def test_a_gradient_too_large_for_its_kernel_takes_the_reference(given, monkeypatch):
    operator = next(op for op in OPERATORS if op.name == "din_attention")
    attention = given["din_attention"]
    attention["query"] = on_gpu(attention["query"]).requires_grad_()
    both = native.CUDA_KERNELS | {"din_attention_backward"}
    monkeypatch.setattr(native, "CUDA_KERNELS", both)
    ask = native.ask
    monkeypatch.setattr(native, "ask", lambda name, *of: 300 if "back" in name else ask(name, *of))
    monkeypatch.setattr(din_attention_native, "run", lambda *given: None)
    reason = "too wide: 300 bytes of shared memory, 200 at most"
    assert used_by(operator, attention, monkeypatch) == {f"reference ({reason})"}
    with torch.no_grad():
        assert used_by(operator, attention, monkeypatch) == {"native (cuda)"}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dynamic", [False, True])
def test_the_choice_is_made_while_torch_compiles(dynamic):
    def wide(x: Tensor) -> Tensor:
        refusal = cuda.size_refusal("sim_search_soft", GPU, x.dtype, len(x), (x.shape[1], 100))
        return x - 1 if refusal else x + 1

    compiled = torch.compile(wide, fullgraph=True, dynamic=dynamic, backend="eager")
    for width in (3, 4, 150):
        assert compiled(torch.zeros(2, width))[0, 0] == (-1 if width > 100 else 1)
