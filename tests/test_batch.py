import pytest
import torch

from recbench.batch import Batch, CTRBatch, EpisodeBatch, Features, History

LENGTHS = [0, 3, 1, 5]


@pytest.fixture
def history():
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    events = torch.arange(sum(LENGTHS))
    return History({"item": events + 100, "category": events + 200}, events + 1, offsets, 5)


@pytest.mark.parametrize("n", [1, 2, 4, 5, 9])
def test_recent_keeps_the_last_events_oldest_first_and_pads_on_the_right(history, n):
    padded = history.recent(n)
    for row, (start, stop) in enumerate(zip(history.offsets, history.offsets[1:], strict=False)):
        kept = list(range(start, stop))[-n:]
        padding = [0] * (n - len(kept))
        assert padded.fields["item"][row].tolist() == [e + 100 for e in kept] + padding
        assert padded.fields["category"][row].tolist() == [e + 200 for e in kept] + padding
        assert padded.age[row].tolist() == [e + 1 for e in kept] + padding
        assert padded.mask[row].tolist() == [True] * len(kept) + [False] * len(padding)
    assert padded.lengths.tolist() == [min(length, n) for length in LENGTHS]


def test_histories_without_any_event_are_all_padding():
    none = torch.zeros(0, dtype=torch.int64)
    padded = History({"item": none}, none, torch.zeros(4, dtype=torch.int64), 0).recent(2)
    assert padded.fields["item"].tolist() == [[0, 0]] * 3
    assert not padded.mask.any()


def test_recent_of_nothing_is_empty(history):
    padded = history.recent(0)
    assert padded.fields["item"].shape == padded.mask.shape == (4, 0)
    assert padded.lengths.tolist() == [0, 0, 0, 0]


def test_a_batch_moves_whole(history):
    features = Features({"user": torch.arange(4)}, history)
    batch = CTRBatch(features, torch.ones(4)).to("meta")
    moved = (
        batch.labels,
        batch.features.fields["user"],
        batch.features.history.fields["category"],
        batch.features.history.age,
        batch.features.history.offsets,
    )
    assert {tensor.device.type for tensor in moved} == {"meta"}
    assert (len(batch), batch.features.history.longest) == (4, 5)
    assert history.lengths.tolist() == LENGTHS


def test_features_without_numbers_have_no_columns_of_them(history):
    features = Features({}, history)
    assert features.numbers.shape == (len(LENGTHS), 0)
    assert features.numbers.dtype == torch.float32
    given = Features({}, history, torch.ones(len(LENGTHS), 2))
    assert given.to("cpu").numbers.shape == (len(LENGTHS), 2)


def test_a_slice_of_a_batch_is_its_rows_with_their_histories(history):
    features = Features({"item": torch.arange(4)}, history, torch.arange(8.0).reshape(4, 2))
    part = Batch(features, torch.arange(4)).slice(1, 3)
    assert part.labels.tolist() == part.features.fields["item"].tolist() == [1, 2]
    assert part.features.numbers.tolist() == [[2, 3], [4, 5]]
    assert part.features.history.fields["item"].tolist() == [100, 101, 102, 103]
    assert part.features.history.offsets.tolist() == [0, 3, 4]
    assert len(Batch(features, torch.arange(4)).slice(2, 2)) == 0


def test_the_first_rows_of_a_batch_are_a_batch_of_its_kind(history):
    features = Features({"item": torch.arange(4)}, history)
    part = CTRBatch(features, torch.arange(4)).first(3)
    assert (type(part), part.size, part.unit) == (CTRBatch, 3, "examples")
    assert part.labels.tolist() == [0, 1, 2]
    assert part.features.history.offsets.tolist() == [0, 0, 3, 4]


def test_the_first_episodes_come_with_their_support(history):
    features = Features({"item": torch.arange(4)}, history)
    support = Batch(features, torch.arange(4))
    batch = EpisodeBatch(features, torch.ones(4), support, (0, 1, 4), (0, 3, 4))
    part = batch.first(1)
    assert (batch.size, part.size, part.unit) == (2, 1, "episodes")
    assert (part.query_offsets, part.support_offsets) == ((0, 1), (0, 3))
    assert (len(part), len(part.support)) == (1, 3)
    moved = batch.to("meta")
    assert moved.support.labels.device.type == moved.labels.device.type == "meta"


def test_episodes_show_support_with_labels_and_queries_without(history):
    features = Features({"item": torch.arange(4)}, history)
    support = Batch(features, torch.tensor([0.0, 1, 1, 0]))
    batch = EpisodeBatch(features, torch.ones(4), support, (0, 1, 4), (0, 4, 4))
    (known, asked), (nothing, rest) = batch.inputs
    assert (len(batch), len(batch.inputs)) == (4, 2)
    assert known.labels.tolist() == [0, 1, 1, 0]
    assert asked.fields["item"].tolist() == [0]
    assert len(nothing) == 0
    assert rest.fields["item"].tolist() == [1, 2, 3]
    assert not hasattr(batch.inputs, "labels")
