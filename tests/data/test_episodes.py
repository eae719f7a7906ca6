import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import EpisodeLoader, Loader, open_loader

READS = Reads(recent=0)
BOTH = pytest.mark.parametrize("protocol", ["states", "phases"])


def loader(dataset, part="train", size=8, seed=0) -> EpisodeLoader:
    return open_loader(dataset, dataset.part(part), READS, size, seed)


def stored(part):
    """Return of each episode the rows that are its support and those that are its queries."""
    columns = {name: np.asarray(column) for name, column in part.episodes.items()}
    bounds = ("support_start", "support_stop", "query_start", "query_stop")
    return [
        (range(start, stop), range(first, last))
        for start, stop, first, last in zip(*(columns[name] for name in bounds), strict=True)
    ]


def shown(batch, offsets, place):
    """Return users, items and labels of the examples of one episode of a batch."""
    rows = slice(offsets[place], offsets[place + 1])
    fields = batch.features.fields
    return [each[rows].tolist() for each in (fields["user"], fields["item"], batch.labels)]


def expected(dataset, part, rows):
    rows = list(rows)
    user, item = np.asarray(part.user)[rows], np.asarray(part.item)[rows]
    known = dataset.known("user", user), dataset.known("item", item)
    return [*(ids.tolist() for ids in known), np.asarray(part.labels, np.float32)[rows].tolist()]


@BOTH
@pytest.mark.parametrize("name", ["train", "valid"])
def test_batches_hold_the_episodes_in_stored_order_and_whole(cold, protocol, name):
    dataset = cold(protocol)
    episodes, part = loader(dataset, name, size=3), dataset.part(name)
    kept, seen = stored(part), 0
    for batch in episodes:
        count = len(batch.inputs)
        assert count == min(3, len(kept) - seen)
        assert (batch.query_offsets[0], batch.support_offsets[0]) == (0, 0)
        assert (batch.query_offsets[-1], batch.support_offsets[-1]) == (
            len(batch),
            len(batch.support),
        )
        for place in range(count):
            support, query = kept[seen + place]
            assert shown(batch, batch.query_offsets, place) == expected(dataset, part, query)
            assert shown(batch.support, batch.support_offsets, place) == expected(
                dataset, part, support
            )
        seen += count
    assert seen == len(kept)
    assert episodes.batches == -(-len(kept) // 3)
    assert episodes.examples == sum(len(query) for _, query in kept)


def test_an_epoch_has_every_episode_once_in_an_order_of_seed_and_number(cold):
    dataset = cold("states")

    def order(seed, number):
        batches = loader(dataset, seed=seed).epoch(number)
        return [
            tuple(map(tuple, shown(batch, batch.query_offsets, place)))
            for batch in batches
            for place in range(len(batch.inputs))
        ]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    part = dataset.part("train")
    whole = [tuple(map(tuple, expected(dataset, part, query))) for _, query in stored(part)]
    assert sorted(order(0, 1)) == sorted(whole)


def test_first_batches_of_an_epoch_can_be_left_out(cold):
    episodes = loader(cold("states"), size=3)
    whole = [batch.labels.tolist() for batch in episodes.epoch(2)]
    for skip in (0, 1, len(whole) - 1, len(whole)):
        assert [batch.labels.tolist() for batch in episodes.epoch(2, skip)] == whole[skip:]


@BOTH
def test_predictions_are_asked_for_in_the_order_of_batches(cold, protocol):
    dataset = cold(protocol)
    part = dataset.part("valid")
    labels = np.concatenate([batch.labels.numpy() for batch in loader(dataset, "valid", size=5)])
    asked = part.asked
    np.testing.assert_array_equal(labels, np.asarray(asked.labels, np.float32))
    state = np.asarray(part.episodes["state"])
    np.testing.assert_array_equal(asked.columns["state"], state[asked.columns["episode"]])
    assert set(asked.columns["state"].tolist()) == set(range(len(dataset.schema.states)))


@BOTH
def test_rows_one_by_one_are_all_of_the_part_and_the_size_of_batches_can_be_changed(cold, protocol):
    dataset = cold(protocol)
    episodes = loader(dataset)
    assert isinstance(episodes.rows, Loader)
    rows = [label for batch in episodes.rows for label in batch.labels.tolist()]
    assert rows == np.asarray(dataset.part("train").labels, np.float32).tolist()
    assert len(next(iter(episodes.batched(2))).inputs) == 2
    assert episodes.batched(2).rows is episodes.rows


def test_a_cold_episode_has_no_support_and_no_part_has_histories(cold):
    (batch,) = loader(cold("phases"), "valid", size=9)
    assert batch.support_offsets[:2] == (0, 0)
    assert np.diff(batch.support_offsets[1:]).tolist() == [580, 1160, 1740]
    assert len(set(np.diff(batch.query_offsets).tolist())) == 1
    assert batch.features.history.longest == batch.support.features.history.longest == 0


def test_episodes_can_not_be_read_once_the_test_is_open(cold):
    dataset = cold("states")
    epoch = loader(dataset, size=2).epoch(1)
    next(epoch)
    dataset.open_test()
    with pytest.raises(RuntimeError, match="the train part is closed"):
        next(epoch)
