import json

import pytest

from recbench.record import state_path

RUN = ("run", "--models", "din", "--dataset", "taobao", "--size", "tiny", "--limit", "300",
       "--device", "cpu", "--set", "training.epochs=1", "--set", "din.mlp=[8]")  # fmt: skip


@pytest.fixture
def record(recbench, tmp_path):
    assert recbench(*RUN, "--keep-model").status == 0
    (path,) = (tmp_path / "results").rglob("*.json")
    return path


def test_a_kept_model_is_shown(recbench, record):
    done = recbench("explain", str(record), "--examples", "50")
    assert done.status == 0
    assert "50 examples of test" in done.out
    assert "attention over the latest events" in done.out
    assert "\x1b" not in done.out
    assert "Traceback" not in done.err


def test_json_is_all_that_is_printed(recbench, record):
    done = recbench("explain", str(record), "--part", "valid", "--examples", "50", "--json")
    found = json.loads(done.out)
    assert found["states"] is None
    assert (found["models"][0]["part"], found["models"][0]["examples"]) == ("valid", 50)


def test_a_picture_is_drawn(recbench, record, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "din.svg"
    done = recbench("explain", str(record), "--examples", "50", "--output", str(picture))
    assert done.status == 0
    assert f"drawn to {picture}" in done.err
    assert picture.read_text().startswith("<?xml")


def test_the_command_of_the_message_keeps_the_model(recbench, record):
    import shlex

    state_path(record).unlink()
    done = recbench("explain", str(record))
    assert done.status == 2
    line = next(line for line in done.err.splitlines() if line.startswith("recbench run"))
    assert recbench(*shlex.split(line)[1:]).status == 0
    assert recbench("explain", str(record)).status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("none.json",), 1, "cannot read the record none.json"),
        (("none.json", "--part", "tset"), 2, "'tset'; did you mean test"),
        (("none.json", "--output", "x.gif"), 2, "must end in .svg, .png, .pdf"),
        (("none.json", "--examples", "0"), 2, "greater than or equal to 1"),
        ((), 2, "RECORD.json"),
    ],
)
def test_a_mistake_says_how_to_mend_it(recbench, arguments, status, expected):
    done = recbench("explain", *arguments)
    assert (done.status, done.out) == (status, "")
    assert expected in done.err
