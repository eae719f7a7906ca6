"""Users that are sequences of a real user, contexts, and events that are in no history."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest
from heard import Heard

from recbench.batch import Reads
from recbench.data import Card, DataConfig, Dataset, Loader, prepare, verify_prepared
from recbench.data.columns import read_table
from recbench.data.protocol import (
    SELECTED_ON_TEST,
    LeaveLastTwoOut,
    LogChunk,
    OfficialTest,
    OfficialTestTwice,
    Protocol,
    find_targets,
)
from recbench.errors import DataError
from recbench.evaluate import score
from recbench.metrics import gauc, scored_users
from recbench.schema import UNSEEN

PLACES = ("home", "search", None)


class Sequences(Dataset):
    """Thirty sequences of ten members: two events of the past, then two targets."""

    api = 1

    def __init__(self, **card):
        about = {"name": "log", "version": 1, "title": "A log", "task": "ctr", "licence": "none"}
        about |= {"files": {"log": "log.csv"}, "source": "example.org", "citation": "none"}
        about |= {"protocols": {"only": Protocol(OfficialTest(valid=0.2), timed=False)}}
        about |= {"group": "member", "contexts": ("place",)}
        self.card = Card(**about | card)

    def read(self, db, files):
        db.execute(
            """CREATE TABLE events AS
            SELECT 4 * s + n AS row, s AS user, (5 * s + 3 * n) % 17 AS item,
                   10 * s + (n >= 2)::INT AS time, n >= 2 AS positive,
                   n >= 2 AND (s + n) % 3 = 0 AS label, s >= 20 AS testing,
                   CASE WHEN n < 2 THEN NULL WHEN s = 25 THEN 'elsewhere'
                        WHEN s % 3 = 0 THEN 'home' WHEN s % 3 = 1 THEN 'search' END AS place
            FROM range(30) a(s), range(4) b(n);
            CREATE TABLE users AS
            SELECT s AS user, 'm' || CASE s WHEN 29 THEN 99 WHEN 28 THEN 98 ELSE s % 10 END
                   AS member, s % 2 AS side
            FROM range(30) a(s)"""
        )


@pytest.fixture
def make(folders):
    """Return a function that prepares sequences under a card with some changes."""
    (folders.data / "log.csv").write_text("")

    def make_(progress=None, **card):
        further = {} if progress is None else {"progress": progress}
        return prepare(Sequences(**card), DataConfig("log"), folders, **further)

    return make_


@pytest.fixture
def twice(make):
    """The same sequences with validation that is the test part."""
    return make(protocols={"only": Protocol(OfficialTestTwice(), timed=False)})


def test_the_real_user_takes_the_place_of_the_sequence(make):
    dataset = make()
    assert [field.name for field in dataset.schema.of("user")] == ["user", "side"]
    assert dataset.manifest.counts["users"] == 12
    assert dataset.manifest.counts["sequences"] == 30
    part = dataset.open_test()
    features = Loader(dataset, part, Reads(), 99).features(np.arange(len(part)))
    user = features.fields["user"].tolist()
    names = np.array(dataset.users["user"].to_pylist())[part.user]
    assert names.tolist() == [f"m{s % 10}" for s in range(20, 28) for _ in "ab"] + (
        ["m98"] * 2 + ["m99"] * 2
    )
    assert user[-4:] == [UNSEEN] * 4
    assert len(set(user[:-4])) == 8
    assert UNSEEN not in user[:-4]
    assert dataset.manifest.characteristics["parts"]["test"]["unseen_users"] == 0.2


def test_a_sequence_is_the_history_of_all_its_targets(make):
    dataset = make()
    part = dataset.part("train")
    assert set(part.history_stop - part.history_start) == {2}
    assert (part.history_start[0::2] == part.history_start[1::2]).all()
    assert verify_prepared(dataset.folder) == []


def test_each_user_is_judged_over_all_sequences(twice):
    part = twice.open_test()
    member = np.array(twice.users["user"].to_pylist())[part.user]
    prediction = np.random.default_rng(0).normal(size=len(part))
    found = score(twice.task, part, {"prediction": prediction})
    assert found.values["gauc"] == gauc(part.labels, prediction, member)
    assert found.scored_users == scored_users(part.labels, member)


def test_unknown_real_users_are_not_judged_as_one(twice):
    part = twice.open_test()
    assert len(np.unique(part.columns["group"])) == 10
    assert part.columns["group"].max() == 11


def test_contexts_are_coded_by_the_training_part(make):
    dataset = make()
    field = dataset.schema["place"]
    assert (field.role, field.size) == ("context", 4)
    values = read_table(dataset.folder / "fields/place.arrow")["value"].to_pylist()
    assert values == ["home", "search", "elsewhere"]
    part = dataset.open_test()
    place = Loader(dataset, part, Reads(), 99).features(np.arange(len(part))).fields["place"]
    of_sequence = [4 if s == 25 else (2, 3, UNSEEN)[s % 3] for s in range(20, 30)]
    assert part.columns["place"].tolist() == np.repeat(of_sequence, 2).tolist()
    assert place.tolist() == [UNSEEN if each == 4 else each for each in part.columns["place"]]


def test_validation_may_be_the_test_part_and_says_so(twice):
    train, valid = twice.part("train"), twice.part("valid")
    test = twice.open_test()
    assert len(train) == 40
    for name, column in test.columns.items():
        np.testing.assert_array_equal(valid.columns[name], column)
    assert twice.manifest.leakage["caution"] == SELECTED_ON_TEST
    prints = twice.manifest.fingerprints
    assert prints["valid"] == prints["test"]


def test_every_preparation_says_the_caution_aloud(make):
    heard = Heard()
    protocols = {"only": Protocol(OfficialTestTwice(), timed=False)}
    for _ in range(2):
        make(heard, protocols=protocols)
    make(heard)
    assert heard.warnings == [f"log (only): CAUTION: {SELECTED_ON_TEST}"] * 2


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"group": "person"}, "the users table has no column 'person'"),
        ({"contexts": ("hour",)}, "the reader makes no column 'hour'"),
        ({"contexts": ("testing", "time")}, "the context 'time' has a name that is used already"),
        ({"contexts": ("label",)}, "the context 'label' has a name that is used already"),
    ],
)
def test_wrong_cards_are_refused(make, card, expected):
    with pytest.raises(DataError, match=expected):
        make(**card)


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_not_the_published_ones_are_refused(make, folders, packed):
    right = hashlib.md5(b"a log").hexdigest()
    sha256 = hashlib.sha256(b"a log").hexdigest()
    (folders.data / "log.csv").write_text("a log")
    if packed:
        (folders.data / "log.csv").unlink()
        (folders.data / "log.csv.gz").write_bytes(gzip.compress(b"a log"))
    published = {"counts": ({"targets": 60},)}
    assert make(**published, checksums={"log": right}).manifest.counts["train"]
    with pytest.raises(DataError, match=rf"is not the published file: its MD5 is {right}, not 0"):
        make(**published, checksums={"log": "0"}, version=2)
    assert make(**published, checksums={"log": sha256}, version=3).manifest.counts["train"]
    with pytest.raises(DataError, match=rf"its SHA-256 is {sha256}, not {'0' * 64}; get it again"):
        make(**published, checksums={"log": "0" * 64}, version=4)
    assert make(**published, sizes={"log": 5}, version=5).manifest.counts["train"]
    with pytest.raises(DataError, match="is not the published file: it has 5 bytes, not 6"):
        make(**published, sizes={"log": 6}, version=6)
    with pytest.raises(DataError, match=r"60 targets \(published: 61\)"):
        make(counts=({"targets": 61},), version=7)


@pytest.mark.parametrize("ties", ["exclude", "order"])
@pytest.mark.parametrize("seed", range(3))
def test_events_apart_from_histories_agree_with_brute_force(ties, seed):
    random = np.random.default_rng(seed)
    user = np.sort(random.integers(8, size=120))
    history = random.random(120) < 0.6
    time = random.integers(20, size=120)
    order = np.lexsort((time, ~history, user))
    time, history = time[order], history[order]
    chunk = LogChunk(500, user, time, ~history, history=history)
    found = find_targets(Protocol(LeaveLastTwoOut(), ties=ties), chunk, np.zeros(120, np.int8))
    expected = []
    for row in np.flatnonzero(~history):
        past = time < time[row] if ties == "exclude" else time <= time[row]
        before = np.flatnonzero((user == user[row]) & history & past)
        start = int(np.flatnonzero(user == user[row])[0])
        assert before.tolist() == list(range(start, start + len(before)))
        expected.append((row + 500, start + 500, start + len(before) + 500))
    columns = (found.position, found.history_start, found.history_stop)
    assert list(zip(*(each.tolist() for each in columns), strict=True)) == expected
