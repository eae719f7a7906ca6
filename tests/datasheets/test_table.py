"""The table of preparations is made of figures alone, and says what it lacks."""

from __future__ import annotations

import dataclasses

import pytest

from datasheets import stand_ins
from datasheets.measurement import Measurement, measure
from datasheets.table import Figures, code_lines, faults, lines, row
from recbench.datasets.ml_100k import MovieLens100K
from recbench.datasets.taobao import Taobao


@pytest.fixture
def figures(tiny):
    """Of one protocol of the simulated Taobao."""
    measured = Measurement(tiny.manifest, "simulated", 1234, 0.56, 300 << 20)
    return Figures([row(measured)], {"taobao.py": 99, "simulated.py": 106}, 270)


def test_a_row_has_what_the_manifest_says_and_what_was_measured(figures, tiny):
    text = "\n".join(lines(figures, [Taobao()], "en", "tiny"))
    test = tiny.manifest.fingerprints["test"]
    for expected in ("| `taobao` | `time` | simulated | 1,234 |", f"| `{test[:12]}` | 0.6 | 300 |"):
        assert expected in text
    assert "| `taobao.py` | 99 | `taobao` |" in text
    assert "| `simulated.py` | 106 | shared by others |" in text


def test_figures_survive_their_file(figures, tmp_path):
    figures.save(tmp_path / "figures.json")
    assert Figures.load(tmp_path / "figures.json") == figures


def test_new_rows_of_a_dataset_take_the_place_of_its_old_ones(figures):
    (old,) = figures.rows
    more = dataclasses.replace(old, dataset="entree")
    both = figures.with_rows([more])
    assert both.rows == [old, more]
    new = [dataclasses.replace(old, cpu_seconds=each) for each in (1.0, 2.0)]
    assert both.with_rows(new).rows == [*new, more]


def test_what_is_missing_or_not_as_pinned_is_told(figures):
    dataset = Taobao()
    assert [each for each in faults(figures, [dataset]) if "(time)" in each] == []
    assert any("lacks taobao (mimn)" in each for each in faults(figures, [dataset]))
    other = dataclasses.replace(figures.rows[0], fingerprint="0" * 12)
    wrong = dataclasses.replace(figures, rows=[other])
    assert any("no pinned taobao (time)" in each for each in faults(wrong, [dataset]))


def test_files_stand_in_where_there_are_none(tmp_path):
    assert stand_ins.put(MovieLens100K(), "time", None, tmp_path) == "generated"
    assert (tmp_path / "u.data").is_file()


def test_a_preparation_is_measured_in_a_process_of_its_own():
    (measured,) = measure(MovieLens100K(), None, "tiny")
    assert measured.source == "generated"
    assert measured.lines > measured.manifest.counts["interactions"] > 0
    assert measured.cpu > 0
    assert measured.peak > 1 << 20


def test_every_file_of_the_datasets_is_counted():
    assert {"ml_100k.py", "own_histories.py"} <= code_lines().keys()
