import json

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
    columns = list(columns_of(rows[0]))
    assert lines[0].split()[: len(columns)] == columns
    assert [line.split()[0] for line in lines[1:]] == first
    assert "\x1b" not in table.out


@pytest.mark.parametrize("what", ["models", "datasets", "metrics"])
def test_a_list_that_is_piped_has_every_row_whole_on_one_line(recbench, monkeypatch, what):
    monkeypatch.setenv("COLUMNS", "30")
    rows = json.loads(recbench("list", what, "--json").out)
    lines = recbench("list", what).out.splitlines()[1:]
    for line, row in zip(lines, rows, strict=True):
        assert "".join(line.split()) == "".join(
            "".join(map(shown, columns_of(row).values())).split()
        )


def columns_of(row: dict[str, object]) -> dict[str, object]:
    """Return the columns of a row that the table shows."""
    hidden = ("distribution", "version") if "dataset" in row else ()
    return {name: value for name, value in row.items() if name not in hidden}


def shown(value: object) -> str:
    """Return how a cell stands in the table."""
    if isinstance(value, dict):
        return " ".join(f"{name}={entry}" for name, entry in value.items())
    return str(value)


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
    assert rows["amazon-toys"]["files"].startswith("broken: amazon-toys: item2attributes.json")
    assert rows["amazon-beauty"]["protocols"] == "sequences, din, time, din-reviews, dien"
    assert rows["ml-100k"]["distribution"] == "recbench"
    sources = [rows[name]["source"] for name in ("ml-100k", "taobao", "mmoe-synthetic")]
    assert sources == ["download", "by hand", "none needed"]


def test_a_broken_plugin_is_listed_as_broken_beside_the_others(recbench, install):
    install("bad", {"bad_plugin": "1 / 0"}, models={"bad": "bad_plugin:Model"})
    rows = {row["model"]: row for row in json.loads(recbench("list", "--json").out)}
    assert "broken: model 'bad' of bad 1.0 cannot be imported" in rows["bad"]["task"]
    assert rows["din"] | {"version": ""} == {
        "model": "din",
        "task": "ctr",
        "distribution": "recbench",
        "version": "",
        "training": {},
    }


def test_a_models_own_training_settings_are_listed(recbench, install):
    code = """
        from recbench_models.sequence.din import DIN

        class Mine(DIN):
            training_settings = {"epochs": 2, "schedule": "linear"}
    """
    install("mine", {"mine_listed": code}, models={"mine": "mine_listed:Mine"})
    rows = {row["model"]: row for row in json.loads(recbench("list", "--json").out)}
    assert rows["mine"]["training"] == {"epochs": 2, "schedule": "linear"}
    (line,) = (line for line in recbench("list").out.splitlines() if line.startswith("mine "))
    assert line.endswith("epochs=2 schedule=linear")


def test_files_that_serve_some_protocols_only_are_here_for_these(recbench, tmp_path, monkeypatch):
    (tmp_path / "census-income.test").write_text("")
    monkeypatch.setenv("RECBENCH_DATA", str(tmp_path))
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    expected = "here for half, college-half, weight-half"
    assert rows["census-income"]["files"] == expected
    assert rows["mmoe-synthetic"]["files"] == "simulator"
