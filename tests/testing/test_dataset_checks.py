"""Datasets that keep the contract pass every check; each fault is found by the check it is for."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from recbench.data import Card, Dataset
from recbench.data.protocol import GlobalTime, Negatives, Protocol
from recbench.data.reading import read_csv
from recbench.data.table_protocol import RandomShares, TableProtocol
from recbench.datasets.mmoe_synthetic import MMoESynthetic
from recbench.plugins import discover, load_dataset
from recbench.testing import DATASET_CHECKS, CheckFailure, check_dataset, run_checks
from recbench.testing.check_result import result
from recbench.testing.dataset_subject import DatasetSubject

CARD = Card(
    name="plays",
    version=1,
    title="Plays",
    task="ctr",
    files={"log": "plays.csv"},
    protocols={"time": Protocol(GlobalTime(valid=0.2, test=0.2, unit="share"))},
    source="example.org",
    licence="none",
    citation="none",
)
COLUMNS = {"user": "BIGINT", "item": "BIGINT", "label": "TINYINT", "time": "BIGINT"}


class Plays(Dataset):
    """A log of labels, in order of time."""

    api = 1
    card = CARD

    def read(self, db, files):
        read_csv(db, "events", files["log"], COLUMNS)

    def sample(self, folder):
        rows = (f"{n % 7},{n % 11},{n % 2},{1000 + n}\n" for n in range(60))
        (folder / "plays.csv").write_text("".join(rows))


def failed(dataset):
    """Return the causes of failed checks, by name."""
    return {each.name: each.reason for each in run_checks(dataset) if not each.passed}


def cause_of(dataset, name):
    """Return why a dataset fails a check; nothing if it passes."""
    check = next(each for each in DATASET_CHECKS if each.__name__ == name)
    found = result(check, DatasetSubject(dataset), "")
    assert found.outcome in ("passed", "failed")
    return found.reason


def test_a_dataset_that_keeps_the_contract_passes_every_check():
    results = run_checks(Plays)
    assert [each.name for each in results] == [check.__name__ for check in DATASET_CHECKS]
    assert {each.outcome for each in results} == {"passed"}
    assert check_dataset(Plays) is None
    assert check_dataset(Plays()) is None


def test_a_dataset_that_is_always_simulated_is_tried_on_that():
    outcomes = {each.name: each.outcome for each in run_checks(MMoESynthetic)}
    assert outcomes.pop("check_preparation") == "passed"
    assert outcomes["check_empty_file"] == outcomes["check_sample"] == "not applicable"
    assert "failed" not in outcomes.values()


WRITTEN = ("adult", "amazon-toys", "entree", "ml-100k", "ml-100k-coldstart")


def written(name):
    """Return a dataset of recbench's with the drawn files of tests/rawfiles as its sample."""
    plugin = next(each for each in discover("dataset") if each.name == name)
    module = plugin.target.partition(":")[0].rpartition(".")[2]
    write = importlib.import_module(f"rawfiles.{module}").write
    kind = type(load_dataset(plugin))
    return type(kind.__name__, (kind,), {"sample": lambda self, folder: write(folder, name)})


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_built_in_datasets_of_each_task_pass(name):
    assert failed(written(name)) == {}


class Old(Plays):
    api = 0


class Cardless(Plays):
    card = "a card"


class Readerless(Plays):
    read = Dataset.read


class Sampleless(Plays):
    sample = Dataset.sample


class Elsewhere(Plays):
    def sample(self, folder):
        (folder / "other.csv").write_text("")


class Restless(Plays):
    drawn = 0

    def sample(self, folder):
        Restless.drawn += 1
        super().sample(folder)
        with (folder / "plays.csv").open("a") as file:
            file.write(f"1,{Restless.drawn},1,2000\n")


class Textual(Plays):
    def read(self, db, files):
        read_csv(db, "plays", files["log"], COLUMNS)
        db.execute("CREATE VIEW events AS SELECT * REPLACE (time::VARCHAR AS time) FROM plays")


class Unlabelled(Plays):
    def read(self, db, files):
        read_csv(db, "plays", files["log"], COLUMNS)
        db.execute("CREATE VIEW events AS SELECT * EXCLUDE (label) FROM plays")


class Misnamed(Plays):
    def read(self, db, files):
        read_csv(db, "plays", files["log"], COLUMNS)


class Numbered(Plays):
    def read(self, db, files):
        super().read(db, files)
        db.execute("CREATE VIEW items AS SELECT DISTINCT item, item AS row FROM events")


class Random(Plays):
    def read(self, db, files):
        read_csv(db, "plays", files["log"], COLUMNS)
        db.execute("CREATE TABLE events AS SELECT * REPLACE (random() < 0.5 AS label) FROM plays")


