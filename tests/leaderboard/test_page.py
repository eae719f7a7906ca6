import re

import numpy as np
import pytest

from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard import differences, make_pages, write_pages
from recbench.record import predictions_path

ALL = "<!-- leaderboard -->\n<!-- end of leaderboard -->"
OF_SHOP = ALL.replace("leaderboard -->", "leaderboard of shop -->", 1)


@pytest.fixture
def save(make_scored, tmp_path):
    """Return a function that saves a run of a few rows, and returns its path."""
    label = np.tile(np.array([0, 1], np.int8), 20)
    user = np.repeat(np.arange(10), 4)

    def make(model="din", skill=1.0, **changes):
        noise = np.random.default_rng(len(model)).normal(size=len(label))
        prediction = (skill * label + noise).astype(np.float32)
        rows = {"user": user, "item": user, "label": label, "prediction": prediction}
        return make_scored(rows, model, **changes).save(tmp_path / "results", rows)

    return make


@pytest.fixture
def page(tmp_path):
    """Return a function that makes pages of a text, and one that writes it first."""

    def make(text, name="README.md"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_tables_come_between_the_marks_and_the_rest_stays(save, page, tmp_path):
    save()
    save("sim")
    path = page(f"# Results\n\n{ALL}\n\nafter\n")
    write_pages(make_pages([path], tmp_path / "results"))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Results\n\n<!-- leaderboard -->\n\n### shop v1")
    assert text.endswith("\n\n<!-- end of leaderboard -->\n\nafter\n")
    assert text.count("| sim") == text.count("| din") == 1
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert max(map(len, lines)) <= 120


def test_a_page_just_written_does_not_differ_and_writing_again_changes_nothing(
    save, page, tmp_path
):
    save()
    paths = [page(f"{ALL}\n", "a.md"), page(f"x\n{ALL}\n{ALL}", "b.md")]
    write_pages(make_pages(paths, tmp_path / "results"))
    again = make_pages(paths, tmp_path / "results")
    assert differences(again) == ""
    assert again == {path: path.read_text(encoding="utf-8") for path in paths}


def test_an_edited_number_and_another_record_are_seen(save, page, tmp_path):
    save()
    path = page(ALL)
    write_pages(make_pages([path], tmp_path / "results"))
    good = path.read_text(encoding="utf-8")
    score = re.search(r"0\.\d{4}", good)[0]
    path.write_text(good.replace(score, "0.0009"), encoding="utf-8")
    found = differences(make_pages([path], tmp_path / "results"))
    assert [line[0] for line in found.splitlines()[3:]] == ["-", "+"]
    assert "0.0009" in found.splitlines()[3]
    path.write_text(good, encoding="utf-8")
    save("sim")
    assert "+| 1 | sim" in " ".join(differences(make_pages([path], tmp_path / "results")).split())


def test_a_page_may_have_one_dataset_alone(save, page, tmp_path):
    save()
    save(dataset="other")
    path = page("<!-- leaderboard of other -->\nwas here\n<!-- end of leaderboard -->\n")
    text = make_pages([path], tmp_path / "results")[path]
    assert "### other v1" in text
    assert "shop" not in text
    assert "was here" not in text


def test_without_records_a_page_says_so(page, tmp_path):
    path = page(ALL)
    text = make_pages([path], tmp_path / "results")[path]
    assert text == ALL.replace("\n", "\n\nThere are no records yet.\n\n")


def test_a_page_without_marks_or_that_is_not_there_is_a_mistake(page, tmp_path):
    with pytest.raises(UsageError, match="no place for a leaderboard; write the lines"):
        make_pages([page("# Results\n")], tmp_path)
    with pytest.raises(UsageError, match=r"cannot read the page .*nowhere\.md"):
        make_pages([tmp_path / "nowhere.md"], tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"<!-- leaderboard -->\nMINE\n{OF_SHOP}\n", 1),
        (f"{ALL}\nMINE\n<!-- end of leaderboard -->\n", 4),
        (f"{ALL}\n<!-- leaderboard of shop -->\nMINE\n", 3),
        (f"{ALL}\n<!-- leaderboard of my shop -->\nMINE\n<!-- end of leaderboard -->\n", 3),
        ("<!-- leaderboard --> MINE\n<!-- end of leaderboard -->\n", 1),
    ],
)
def test_a_mark_without_its_partner_is_named(save, page, tmp_path, text, line):
    save()
    with pytest.raises(UsageError, match=rf"line {line} of .*README\.md has no partner: <!-- "):
        make_pages([page(text)], tmp_path / "results")


def test_a_mark_within_a_sentence_is_text(save, page, tmp_path):
    save()
    path = page(f"Between `<!-- leaderboard -->` and `<!-- end of leaderboard -->`:\n{OF_SHOP}\n")
    text = make_pages([path], tmp_path / "results")[path]
    assert text.count("### shop v1") == 1


def test_a_misspelt_dataset_is_a_mistake_where_there_are_records(save, page, tmp_path):
    path = page(f"# Results\n{OF_SHOP.replace('shop', 'shpo')}")
    assert "There are no records yet." in make_pages([path], tmp_path / "results")[path]
    save()
    with pytest.raises(UsageError, match=r"line 2 of .*README\.md.* 'shpo'; did you mean shop\?"):
        make_pages([path], tmp_path / "results")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_page_keeps_its_line_ends(save, page, tmp_path, newline):
    save()
    path = page("")
    path.write_bytes(f"# Results\n\n{ALL}\nafter\n".replace("\n", newline).encode())
    write_pages(make_pages([path], tmp_path / "results"))
    lines = path.read_bytes().decode().split(newline)
    assert len(lines) > 10
    assert not any("\n" in line or "\r" in line for line in lines)
    assert differences(make_pages([path], tmp_path / "results")) == ""


@pytest.mark.parametrize("damage", ["record", "predictions"])
def test_nothing_is_left_out_in_silence(save, page, tmp_path, damage):
    path = save()
    save("sim")
    if damage == "record":
        path.write_text("{", encoding="utf-8")
    else:
        predictions_path(path).unlink()
    with pytest.raises(RecbenchError, match=path.stem):
        make_pages([page(ALL)], tmp_path / "results")
