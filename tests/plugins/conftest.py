from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from recbench.batch import CTRBatch, Features, History, NextItemBatch
from recbench.schema import FIRST_ID, Field, Schema


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only lose by being split."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def schema() -> Schema:
    return Schema(
        (
            Field("user", "user", 10),
            Field("item", "item", 30),
            Field("category", "item", 7),
            Field("label", "label", 2),
        )
    )


@pytest.fixture
def make_batch(schema: Schema) -> Callable[..., CTRBatch]:
    """Return a function that makes a random batch with histories of given lengths."""

    def make(lengths: Sequence[int], seed: int = 0, padding: int = 0) -> CTRBatch:
        random = torch.Generator().manual_seed(seed)

        def ids(name: str, count: int) -> torch.Tensor:
            return torch.randint(FIRST_ID, schema[name].size, (count,), generator=random)

        events, rows = sum(lengths), len(lengths)
        age = torch.randint(1, 10**6, (events,), generator=random)
        offsets = torch.tensor([0, *lengths]).cumsum(0)
        history = History(
            {"item": ids("item", events), "category": ids("category", events)},
            age,
            offsets,
            max(lengths, default=0) + padding,
        )
        fields = {name: ids(name, rows) for name in ("user", "item", "category")}
        labels = torch.randint(2, (rows,), generator=random).float()
        return CTRBatch(Features(fields, history), labels)

    return make


@pytest.fixture
def session_schema() -> Schema:
    """Thirty items, of ids 2 to 31."""
    return Schema((Field("item", "item", FIRST_ID + 30), Field("category", "item", 7)))


@pytest.fixture
def make_sessions() -> Callable[..., NextItemBatch]:
    """Return a function that makes a batch of sessions given by their clicks' item ids."""

    def make(*sessions: Sequence[int], targets: Sequence[int] = ()) -> NextItemBatch:
        clicks = torch.tensor([item for session in sessions for item in session]).long()
        offsets = torch.tensor([0, *map(len, sessions)]).cumsum(0)
        age = torch.ones_like(clicks)
        longest = max(map(len, sessions), default=0)
        history = History({"item": clicks, "category": clicks % 7}, age, offsets, longest)
        labels = torch.tensor(targets or [FIRST_ID] * len(sessions)) - FIRST_ID
        return NextItemBatch(Features({}, history), labels)

    return make
