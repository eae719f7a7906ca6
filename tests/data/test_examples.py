import numpy as np
import pyarrow as pa
import pytest

from recbench.data import examples
from recbench.data.columns import Spool
from recbench.data.examples import chunks, split_log
from recbench.data.ingest import RawLog
from recbench.data.protocol import PARTS, GlobalTime, LeaveLastTwoOut, Negatives, Protocol
from recbench.data.reading import Rejected

DIN = Protocol(LeaveLastTwoOut(), Negatives("uniform"), min_history=1, ties="order")


@pytest.fixture
def make_raw(tmp_path):
    """Return a function that makes a log from the items of each user, an event a second."""

    def make(items, label=None):
        user = np.repeat(np.arange(len(items)), [len(each) for each in items])
        item = np.concatenate(items)
        time = np.concatenate([np.arange(len(each)) for each in items])
        columns = {"user": user, "item": item, "time": time, "positive": np.ones(len(user), bool)}
        if label is not None:
            columns["label"] = label
        folder = tmp_path / f"spool{len(list(tmp_path.iterdir()))}"
        spool = Spool(folder, len(user), {name: values.dtype for name, values in columns.items()})
        for name, values in columns.items():
            spool.columns[name][:] = values
        users, numbers = pa.array(np.arange(len(items))), pa.array(np.arange(item.max() + 1))
        return RawLog(spool, users, numbers, {}, {}, (), 0, Rejected(0, ()))

    return make


def random_items(users, seed=0, vocabulary=50, shortest=3):
    random = np.random.default_rng(seed)
    return [random.integers(vocabulary, size=random.integers(shortest, 12)) for _ in range(users)]


def rows(reviews, users):
    """Return the numbers of training and of test examples of the DIN paper's split."""
    return 2 * (reviews - 2 * users), 2 * users


def test_leaving_out_the_last_gives_the_papers_number_of_rows(make_raw):
    items = random_items(users=40)
    split = split_log(make_raw(items), DIN)
    sizes = {part: len(split.examples[part].user) for part in PARTS}
    expected = rows(sum(map(len, items)), len(items))
    assert (sizes["train"] + sizes["valid"], sizes["test"]) == expected
    assert sizes["valid"] == sizes["test"]


def test_that_number_for_amazon_electronics_is_the_published_one():
    assert rows(1_689_188, 192_403) == (2_608_764, 384_806)


@pytest.mark.parametrize("distribution", ["uniform", "popularity"])
def test_a_negative_follows_its_positive_and_is_never_an_item_of_the_user(make_raw, distribution):
    items = random_items(users=60)
    protocol = Protocol(LeaveLastTwoOut(), Negatives(distribution, per_positive=3))
    split = split_log(make_raw(items), protocol)
    for made in split.examples.values():
        assert made.label.reshape(-1, 4).tolist() == [[1, 0, 0, 0]] * (len(made.user) // 4)
        for user, item, label in zip(made.user, made.item, made.label, strict=True):
            assert (item in items[user]) == label
        for column in (made.user, made.time, made.history_start, made.history_stop):
            assert (column.reshape(-1, 4) == column[::4, None]).all()


def test_popular_negatives_are_positives_of_the_same_part(make_raw):
    split = split_log(
        make_raw(random_items(30)), Protocol(LeaveLastTwoOut(), Negatives("popularity"))
    )
    for made in split.examples.values():
        assert set(made.item[made.label == 0]) <= set(made.item[made.label == 1])


def test_the_seed_alone_decides_the_negatives(make_raw):
    items = random_items(30)

    def negatives(seed):
        protocol = Protocol(LeaveLastTwoOut(), Negatives("uniform", seed=seed))
        return split_log(make_raw(items), protocol).examples["train"].item.tolist()

    assert negatives(1) == negatives(1)
    assert negatives(1) != negatives(2)


def test_a_user_who_met_every_item_is_given_up_and_counted(make_raw):
    everything = np.arange(50)
    items = [*random_items(20), everything]
    split = split_log(make_raw(items), DIN)
    assert split.given_up == 50 - 1  # the first event has no history and is no target
    assert not any((made.user == 20).any() for made in split.examples.values())
    assert split.train_users[20]


def test_labels_of_the_log_are_kept(make_raw):
    items = random_items(20)
    label = np.random.default_rng(0).integers(2, size=sum(map(len, items))).astype(np.int8)
    split = split_log(make_raw(items, label), Protocol(LeaveLastTwoOut()))
    lengths = np.array([len(each) for each in items])
    np.testing.assert_array_equal(split.examples["test"].label, label[lengths.cumsum() - 1])
    assert sum(len(made.user) for made in split.examples.values()) == len(label)


def test_the_training_part_alone_says_what_is_known(make_raw):
    items = [np.array([0, 1, 2, 3]), np.array([1, 0, 1, 4]), np.array([5])]
    split = split_log(make_raw(items), Protocol(LeaveLastTwoOut(), Negatives("uniform")))
    assert split.train_items.tolist() == [True, True, False, False, False, False]
    assert split.train_users.tolist() == [True, True, False]
    assert split.train_end == 1


def test_chunks_hold_whole_users_and_change_no_target(make_raw, monkeypatch):
    items = random_items(50)
    protocol = Protocol(GlobalTime(0.2, 0.2, "share"), Negatives("uniform"), last_per_user=2)
    whole = split_log(make_raw(items), protocol)
    monkeypatch.setattr(examples, "CHUNK_EVENTS", 20)
    log = make_raw(items)
    user = log.spool.columns["user"]
    bounds = list(chunks(user))
    assert len(bounds) > 5
    assert [start for start, _ in bounds[1:]] == [stop for _, stop in bounds[:-1]]
    assert all(user[stop - 1] != user[stop] for _, stop in bounds[:-1])
    parts = split_log(log, protocol)
    for part in PARTS:
        one, many = whole.examples[part], parts.examples[part]
        positive = one.label == 1
        for name in vars(one).keys() - {"contexts"}:
            column = getattr(one, name)
            np.testing.assert_array_equal(column[positive], getattr(many, name)[positive])
    np.testing.assert_array_equal(whole.train_items, parts.train_items)
    assert whole.train_end == parts.train_end


def test_a_negative_takes_the_place_of_half_the_targets(make_raw):
    items = random_items(users=600)
    negatives = Negatives("uniform", never="target", replace=0.5)
    split = split_log(make_raw(items), Protocol(LeaveLastTwoOut(), negatives, last_per_user=1))
    for shift, part in ((-1, "test"), (-2, "valid")):
        made = split.examples[part]
        assert made.user.tolist() == list(range(600))
        own = np.array([mine[shift] for mine in items])
        np.testing.assert_array_equal(made.label, made.item == own)
        assert 250 < made.label.sum() < 350
        met = [item in mine for item, mine in zip(made.item, items, strict=True)]
        assert sum(met) > made.label.sum() + 10  # a negative may be an item of the user


def test_negatives_of_the_whole_log_include_what_only_the_test_part_has(make_raw):
    items = [np.array([0, 1, 2 + user % 3]) for user in range(60)]
    negatives = Negatives("log", never="target")
    split = split_log(make_raw(items), Protocol(LeaveLastTwoOut(), negatives))
    made = split.examples["train"]
    assert set(made.item[made.label == 1]) == {0}
    assert set(made.item[made.label == 0]) == {1, 2, 3, 4}
