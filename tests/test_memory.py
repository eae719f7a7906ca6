from __future__ import annotations

import weakref

import pytest
import torch

from recbench.batch import Batch, EpisodeBatch, Features, History
from recbench.errors import OutOfMemoryError
from recbench.memory import attempt, in_use, memory_errors, ran_out
from recbench.ops import backend, native, sim_search_soft

CPU = torch.device("cpu")
REAL = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"


def make_batch(rows: int) -> Batch:
    nothing = torch.zeros(0, dtype=torch.int64)
    history = History({}, nothing, torch.zeros(rows + 1, dtype=torch.int64), 0)
    return Batch(Features({"item": torch.arange(rows)}, history), torch.zeros(rows))


def make_step(fits: int, error=torch.OutOfMemoryError):
    """Return a step that takes batches of up to `fits` rows, and the list of all it was given."""
    given = []

    def step(batch):
        given.append(len(batch))
        if len(batch) > fits:
            raise error
        return len(batch)

    return step, given


def test_a_step_with_room_is_made_once():
    step, given = make_step(100)
    assert attempt(step, make_batch(100), CPU, "step 3", "batch_size") == 100
    assert given == [100]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(REAL), MemoryError()]
)
def test_a_step_without_room_names_what_it_was_and_a_batch_that_fits(error):
    step, given = make_step(20, error)
    with pytest.raises(OutOfMemoryError) as caught:
        attempt(step, make_batch(100), CPU, "training step 3 of epoch 1", "batch_size")
    text = str(caught.value)
    assert text.startswith("training step 3 of epoch 1 ran out of memory with 100 examples at a")
    assert "by this process)" in text
    assert "12 of them went through, found by halving: --set training.batch_size=12" in text
    assert given == [100, 50, 25, 12]
    assert any(type(error).__name__ in note for note in caught.value.__notes__)


def test_where_nothing_fits_no_size_is_named():
    step, given = make_step(0)
    with pytest.raises(OutOfMemoryError, match="not even one of them went through"):
        attempt(step, make_batch(6), CPU, "predicting test", "evaluation_batch_size")
    assert given == [6, 3, 1]


def test_another_error_stays_what_it_is():
    step, given = make_step(20, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        attempt(step, make_batch(100), CPU, "step", "batch_size")
    assert given == [100]


def test_a_smaller_batch_that_fails_otherwise_has_not_gone_through():
    def step(batch):
        if len(batch) == 1:
            return
        raise ValueError("an odd batch") if len(batch) % 2 else torch.OutOfMemoryError

    with pytest.raises(OutOfMemoryError, match="1 of them went through"):
        attempt(step, make_batch(6), CPU, "step", "batch_size")


def test_what_the_failed_step_had_made_is_free_before_a_smaller_one_is_tried():
    made, alive = [], []

    def step(batch):
        alive.append([large() is not None for large in made])
        activations = torch.zeros(8)
        made.append(weakref.ref(activations))
        if len(batch) > 2:
            raise torch.OutOfMemoryError

    with pytest.raises(OutOfMemoryError):
        attempt(step, make_batch(8), CPU, "step", "batch_size")
    assert alive == [[], [False], [False, False]]


def test_batches_of_episodes_are_halved_by_episodes():
    queries, support = make_batch(10), make_batch(7)
    batch = EpisodeBatch(
        queries.features, queries.labels, support, (0, 4, 5, 9, 10), (0, 0, 3, 6, 7)
    )
    given = []

    def step(part):
        given.append((part.size, part.query_offsets, len(part), len(part.support)))
        if part.size > 2:
            raise torch.OutOfMemoryError

    with pytest.raises(OutOfMemoryError, match=r"with 4 episodes at a time .*batch_size=2, or"):
        attempt(step, batch, CPU, "step", "batch_size")
    assert given == [(4, (0, 4, 5, 9, 10), 10, 7), (2, (0, 4, 5), 5, 3)]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError(), True),
        (MemoryError(), True),
        (RuntimeError(REAL), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_are_told_apart(error, memory):
    assert ran_out(error) is memory


def test_torch_says_of_a_cpu_what_is_looked_for():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert ran_out(caught.value)


@pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")
def test_a_kernel_says_of_memory_what_is_looked_for():
    keys = torch.zeros(1, 1, 4).expand(1, 1 << 50, 4)  # of which the kernel makes a copy
    lengths = torch.ones(1, dtype=torch.int64)
    with backend("native"), pytest.raises(RuntimeError, match="make a tensor: ") as caught:
        sim_search_soft(torch.zeros(1, 4), keys, 1, lengths=lengths)
    assert ran_out(caught.value)


def test_whatever_else_runs_out_is_said_with_what_it_was():
    with (
        pytest.raises(
            OutOfMemoryError, match=r"^din ran out of memory \(.* by this process\): Unable to"
        ),
        memory_errors("din", CPU),
    ):
        raise MemoryError("Unable to allocate 8 GiB for an array")
    with pytest.raises(ValueError, match="else"), memory_errors("din", CPU):
        raise ValueError("else")


def test_the_memory_of_a_card_is_told_with_its_name_and_what_is_ours(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 30, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 << 30)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card X")
    told = in_use(torch.device("cuda"))
    assert told == "79.0 of 80.0 GiB of the Card X in use, 3.0 by this process"
