from __future__ import annotations

import gzip

import pytest

from recbench.data import DataConfig, prepare
from recbench.data.protocol import PARTS
from recbench.datasets.diginetica import Diginetica
from recbench.errors import DataError
from recbench.folders import Folders

LINES = "".join(f"{n % 9} {n % 9 + 1} {n % 9}\n" for n in range(40))


def raw(folders: Folders, **files: str | bytes) -> Folders:
    """Write session files by role; bytes are those of a .gz file."""
    for role, content in files.items():
        name = f"{role}_sessions.txt"
        if isinstance(content, bytes):
            (folders.data / f"{name}.gz").write_bytes(content)
        else:
            (folders.data / name).write_text(content)
    return folders


class AnyRelease(Diginetica):
    """Takes files of any number of sessions."""

    card = type(Diginetica.card)(**vars(Diginetica.card) | {"counts": ()})


@pytest.fixture
def folders(tmp_path) -> Folders:
    (tmp_path / "raw" / "diginetica").mkdir(parents=True)
    return Folders(tmp_path / "raw" / "diginetica", tmp_path / "cache", tmp_path / "results")


def prepared(folders: Folders, dataset=None):
    return prepare(dataset or AnyRelease(), DataConfig("diginetica", source="real"), folders)


def test_sessions_are_read_in_their_order_and_the_test_file_comes_last(read):
    log = read(Diginetica(), train="9 7\n7 8 7\n", test="8 9\n")
    found = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert log.items.to_pylist() == [7, 8, 9]
    assert found["user"] == [0, 0, 1, 1, 1, 2, 2]
    assert found["item"] == [2, 0, 0, 1, 0, 1, 2]
    assert found["time"] == [1, 1, 2, 2, 2, 3, 3]
    assert found["testing"] == [False] * 5 + [True] * 2


def test_every_click_but_the_first_is_a_target(folders):
    dataset = prepared(raw(folders, train=LINES, test="5 6 99 6\n"))
    counts = dataset.manifest.counts
    assert counts["train"] + counts["valid"] == 2 * 40
    assert counts["test"] == 2
    assert dataset.manifest.reports == ["1 targets left out: the training part has no such item"]


def test_simulated_views_are_the_simulated_sessions(tmp_path):
    folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    data = [DataConfig("diginetica", protocol, size="tiny") for protocol in ("sessions", "raw")]
    sessions, raw = (prepare(Diginetica(), each, folders).manifest.counts for each in data)
    assert 0.97 * sessions["users"] < raw["users"] <= sessions["users"]
    assert all(raw[part] for part in PARTS)


@pytest.mark.data
@pytest.mark.parametrize("name", ["srgnn__sample_", "session_based__diginetica__"])
def test_real_views_are_read(raw_data, read, name):
    (sample,) = (raw_data / "format-samples").glob(f"{name}train-item-views*.csv")
    log = read(Diginetica(), views=sample.read_text())
    assert log.rejected.count == 0
    assert not log.spool.columns["testing"].all()


def test_files_of_another_release_are_refused(folders):
    with pytest.raises(DataError, match="122 interactions .*another release"):
        prepared(raw(folders, train=LINES, test="5 6\n"), Diginetica())


@pytest.mark.parametrize("line", ["5 x 6", "5  6", "5 6 ", "5,6"])
def test_a_line_that_is_not_numbers_is_an_error_that_names_the_files(folders, line):
    with pytest.raises(DataError, match=r"diginetica: .*train_sessions\.txt.*not in the expected"):
        prepared(raw(folders, train=LINES + line + "\n", test="5 6\n"))


def test_an_empty_line_is_no_session(folders):
    with_gap = prepared(raw(folders, train="\n" + LINES, test="5 6\n\n"))
    assert with_gap.manifest.counts["users"] == 41


@pytest.mark.parametrize("cut", [20, -10])
def test_a_truncated_archive_is_an_error_that_names_it(folders, cut):
    archive = gzip.compress(LINES.encode())
    with pytest.raises(DataError, match=r"train_sessions\.txt\.gz"):
        prepared(raw(folders, train=archive[:cut], test="5 6\n"))


@pytest.mark.data
def test_real_sessions_have_the_published_pairs(raw_data, prepare_real):
    """719,470 pairs to train on and 60,858 to test, as the SR-GNN line of papers counts them."""
    pairs = {}
    for part in ("train", "test"):
        with gzip.open(raw_data / "diginetica" / f"{part}_sessions.txt.gz", "rt") as file:
            pairs[part] = sum(line.count(" ") for line in file)
    assert pairs == {"train": 719_470, "test": 60_858}
    manifest = prepare_real(Diginetica()).manifest
    counts = manifest.counts
    (published,) = Diginetica.card.counts
    assert {name: counts[name] for name in published} == published
    (left_out,) = manifest.reports
    unseen = int(left_out.split(" ")[0].replace(",", ""))
    assert sum(counts[part] for part in PARTS) + unseen == sum(pairs.values())
    assert counts["test"] <= pairs["test"]
    assert counts["train"] + counts["valid"] <= pairs["train"]


def test_an_empty_line_changes_nothing(folders):
    clean = prepared(raw(folders, train=LINES, test=LINES)).manifest
    blank = prepared(raw(folders, train=LINES + "\n", test=LINES + "\n")).manifest
    assert blank.fingerprints == clean.fingerprints
    assert blank.reports == clean.reports
