import json
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = ("data", "import", "log.csv", "--name", "shop", "--user", "u", "--item", "i", "--time", "t")
QUICK = ("--limit", "100", "--set", "training.epochs=1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in a folder with a log and no data folder."""
    lines = [f"{n % 7},{n * 5 % 37},{1_704_067_200 + n * 3600}" for n in range(200)]
    (tmp_path / "log.csv").write_text("\n".join(["u,i,t", *lines, ""]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_an_import_says_what_it_found_and_what_comes_next(recbench, here, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    done = recbench(*LOG)
    assert done.status == 0
    lines = done.out.splitlines()
    facts = {line[:9].strip(): line[9:] for line in lines[: lines.index("")]}
    assert facts["rows"] == "200"
    assert facts["users"] == "7 (column 'u', whole numbers)"
    assert facts["items"] == "37 (column 'i', whole numbers)"
    assert facts["times"].startswith("2024-01-01 00:00:00 to 2024-01-09 07:00:00 UTC")
    assert facts["card"] == str(here / "share" / "recbench" / "shop" / "recbench.toml")
    first = lines.index("") + 1
    assert lines[first].split() == ["row", "user", "item", "time"]
    assert lines[first + 1].split() == ["1", "0", "0", "1704067200"]
    assert lines[-1] == "next: recbench run --models popularity,din --dataset shop"
    assert "\x1b" not in done.out


def test_what_was_imported_is_used_like_any_other_dataset(recbench, here):
    assert recbench(*LOG, "--data-dir", "data").out.endswith("--dataset shop --data-dir data\n")
    where = ("--data-dir", "data")
    assert recbench("data", "verify", "shop", *where).out.count("agrees") == 6
    described = recbench("data", "describe", "shop", *where).out
    assert "log.csv, imported (shop, version 1, real)" in described
    done = recbench("run", "--models", "popularity", "--dataset", "shop", *where, *QUICK, "--json")
    assert json.loads(done.out)["records"][0]["dataset"]["name"] == "shop"
    assert recbench("data", "describe", "shop").err.startswith("error: unknown dataset 'shop'")


def test_there_is_nothing_to_download_of_it(recbench, here):
    recbench(*LOG)
    done = recbench("data", "download", "shop")
    assert done.status == 2
    assert f"shop was imported; its files are your own: {here / 'log.csv'}" in done.err


def test_it_is_listed_and_unknown_names_find_it(recbench, here):
    recbench(*LOG)
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    own = rows["shop"]
    assert (own["task"], own["files"], own["distribution"]) == ("ctr", "here", "imported")
    assert "did you mean shop?" in recbench("data", "describe", "shopp").err
    (here / "log.csv").unlink()
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    assert rows["shop"]["files"] == "incomplete"
    assert rows["shop"]["broken"].startswith("shop: ")
    (here / "share/recbench/shop/recbench.toml").write_text("")
    rows = {row["dataset"]: row for row in json.loads(recbench("list", "datasets", "--json").out)}
    assert "recbench.toml cannot be read" in rows["shop"]["broken"]


def test_a_second_import_needs_force(recbench, here):
    recbench(*LOG)
    done = recbench(*LOG)
    assert (done.status, "has been imported already" in done.err) == (2, True)
    assert recbench(*LOG, "--force").status == 0


def test_the_command_in_a_changed_files_error_imports_it_again(recbench, here):
    recbench(*LOG)
    (here / "log.csv").write_text((here / "log.csv").read_text() + "1,2,1704100000\n")
    error = recbench("data", "prepare", "shop")
    assert error.status == 1
    words = shlex.split(error.err.splitlines()[-1])
    assert words == ["recbench", *LOG, "--force"]
    assert recbench(*words[1:]).status == 0
    assert recbench("data", "prepare", "shop").status == 0


def test_a_bare_date_is_the_moment_when_its_day_begins(recbench, here):
    recbench(*LOG, "--until", "2024-01-03")
    said = json.loads(recbench("data", "describe", "shop", "--json").out)
    assert said["counts"]["interactions"] == 49


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("--user", "uu"), 2, "--user: unknown column of log.csv 'uu'; did you mean u?"),
        (("--no-header",), 2, "--user: unknown column of log.csv 'u'; known: 1, 2, 3"),
        (("--since", "2030-01-01"), 1, "no row lies between --since and --until"),
        (("--since", "yesterday"), 2, "--since 'yesterday' is no date such as 2024-01-31"),
        (("--label", "i"), 2, "--item and --label name one column, 'i'"),
        (("--name", "ml-100k"), 2, "there is a dataset 'ml-100k' already"),
    ],
)
def test_mistakes_end_in_one_message(recbench, here, arguments, status, expected):
    done = recbench(*LOG, *arguments)
    assert done.status == status
    assert expected in done.err
    assert not (here / "share").exists()


def blocks(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(params=["own-data.md", "own-data.zh-CN.md"])
def guide(request):
    return (ROOT / "docs" / request.param).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_guides_commands_do_what_it_shows(recbench, guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    (script,) = blocks("python", guide)
    exec(compile(script, "guide", "exec"), {})
    for block in blocks("console", guide):
        command, _, shown = block.partition("\n")
        words = shlex.split(command.removeprefix("$ recbench "))
        done = recbench(*words, *(QUICK if words[0] == "run" else ()))
        assert done.status == 0, done.err
        if words[:2] == ["data", "import"]:
            for line in shown.splitlines():
                assert line in done.out.splitlines() or line.startswith(("file ", "card "))


def test_both_guides_have_the_same_commands_and_output():
    texts = [(ROOT / "docs" / f"own-data{end}.md").read_text("utf-8") for end in ("", ".zh-CN")]
    for language in ("python", "console"):
        english, chinese = (blocks(language, text) for text in texts)
        assert english == chinese
        assert english
