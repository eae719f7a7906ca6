from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.device import choose, repeatable, visible_cards, wants_graphs
from recbench.errors import UsageError

CONFIG = RunConfig("din", DataConfig("taobao"))


@pytest.fixture
def cards(monkeypatch):
    """Return a function that makes torch believe in so many cards."""

    def put(count: int, *, built: bool = True) -> None:
        monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: built)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: f"Card {place}")
        monkeypatch.setattr("recbench.device.torch.empty", lambda size, device: None)

    return put


@pytest.mark.parametrize(("count", "device"), [(0, "cpu"), (1, "cuda"), (4, "cuda")])
def test_auto_is_a_gpu_where_torch_finds_one(cards, count, device):
    cards(count)
    assert choose("auto") == device


def test_a_device_that_is_there_is_taken_by_its_name(cards):
    cards(2)
    assert [choose(name) for name in ("cpu", "cuda", "cuda:0", "cuda:1")] == [
        "cpu", "cuda", "cuda:0", "cuda:1",
    ]  # fmt: skip


def test_graphs_are_for_gpus(cards, monkeypatch):
    cards(1)
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    assert choose("auto") == choose("cuda") == "cuda"
    assert wants_graphs("cuda:3")
    with pytest.raises(UsageError, match="RECBENCH_CUDA_GRAPHS=1 needs a GPU, and the device is "):
        choose("cpu")
    cards(0)
    with pytest.raises(UsageError, match="the device is 'cpu'; unset it"):
        choose("auto")


@pytest.mark.parametrize("text", ["yes", "2", "-1", " "])
def test_what_asks_for_graphs_is_0_or_1(cards, monkeypatch, text):
    cards(1)
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", text)
    with pytest.raises(UsageError, match=f"RECBENCH_CUDA_GRAPHS is '{text}'; give 0 or 1"):
        choose("cuda")


@pytest.mark.parametrize(
    ("count", "built", "name", "expected"),
    [
        (
            2,
            True,
            "cuda:3",
            r"there is no such GPU here, but cuda:0 \(Card 0\), cuda:1 \(Card 1\); try",
        ),
        (0, True, "cuda", "PyTorch .* finds no GPU; `nvidia-smi` shows"),
        (0, False, "cuda:1", r"this PyTorch \(.*\) is built without CUDA; https://pytorch.org"),
        (1, True, "gpu", "a device is auto, cpu, cuda or cuda:N"),
        (1, True, "cuda:", "a device is auto"),
        (1, True, "cuda:-1", "a device is auto"),
        (1, True, "cuda:x", "a device is auto"),
        (1, True, "meta", "a device is auto"),
    ],
)
def test_a_device_that_is_not_there_ends_in_one_message(cards, count, built, name, expected):
    cards(count, built=built)
    with pytest.raises(UsageError, match=f"device '{name}' cannot be used: {expected}") as caught:
        choose(name)
    assert str(caught.value).endswith("; try --device auto")
    assert "\n" not in str(caught.value)


def test_a_card_that_is_taken_says_why(cards, monkeypatch):
    def busy(size, device):
        raise RuntimeError("CUDA error: all devices are busy\nCompile with `TORCH_USE_CUDA_DSA`")

    cards(1)
    monkeypatch.setattr("recbench.device.torch.empty", busy)
    with pytest.raises(UsageError, match="used: CUDA error: all devices are busy; try"):
        choose("auto")


def test_which_of_several_cards_it_is_made_on_makes_no_other_run():
    cpu, cuda, first, second = (
        replace(CONFIG, device=name).hash for name in ("cpu", "cuda", "cuda:0", "cuda:1")
    )
    assert cuda == first == second != cpu


@pytest.mark.parametrize(
    ("variable", "cards_here"),
    [(None, ["0", "1"]), ("3,1", ["3", "1"]), ("GPU-a,GPU-b,GPU-absent", ["GPU-a", "GPU-b"])],
)
def test_cards_are_those_that_the_process_may_use(cards, monkeypatch, variable, cards_here):
    cards(2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if variable:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_cards() == cards_here


def test_algorithms_are_deterministic_on_a_gpu_alone_and_only_within(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with repeatable("cpu"):
        assert not torch.are_deterministic_algorithms_enabled()
        assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # so that it is put back
    with repeatable("cuda:1"):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    with repeatable("cuda"):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
