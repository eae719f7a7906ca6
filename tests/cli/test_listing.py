import json
import sys
from importlib.metadata import version

import pytest


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("models", ("popularity", "din-base", "sim")),
        ("datasets", ("taobao", "ml-100k", "amazon-beauty")),
        ("metrics", ("auc", "logloss", "mrr@20")),
    ],
)
def test_lists_come_as_a_table_and_as_json(recbench, what, expected):
    table, data = recbench("list", what), recbench("list", what, "--json")
    assert (table.status, data.status) == (0, 0)
    rows = json.loads(data.out)
    first = [next(iter(row.values())) for row in rows]
    assert set(expected) <= set(first)
    lines = table.out.splitlines()
    columns = columns_of(rows)
    assert lines[0].split()[: len(columns)] == columns
    assert [line.split()[0] for line in lines[1:]] == first
    assert "\x1b" not in table.out


def test_datasets_are_looked_for_where_it_is_said(recbench, tmp_path):
    folder = tmp_path / "raw" / "taobao"
    folder.mkdir(parents=True)
    (folder / "UserBehavior.csv").write_text("")
    ask = ("list", "datasets", "taobao", "--json")
    (here,) = json.loads(recbench(*ask, "--data-dir", str(tmp_path / "raw")).out)
    (nowhere,) = json.loads(recbench(*ask, "--data-dir", str(tmp_path)).out)
    assert (here["files"], here["missing"]) == ("here (simulator)", {})
    assert nowhere["missing"]
    refused = recbench("list", "models", "--data-dir", str(tmp_path))
    assert refused.status == 2
    assert "--data-dir is of datasets" in refused.err


def test_the_version_is_that_of_the_distribution(recbench):
    assert recbench("--version").out == f"recbench {version('recbench')}\n"


@pytest.mark.parametrize("what", ["models", "datasets", "metrics"])
def test_a_list_that_is_piped_has_every_row_whole_on_one_line(recbench, monkeypatch, what):
    monkeypatch.setenv("COLUMNS", "30")
    rows = json.loads(recbench("list", what, "--json").out)
    lines = recbench("list", what).out.splitlines()[1:]
    for line, row in zip(lines, rows, strict=True):
        cells = "".join(str(row[name]) for name in columns_of(rows) if name != "missing")
        files = {name for names in row.get("missing", {}).values() for name in names}
        whole = "".join(line.split())
        assert all(file in whole for file in files)
        assert files or whole == "".join(cells.split())


def columns_of(rows: list[dict[str, object]]) -> list[str]:
    """Return the columns that the table shows: those in which something stands."""
    hidden = ("distribution", "version", "origin") if "dataset" in rows[0] else ()
    told = [name for name in rows[0] if any(row[name] not in ("", None, {}) for row in rows)]
    return [name for name in told if name not in hidden]


def test_datasets_say_whether_their_files_are_here(recbench, tmp_path, monkeypatch):
    (tmp_path / "ml-100k").mkdir()
    for name in ("u.data", "u.item", "u.user.gz"):
        (tmp_path / "ml-100k" / name).write_text("")
    (tmp_path / "amazon-toys").mkdir()
    (tmp_path / "amazon-toys" / "sequences.txt").write_text("")
    monkeypatch.setenv("RECBENCH_DATA", str(tmp_path))
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    assert rows["ml-100k"]["files"] == "here"
    assert rows["taobao"]["files"] == "missing (simulator)"
    assert rows["ml-latest-small"]["files"] == "missing"
    reviews = ["reviews_Toys_and_Games_5.json", "meta_Toys_and_Games.json"]
    toys = rows["amazon-toys"]
    assert (toys["files"], toys["broken"]) == ("incomplete", "")
    assert toys["missing"] == {
        **dict.fromkeys(("sequences", "din"), ["item2attributes.json"]),
        **dict.fromkeys(("time", "din-reviews", "dien"), reviews),
    }
    assert rows["ml-100k"]["missing"] == {}
    assert rows["amazon-beauty"]["protocols"] == "sequences, din, time, din-reviews, dien"
    assert rows["ml-100k"]["distribution"] == "recbench"
    sources = [rows[name]["source"] for name in ("ml-100k", "taobao", "mmoe-synthetic")]
    assert sources == ["download", "by hand", "none needed"]


