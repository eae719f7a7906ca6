from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from recbench import transfer
from recbench.batch import Batch, Features, History
from recbench.device import SideStreams

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def make_batch(number: int) -> Batch:
    offsets = torch.tensor([0, 0, number])
    events = torch.arange(number)
    features = Features({"item": torch.arange(2)}, History({"item": events}, events, offsets, 2))
    return Batch(features, torch.full((2,), float(number)))


def test_on_the_cpu_batches_are_passed_on_one_by_one():
    read = []

    def batches():
        for number in range(3):
            read.append(number)
            yield make_batch(number)

    for number, batch in enumerate(transfer.transfer(batches(), CPU)):
        assert read == list(range(number + 1))
        assert batch.labels.tolist() == [number, number]


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_on_its_way_to_a_gpu_there_is_never_more_than_the_next_batch(monkeypatch, count):
    seen: list[str] = []

    def batches():
        for number in range(count):
            seen.append(f"read {number}")
            yield number

    def send(number, device, stream):
        assert (device, stream) == (CUDA, "a stream")
        seen.append(f"sent {number}")
        return SimpleNamespace(arrived=lambda: number)

    streams = SideStreams("a stream", "another")
    monkeypatch.setattr(transfer, "side_streams", lambda device: streams)
    monkeypatch.setattr(transfer, "_send", send)
    got = []
    for number in transfer.transfer(batches(), CUDA):
        got.append(number)
        ahead = min(count, number + 2)
        assert seen == [f"{did} {n}" for n in range(ahead) for did in ("read", "sent")]
    assert got == list(range(count))


@pytest.mark.cuda
def test_batches_come_whole_and_pinned_while_the_stream_is_busy(monkeypatch, gpu):
    pinned = []

    def pin(tensor):
        pinned.append(transfer_pinned(tensor))
        return pinned[-1]

    transfer_pinned = transfer._pinned
    monkeypatch.setattr(transfer, "_pinned", pin)
    weights = torch.rand(4000, 4000, device=gpu)
    for number, batch in enumerate(transfer.transfer(map(make_batch, range(20)), gpu)):
        for _ in range(3):
            weights = weights @ weights  # the copies go past it
        assert batch.labels.device.type == "cuda"
        events = batch.features.history.fields["item"].cpu()
        assert events.tolist() == list(range(number))
        assert batch.labels.tolist() == [number, number]
    assert all(tensor.is_pinned() for tensor in pinned if tensor.numel())
