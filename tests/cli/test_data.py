import json
import shutil

import pytest
import typer

from recbench.cli.data import app
from recbench.data import fingerprint_pins

TAOBAO = ("taobao", "--size", "tiny")


def test_prepare_says_where_the_data_are_and_what_they_hold(recbench, tiny):
    done = recbench("data", "prepare", *TAOBAO)
    assert done.status == 0
    folder, counts = done.out.splitlines()[:2]
    assert folder == str(tiny.folder)
    assert f"users {tiny.manifest.counts['users']}" in counts
    assert "WARNING: taobao: SIMULATED data (size tiny)" in done.err


def test_verify_agrees_with_what_was_prepared(recbench, tiny):
    done = recbench("data", "verify", *TAOBAO)
    assert done.status == 0
    *lines, pinned = done.out.splitlines()
    assert pinned == "agrees with the pinned fingerprint (fingerprints.toml)"
    for line, (name, fingerprint) in zip(lines, tiny.manifest.fingerprints.items(), strict=True):
        assert line.split() == [name, fingerprint[:16], "agrees"]


def test_verify_finds_a_changed_file_and_exits_with_1(recbench, tiny, tmp_path):
    folder = tmp_path / "cache" / tiny.folder.parent.name / tiny.folder.name
    shutil.copytree(tiny.folder, folder)
    path = folder / "samples" / "test.arrow"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = recbench("data", "verify", *TAOBAO, "--cache-dir", str(tmp_path / "cache"))
    assert done.status == 1
    assert done.out == "samples/test.arrow DIFFERS\n"
    assert f"delete {folder} to prepare it again" in done.err


@pytest.mark.parametrize("verb", ["prepare", "verify"])
def test_other_fingerprints_than_the_pinned_ones_exit_with_1(recbench, tiny, monkeypatch, verb):
    monkeypatch.setattr(fingerprint_pins, "_differing", lambda pinned, manifest: ("train", "test"))
    done = recbench("data", verb, *TAOBAO)
    assert done.status == 1
    assert "train, test: differs from the pinned fingerprint in " in done.err


def test_describe_shows_card_characteristics_and_leakage(recbench, tiny):
    done = recbench("data", "describe", *TAOBAO)
    assert done.status == 0
    for expected in (
        "Taobao UserBehavior (taobao, version 1, simulated tiny)",
        "Tianchi terms, non-commercial research",
        f"{tiny.manifest.counts['interactions']:,}",
        "0 test targets (0.0%) precede a training event",
        tiny.manifest.fingerprints["fields"],
        "Rows outside the year 2017 (UTC+8) are dropped.",
        "A negative is an item that the user meets nowhere in the log",
    ):
        assert expected in done.out
    assert "\x1b" not in done.out + done.err


def test_describe_when_piped_has_every_fact_whole_on_one_line(recbench, tiny, monkeypatch):
    wide = recbench("data", "describe", *TAOBAO).out
    monkeypatch.setenv("COLUMNS", "30")
    assert recbench("data", "describe", *TAOBAO).out == wide
    lines = wide.splitlines()
    for part, fingerprint in tiny.manifest.fingerprints.items():
        assert f"{part + ' fingerprint':<20}{fingerprint}" in lines
    assert f"{'folder':<20}{tiny.folder}" in lines


def test_describe_as_json_is_the_manifest(recbench, tiny):
    done = recbench("data", "describe", *TAOBAO, "--json")
    assert json.loads(done.out) == json.loads((tiny.folder / "manifest.json").read_text())


def test_describe_as_a_page_in_either_language(recbench, tiny):
    page = recbench("data", "describe", *TAOBAO, "--format", "md")
    assert page.status == 0
    assert "| simulator | sizes `tiny`, `small`, `medium`, `full` |" in page.out
    assert f"| log fingerprint | {tiny.manifest.fingerprints['log']} |" in page.out
    chinese = recbench("data", "describe", *TAOBAO, "--format", "md", "--language", "zh")
    assert f"| 日志指纹 | {tiny.manifest.fingerprints['log']} |" in chinese.out


def test_a_page_without_data_is_that_of_the_card_and_says_why(recbench):
    done = recbench("data", "describe", "ml-100k", "--format", "md")
    assert done.status == 0
    assert "# MovieLens 100K" in done.out
    assert "fingerprint" not in done.out
    assert "only the card is shown: ml-100k: the raw files" in done.err


@pytest.mark.parametrize(
    "options", [("--format", "html"), ("--language", "fr"), ("--language", "zh")]
)
def test_a_page_of_another_kind_is_refused(recbench, options):
    assert recbench("data", "describe", *TAOBAO, *options).status == 2


def test_the_verbs_share_their_options():
    def shared(verb):
        options = typer.main.get_command(app).commands[verb].params
        return {
            each.name: (each.opts, each.default, each.help)
            for each in options
            if each.name not in ("as_json", "layout", "language")
        }

    assert set(shared("prepare")) >= {"dataset", "protocol", "source", "size"}
    assert shared("prepare") == shared("verify") == shared("describe")


@pytest.mark.parametrize("verb", ["prepare", "verify", "describe"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("taobaoo",), "unknown dataset 'taobaoo'; did you mean taobao"),
        (("taobao", "--source", "simulatd"), "--source: 'simulatd'; did you mean simulated"),
        (("taobao", "--size", "tinny"), "'tinny'; did you mean tiny"),
        (("taobao", "--protocol", "tme"), "unknown protocol of taobao 'tme'; did you mean time"),
    ],
)
def test_wrong_names_exit_with_2_and_get_the_right_ones(recbench, verb, arguments, expected):
    done = recbench("data", verb, *arguments)
    assert done.status == 2
    assert expected in done.err


def test_describe_shows_the_labels_of_a_table(recbench, tmp_path):
    about = ("mmoe-synthetic", "--size", "tiny", "--cache-dir", str(tmp_path))
    done = recbench("data", "describe", *about)
    assert done.status == 0
    lines = {line[:19].strip(): line[19:].strip() for line in done.out.splitlines()}
    assert lines["rows"] == "1,000"
    assert lines["label correlation"].startswith("y1 y2 0.")
    assert lines["train examples"].startswith("y1 ")
    assert lines["leakage"] == "unknown: the raw files carry no time"
    assert recbench("data", "verify", *about).out.count("  agrees") == 3


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("states", {"train warm": "188 episodes", "valid new-both": "15 episodes, 150 queries"}),
        ("phases", {"test warm-b": "1 episodes, 2,418 queries", "valid examples": "0.512 clicks"}),
    ],
)
def test_describe_shows_the_episodes_of_each_state(recbench, cold_folders, protocol, expected):
    about = ("ml-100k-coldstart", "--protocol", protocol, "--source", "simulated", "--size", "tiny")
    about += ("--cache-dir", str(cold_folders.cache))
    done = recbench("data", "describe", *about)
    assert done.status == 0
    assert "ml-100k-coldstart: SIMULATED data (size tiny)" in done.err
    lines = {line[:19].strip(): line[19:].strip() for line in done.out.splitlines()}
    for name, start in expected.items():
        assert lines[name].startswith(start)
    assert "training sees " in lines["leakage"]
    assert recbench("data", "verify", *about).out.count("  agrees") == 5
