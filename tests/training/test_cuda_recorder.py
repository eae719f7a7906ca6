"""In which order a graph is recorded, with what is called of `torch.cuda` replaced."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from recbench.device import SideStreams
from recbench.errors import TrainingError
from recbench.training import graphs
from recbench.training.graphs import CUDARecorder, StepGraphs, step_graphs

AFTER = ["waiting: default", "current waits for own"]
REFUSED = (
    "a step cannot be recorded as a CUDA graph: {}; the model's loss must not wait for a value "
    "from the GPU. Run it without RECBENCH_CUDA_GRAPHS=1"
)


class FakeStream:
    """Writes down what it waits for."""

    def __init__(self, name, said):
        self.name, self.said = name, said

    def wait_stream(self, other):
        self.said.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def said(monkeypatch):
    """Have what is called of `torch.cuda` write itself down; return where."""
    found = []
    own, current = FakeStream("own", found), FakeStream("current", found)
    mode = ["default"]

    class Graph:
        def replay(self):
            found.append("replay")

    @contextmanager
    def on(stream):
        found.append(f"on {stream.name}")
        try:
            yield
        finally:
            found.append(f"off {stream.name}")

    @contextmanager
    def recording(graph, pool, stream):
        found.append(f"record {stream.name} into {pool}")
        try:
            yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture")  # noqa: B904 - as CUDA's
        found.append("recorded")

    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "graph", recording)

    def set_mode(value):
        mode[0] = value
        found.append(f"waiting: {value}")

    monkeypatch.setattr(graphs, "side_streams", lambda device: SideStreams("copies", own))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: current)
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: found.append(f"to {stream.name}"))
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: mode[0])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", set_mode)
    return found


def test_what_is_recorded_has_run_on_the_same_stream_before(said):
    recorder = CUDARecorder(torch.device("cuda"))

    def step():
        said.append("step")
        return torch.tensor(7)

    assert recorder.aside(step) == 7
    assert said == ["own waits for current", "waiting: error", "on own", "step", "off own", *AFTER]
    said.clear()
    for _ in range(2):
        replay, result = recorder.record(step)
        assert result == 7
        replay()
    assert said == ["record own into pool", "step", "recorded", "replay"] * 2


def failing(error):
    def step():
        raise error

    return step


def test_a_step_that_waits_for_the_gpu_is_refused_before_it_is_recorded(said):
    recorder = CUDARecorder(torch.device("cuda"))
    waits = RuntimeError("called a synchronizing CUDA operation\nand more")
    with pytest.raises(TrainingError) as caught:
        recorder.aside(failing(waits))
    assert str(caught.value) == REFUSED.format("called a synchronizing CUDA operation")
    assert said[-2:] == AFTER
    with pytest.raises(RuntimeError, match="no such shape"):
        recorder.aside(failing(RuntimeError("no such shape")))
    assert said[-2:] == AFTER


def test_a_recording_that_fails_says_what_failed(said):
    recorder = CUDARecorder(torch.device("cuda"))
    with pytest.raises(TrainingError) as caught:
        recorder.record(failing(RuntimeError("not permitted when stream is capturing")))
    assert str(caught.value) == REFUSED.format("not permitted when stream is capturing")
    assert said[-1] == "to current"
    with pytest.raises(torch.OutOfMemoryError, match="no more"):
        recorder.record(failing(torch.OutOfMemoryError("no more")))


def test_a_gpu_gets_its_recorder(said, make_model, monkeypatch):
    monkeypatch.setenv("RECBENCH_CUDA_GRAPHS", "1")
    model = make_model()
    found = step_graphs(model.loss, model, torch.device("cuda:0"))
    assert isinstance(found, StepGraphs)
    assert isinstance(found._recorder, CUDARecorder)