BOMB = """
    from pathlib import Path
    from recbench import CTRModel as Base
    import recbench_models.session.stamp as session

    class Bomb(Base):
        api = 1

    class Session(session.STAMP):
        pass

    class Old(Bomb):
        api = 0

    class New(Bomb):
        api: int = 2

    raise SystemExit("imported")
"""


def test_models_are_listed_and_not_imported(recbench, install):
    targets = {"bomb": "bomb_listed:Bomb", "session": "bomb_listed:Session"}
    targets |= {"old": "bomb_listed:Old", "new": "bomb_listed:New", "gone": "no_module:Gone"}
    site = install("bombs", {"bomb_listed": BOMB}, "0.3", models=targets)
    rows = {row["model"]: row for row in json.loads(recbench("list", "--json").out)}
    assert rows["bomb"] == {
        "model": "bomb",
        "task": "ctr",
        "distribution": "bombs",
        "version": "0.3",
        "origin": str(site / "bomb_listed.py"),
        "training": None,
        "broken": "",
    }
    assert rows["session"]["task"] == "next-item"
    for name, api in (("old", 0), ("new", 2)):
        assert f"bombs 0.3 is written for plugin API {api}; this" in rows[name]["broken"]
    assert rows["gone"]["broken"] == "model 'gone' of bombs 0.3: there is no module 'no_module'"
    assert (rows["din"]["origin"], rows["din"]["broken"]) == ("built-in", "")
    assert "bomb_listed" not in sys.modules


def test_a_model_that_is_named_is_imported_and_listed_as_broken_beside_others(recbench, install):
    install("bombs", {"bomb_named": BOMB}, models={"bomb": "bomb_named:Bomb"})
    rows = json.loads(recbench("list", "models", "din", "bomb", "--json").out)
    assert [row["model"] for row in rows] == ["bomb", "din"]
    assert rows[0]["broken"].endswith(
        "cannot be imported from bomb_named:Bomb: its code called sys.exit('imported')"
    )
    assert (rows[1]["task"], rows[1]["training"]) == ("ctr", {})
    unknown = recbench("list", "models", "dni")
    assert (unknown.status, unknown.out) == (2, "")
    assert "unknown model 'dni'; did you mean din" in unknown.err


def test_what_two_distributions_register_is_listed_as_broken_with_both(recbench, install):
    for name in ("first", "second"):
        install(name, models={"twice": "a:A"}, datasets={"twin": "a:A"})
    for what, plugin in (("models", "twice"), ("datasets", "twin")):
        rows = json.loads(recbench("list", what, plugin, "--json").out)
        assert [row["distribution"] for row in rows] == ["first", "second"]
        for row in rows:
            assert "is registered by first 1.0 and second 1.0; uninstall one" in row["broken"]


def test_a_broken_dataset_is_listed_as_broken_beside_others(recbench, install):
    install("bad", {"bad_data": "1 / 0"}, datasets={"bad": "bad_data:Data"})
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    assert "dataset 'bad' of bad 1.0 cannot be imported" in rows["bad"]["broken"]
    assert rows["ml-100k"]["broken"] == ""


def test_a_models_own_training_settings_are_listed(recbench, install):
    code = """
        from recbench_models.sequence.din import DIN

        class Mine(DIN):
            training_settings = {"epochs": 2, "schedule": "linear"}
    """
    install("mine", {"mine_listed": code}, models={"mine": "mine_listed:Mine"})
    (row,) = json.loads(recbench("list", "models", "mine", "--json").out)
    assert row["training"] == {"epochs": 2, "schedule": "linear"}
    assert recbench("list", "models", "mine").out.endswith("epochs=2 schedule=linear\n")


def test_files_that_serve_some_protocols_only_are_here_for_these(recbench, tmp_path, monkeypatch):
    (tmp_path / "census-income.test").write_text("")
    monkeypatch.setenv("RECBENCH_DATA", str(tmp_path))
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    expected = "here for half, college-half, weight-half"
    assert rows["census-income"]["files"] == expected
    lacking = ("official", "college", "weight")
    assert rows["census-income"]["missing"] == dict.fromkeys(lacking, ["census-income.data"])
    told = f"{expected} {', '.join(lacking)}: census-income.data download"
    assert told in " ".join(recbench("list", "datasets", "census-income").out.split())
    assert rows["mmoe-synthetic"]["files"] == "simulator"
