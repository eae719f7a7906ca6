import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import Loader
from recbench.data.protocol import LeaveLastTwoOut, Negatives, Protocol
from recbench.explanation.events import EventWeights, found_events, joined, latest_events
from recbench.explanation.names import Names
from recbench.schema import Field

USERS = 5


@pytest.fixture
def dataset(prepare_rows):
    """User u has u + 4 events: items 100 u + n at time 10 n + u, of category n % 2."""
    rows = [(u, 100 * u + n, n % 2, 10 * n + u) for u in range(USERS) for n in range(u + 4)]
    return prepare_rows(rows, Protocol(LeaveLastTwoOut(), Negatives("uniform")))


@pytest.mark.parametrize("reads", [Reads(), Reads(recent=3), Reads(recent=2, same_category=2)])
def test_each_weight_is_of_the_event_it_was_computed_for(dataset, reads):
    loader = Loader(dataset, dataset.open_test(), reads, 8)
    rows = np.arange(len(loader.part))
    history = loader.features(rows).history
    recent = history.recent(2)
    weights = recent.fields["item"].double().numpy()  # an event's weight is its item's id
    events = latest_events(loader, rows, weights)
    names = Names(loader)
    assert len(events.weight) == int(recent.lengths.sum())
    for position, distance, weight, row in zip(
        events.position, events.distance, events.weight[:, 0], events.example, strict=True
    ):
        user = names.example(int(row))["user"]
        raw = names.event(int(position))["item"]
        assert raw == 100 * user + (user + 3) - distance
        known = dataset.known("item", np.array([dataset.interactions["item"][position]]))
        assert weight == known[0]


def test_found_events_are_by_position_in_the_history_as_it_was_read(dataset):
    reads = Reads(recent=1, same_category=2)
    loader = Loader(dataset, dataset.open_test(), reads, 8)
    rows = np.arange(len(loader.part))
    history = loader.features(rows).history
    lengths = history.lengths.numpy()
    places = np.stack([lengths - 1, np.zeros_like(lengths), np.full_like(lengths, -1)], 1)
    weights = np.stack([places, places + 0.5], 1).astype(float)  # two heads
    events = found_events(loader, rows, places, weights)
    assert events.weight.shape == (2 * len(rows), 2)
    flat = history.fields["item"].numpy()
    for position, weight, row in zip(events.position, events.weight, events.example, strict=True):
        read = flat[int(history.offsets[row]) + int(weight[0])]
        known = dataset.known("item", np.array([dataset.interactions["item"][position]]))
        assert read == known[0]
        assert weight[1] == weight[0] + 0.5


def test_events_of_the_targets_category_are_told_apart(dataset):
    loader = Loader(dataset, dataset.open_test(), Reads(), 8)
    rows = np.arange(len(loader.part))
    width = loader.features(rows).history.longest
    events = latest_events(loader, rows, np.ones((len(rows), width)))
    names = Names(loader)
    expected = [
        names.event(int(p))["category"] == names.example(int(r))["category"]
        for p, r in zip(events.position, events.example, strict=True)
    ]
    assert events.alike.tolist() == expected
    same, others = events.by_category()
    assert len(same.weight) + len(others.weight) == len(events.weight)


def made(distance, weight=None, example=None):
    distance = np.array(distance)
    weight = np.ones((len(distance), 1)) if weight is None else np.array(weight)[:, None]
    example = np.zeros(len(distance), np.int64) if example is None else np.array(example)
    return EventWeights("attention", example, distance, distance, weight, None)


def test_near_events_have_a_row_each_and_far_ones_share_one():
    places = made(range(1, 36)).by_distance()
    bounds = [(place.first, place.last, place.events) for place in places]
    assert bounds == [
        *((n, n, 1) for n in range(1, 11)), (11, 20, 10), (21, 30, 10), (31, 35, 5),
    ]  # fmt: skip
    assert len(made(range(1, 36)).by_distance(each=True)) == 35
    assert made([]).by_distance() == []


def test_a_category_of_users_is_none_of_items(dataset):
    fields = tuple(f for f in dataset.schema.fields if f.name != "category")
    object.__setattr__(dataset.schema, "fields", (*fields, Field("category", "user", 5)))
    loader = Loader(dataset, dataset.open_test(), Reads(), 8)
    assert latest_events(loader, np.arange(2), np.ones((2, 1))).alike is None
    assert "category" not in Names(loader).event(0)


def test_means_are_over_the_events_at_a_distance():
    first, second = made([1, 2, 1], [1.0, 5.0, 3.0]).by_distance()
    assert (first.mean[0], first.deviation[0], first.events) == (2, 1, 2)
    assert (second.mean[0], second.deviation[0], second.events) == (5, 0, 1)


def test_batches_are_joined_and_examples_with_many_events_shown():
    parts = [made([1, 2, 3], example=[0, 0, 0]), made([1, 2, 1], example=[1, 1, 2])]
    events = joined(parts)
    assert events.alike is None
    assert events.typical(3) == [0, 1]
    assert events.typical(1) == [0]
    assert made([]).typical(3) == []
    assert events.of(1).distance.tolist() == [1, 2]
