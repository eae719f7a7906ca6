from __future__ import annotations

import dataclasses
import json
import os

import pytest
from heard import Heard

from recbench.data import DataConfig, prepare
from recbench.data import fingerprint_pins as held
from recbench.data.fingerprint_pins import compare, published_pins
from recbench.datasets.taobao import Taobao
from recbench.errors import DataError
from recbench.published_pins import FILE, read_pins

ROWS = [
    (user, item, item % 2, 100 * user + item, item % 2) for user in range(6) for item in range(9)
]


@pytest.fixture
def log(make_log, folders):
    """The path of a log's raw file, and a function that prepares it."""
    path = folders.data / "log.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in ROWS))

    def prepare_log(**card):
        return prepare(make_log(**card), DataConfig("log"), folders)

    return path, prepare_log


def _later(path) -> None:
    """Make a file look newer, so that it is prepared again."""
    os.utime(path, (1, 1))


def test_the_first_preparation_is_pinned_and_later_ones_are_held_to_it(log, make_log):
    path, prepare_log = log
    first = prepare_log()
    _later(path)
    second = prepare_log()
    assert second.folder != first.folder
    pin = compare(make_log(), second.manifest, second.folder.parent)
    assert (pin.first, pin.differing) == (False, ())
    assert json.loads(pin.place.read_text())["fingerprints"] == first.manifest.fingerprints


def test_the_same_file_with_other_fingerprints_is_refused(log):
    path, prepare_log = log
    first = prepare_log()
    (pin,) = (first.folder.parent / "pins").iterdir()
    content = json.loads(pin.read_text())
    content["fingerprints"]["valid"] = "0" * 64
    pin.write_text(json.dumps(content))
    _later(path)
    with pytest.raises(
        DataError, match=r"log: valid: differs from the pinned .* changed"
    ) as caught:
        prepare_log()
    assert str(pin) in str(caught.value)
    assert list(first.folder.parent.glob("only-*")) == [first.folder]


def test_another_file_and_another_version_have_pins_of_their_own(log):
    path, prepare_log = log
    prepare_log()
    path.write_text(path.read_text() + "5,1,1,999,1\n")
    changed = prepare_log()
    assert len(list((changed.folder.parent / "pins").iterdir())) == 2
    prepare_log(version=2)


@pytest.fixture
def publish(install):
    """Return a function that puts a reader in a package with pins beside it."""

    def put(text: str):
        site = install("logs", {})
        package = site / "logs_of_mine"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "reader.py").write_text(
            "from conftest import Log\n\nclass Mine(Log):\n    pass\n"
        )
        (package / FILE).write_text(text)
        read_pins.cache_clear()
        from logs_of_mine.reader import Mine

        return Mine

    return put


def _text(manifest, fingerprints) -> str:
    counts = {name: manifest.counts[name] for name in ("interactions", "users", "items")}
    lines = {"dataset": "log", "version": 1, "protocol": "only"}
    text = "".join(f"{name} = {value!r}\n" for name, value in lines.items())
    for name, table in {"counts": counts, "fingerprints": fingerprints}.items():
        text += f"{name} = {{ {', '.join(f'{k} = {v!r}' for k, v in table.items())} }}\n"
    return f"[[pin]]\n{text}"


@pytest.mark.parametrize("right", [True, False])
def test_a_published_pin_comes_first(log, make_log, publish, folders, right):
    made = log[1]()
    fingerprints = made.manifest.fingerprints if right else {"log": "0" * 64}
    reader = publish(_text(made.manifest, fingerprints))
    card = make_log().card
    dataset = reader(card, labelled=True)
    pin = compare(dataset, made.manifest, made.folder.parent)
    assert pin.place.name == FILE
    assert bool(pin.differing) != right
    _later(log[0])
    if right:
        prepare(dataset, DataConfig("log"), folders)
    else:
        with pytest.raises(DataError, match=f"differs from the pinned fingerprint in .*{FILE}"):
            prepare(dataset, DataConfig("log"), folders)


def test_other_counts_or_another_version_are_of_no_published_pin(log, make_log, publish):
    made = log[1]()
    dataset = publish(_text(made.manifest, {"log": "0" * 64}))(make_log().card, labelled=True)
    other = dataclasses.replace(made.manifest, counts={**made.manifest.counts, "users": 5})
    assert compare(dataset, other, made.folder.parent).differing == ()
    newer = dataclasses.replace(made.manifest, version=2)
    assert compare(dataset, newer, made.folder.parent).differing == ()


def test_a_reader_without_pins_beside_it_has_none(make_log):
    assert published_pins(make_log()) is None


def test_simulated_data_that_differ_are_only_told(tiny, tiny_folders, monkeypatch, tmp_path):
    heard = Heard()
    wrong = {**held.key(tiny.manifest), "fingerprints": {"log": "0" * 64}}
    monkeypatch.setattr(held, "published_pins", lambda dataset: (tmp_path / FILE, (wrong,)))
    folders = dataclasses.replace(tiny_folders, cache=tmp_path)
    prepare(Taobao(), DataConfig("taobao", size="tiny"), folders, heard)
    assert any("recbench or NumPy changed" in each for each in heard.warnings)