class Wordy(Plays):
    def read(self, db, files):
        read_csv(db, "plays", files["log"], COLUMNS)
        db.execute("CREATE TABLE events AS SELECT * REPLACE (label + 1 AS label) FROM plays")


class Sloppy(Plays):
    def sample(self, folder):
        super().sample(folder)
        with (folder / "plays.csv").open("a") as file:
            file.write("no row\n")

    card = replace(CARD, max_rejected=0.5)


class Lenient(Plays):
    """Reads what it can of a file, and says nothing of the rest."""

    def read(self, db, files):
        rows = []
        for number, line in enumerate(files["log"].read_text().splitlines()):
            values = line.split(",")
            if len(values) >= 3:
                rows.append((number, *map(int, values[:3]), 1000 + number))
        rows = rows or [(n, n % 7, n % 11, n % 2, 1000 + n) for n in range(50)]
        db.execute("CREATE TABLE events (row INT, user INT, item INT, label INT, time BIGINT)")
        db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)


class Crashing(Plays):
    def read(self, db, files):
        rows = [json.loads(f"[{line}]") for line in Path(files["log"]).read_text().splitlines()]
        db.execute("CREATE TABLE events (row INT, user INT, item INT, label INT, time BIGINT)")
        db.executemany("INSERT INTO events VALUES (0, ?, ?, ?, ?)", rows)


def carded(**changes):
    return type("Changed", (Plays,), {"card": replace(CARD, **changes)})


ONE_LABEL = TableProtocol(RandomShares())


@pytest.mark.parametrize(
    ("dataset", "check", "cause"),
    [
        (Old, "check_card", "api is 0; set api = 1"),
        (Cardless, "check_card", "card is 'a card'; set card = recbench.Card"),
        (Readerless, "check_card", "it has no reader; override Dataset.read"),
        (carded(name="My Plays"), "check_card", "the card's name is 'My Plays'; write lower-case"),
        (carded(licence=" "), "check_card", "the card's licence is empty"),
        (carded(version=0), "check_card", "version is 0; begin with 1"),
        (carded(task="clicks"), "check_card", "its task is 'clicks'; it must be one of ctr, "),
        (carded(files={"log": "a/plays.csv"}), "check_card", "must be a name, without folders"),
        (carded(checksums={"logs": "0"}), "check_card", "checksums has 'logs', which is no role"),
        (carded(labels={"like": "binary"}), "check_card", "has no labels in its card"),
        (carded(simulator_version=1), "check_card", "go together; it has some of them"),
        (carded(protocols={}), "check_protocols", "the card has no protocol"),
        (carded(protocols={"a": ONE_LABEL}), "check_protocols", "the protocol a is a TableProtoc"),
        (
            carded(protocols={"a": replace(CARD.protocols["time"], files=("logs",))}),
            "check_protocols",
            "the protocol a has 'logs' in files",
        ),
        (carded(departures={"day": ("",)}), "check_protocols", "told of 'day', which is no protoc"),
        (Sampleless, "check_sample", "neither a sample nor a simulator"),
        (Elsewhere, "check_sample", "its sample lacks the file plays.csv, in the card's 'log'"),
        (Restless, "check_sample", "another plays.csv the second time; fix its seeds"),
        (Textual, "check_reader", "the column 'time' of events is VARCHAR; it must be a number"),
        (Unlabelled, "check_reader", "the table events has no column 'label'"),
        (Numbered, "check_reader", "the table items has a column 'row', which would be an input"),
        (Misnamed, "check_reader", "read makes no table events"),
        (Random, "check_fingerprints", "time: the same files give another"),
        (Wordy, "check_labels", "the label 'click' of train has other values than 0 and 1"),
        (Sloppy, "check_preparation", "time: rows of the sample are not read: 1 malformed row"),
        (Lenient, "check_empty_file", "plays.csv is empty, and it is prepared without a word"),
        (Lenient, "check_foreign_file", "plays.csv is a web page, and it is prepared without"),
        (Lenient, "check_missing_column", ""),
        (Crashing, "check_foreign_file", "it raises JSONDecodeError"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_fault_is_found_by_its_check(dataset, check, cause):
    found = cause_of(dataset, check)
    assert cause in found
    assert bool(cause) == bool(found)


def test_without_a_sample_nothing_else_is_blamed():
    assert set(failed(Sampleless)) == {"check_sample"}
    with pytest.raises(CheckFailure, match=r"^Sampleless fails check_sample: it has neither"):
        check_dataset(Sampleless)


def test_negatives_stand_for_labels():
    drawn = replace(CARD.protocols["time"], negatives=Negatives("popularity"))
    clicks = type("Clicks", (Unlabelled,), {"card": replace(CARD, protocols={"time": drawn})})
    assert failed(clicks) == {}


def test_the_folder_of_the_sample_is_gone_with_the_subject(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_checks(Plays)
    assert list(tmp_path.iterdir()) == []
