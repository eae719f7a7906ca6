import csv
import io

import pytest

ON_TINY = ("--dataset", "taobao", "--size", "tiny", "--limit", "500", "--device", "cpu")


@pytest.fixture
def board(recbench):
    """A command line whose results folder has two records."""
    quick = ("--set", "training.epochs=1", "--set", "din-base.mlp=[8]")
    assert recbench("run", "--models", "popularity,din-base", *ON_TINY, *quick).status == 0
    return recbench


@pytest.mark.parametrize("style", ["table", "md", "csv", "latex"])
def test_every_format_shows_every_model(board, style):
    done = board("leaderboard", "--format", style)
    assert (done.status, done.err) == (0, "")
    assert "popularity" in done.out
    assert "din-base" in done.out
    assert "\x1b" not in done.out


def test_csv_has_a_row_for_each_model(board):
    rows = list(csv.DictReader(io.StringIO(board("leaderboard", "--format", "csv").out)))
    assert {row["model"] for row in rows} == {"popularity", "din-base"}


def test_only_the_dataset_asked_for_is_shown(board):
    assert board("leaderboard", "--dataset", "taobao").status == 0
    done = board("leaderboard", "--dataset", "ml-100k")
    assert done.status == 2
    assert "there is no record of ml-100k in" in done.err


def test_no_record_and_a_wrong_format_are_mistakes(recbench):
    done = recbench("leaderboard")
    assert done.status == 2
    assert "`recbench run` makes some" in done.err
    done = recbench("leaderboard", "--format", "latx")
    assert done.status == 2
    assert "'latx'; did you mean latex" in done.err


def test_a_bad_record_is_skipped_and_told(board, tmp_path):
    path = next((tmp_path / "results").glob("*/*/popularity/*.json"))
    path.write_text("{")
    done = board("leaderboard")
    assert done.status == 0
    assert f"skipped: {path} is not valid JSON" in done.err
    assert "din-base" in done.out
    assert "popularity" not in done.out


def test_a_page_is_written_and_checked(board, tmp_path):
    page = tmp_path / "results" / "README.md"
    page.write_text("<!-- leaderboard -->\n<!-- end of leaderboard -->\n", encoding="utf-8")
    done = board("leaderboard", "--check")
    assert done.status == 1
    assert "+| 1 | din-base" in " ".join(done.out.split())
    assert board("leaderboard", "--output", str(page)).out == f"wrote {page}\n"
    assert board("leaderboard", "--check").status == 0
    page.write_text(page.read_text(encoding="utf-8").replace("din-base", "din"), encoding="utf-8")
    assert board("leaderboard", "--check", "--output", str(page)).status == 1


def test_what_a_page_does_not_heed_is_refused(board):
    done = board("leaderboard", "--check", "--format", "csv")
    assert done.status == 2
    assert "--format is for printed tables" in done.err


def test_a_site_is_written(board, tmp_path):
    done = board("publish", "--output", str(tmp_path / "site"))
    assert (done.status, done.err) == (0, "")
    assert done.out == f"4 pages; open {tmp_path / 'site' / 'index.html'}\n"
    assert "din-base" in (tmp_path / "site" / "taobao.html").read_text(encoding="utf-8")
