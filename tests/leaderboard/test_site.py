import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard import publish

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """What a page holds: its links, its text, and the rows of its tables."""

    def __init__(self, path):
        super().__init__()
        self.open, self.links, self.words, self.rows = [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)
            if "tr" in self.open and self.rows[-1]:
                self.rows[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def save(make_scored, tmp_path):
    """Return a function that saves a run of a few rows."""
    label = np.tile(np.array([0, 1], np.int8), 20)
    user = np.repeat(np.arange(10), 4)

    def make(model="din", **changes):
        prediction = np.random.default_rng(len(model)).normal(size=len(label)).astype(np.float32)
        rows = {"user": user, "item": user, "label": label, "prediction": prediction}
        record = make_scored(rows, model, **changes)
        record.save(tmp_path / "results", rows)
        return record

    return make


@pytest.fixture
def site(tmp_path):
    """Return a function that writes the site and returns its pages by name."""

    def make():
        pages = publish(tmp_path / "results", tmp_path / "site")
        return {path.name: Page(path) for path in pages}

    return make


def test_there_is_a_page_for_each_dataset_in_both_languages(save, site):
    save()
    save("sim")
    save(dataset="other")
    pages = site()
    assert sorted(pages) == [
        "index.html", "index.zh-CN.html", "other.html", "other.zh-CN.html",
        "shop.html", "shop.zh-CN.html",
    ]  # fmt: skip
    assert [row[:2] for row in pages["index.html"].rows[1:]] == [
        ["other", "v1 · time"],
        ["shop", "v1 · time"],
    ]
    assert [row[1] for row in pages["shop.html"].rows[1:]] == ["din", "sim"]
    assert "模型" in pages["shop.zh-CN.html"].rows[0]
    assert "排行榜" in pages["index.zh-CN.html"].text


def test_every_link_leads_somewhere_and_nothing_comes_from_elsewhere(save, site, study, tmp_path):
    record = save()
    replace(study, config_hash=record.config_hash).save(tmp_path / "results")
    pages = site()
    for page in pages.values():
        assert all((tmp_path / "site" / link).is_file() for link in page.links), page.links
    copied = [path for path in (tmp_path / "site" / "records").rglob("*") if path.is_file()]
    assert len(copied) == 2
    for path in copied:
        original = tmp_path / "results" / path.relative_to(tmp_path / "site" / "records")
        assert path.read_bytes() == original.read_bytes()
    assert sum("records/" in link for link in pages["shop.html"].links) == 2


def test_what_keeps_scores_apart_is_said_on_both_pages(save, site):
    save(source="simulated", size="small", limit=1000)
    pages = site()
    assert "SIMULATED data, size small · LIMITED to 1,000 rows" in pages["shop.html"].text
    assert pages["index.html"].rows[1][2] == "simulated, LIMITED"
    assert pages["index.zh-CN.html"].rows[1][2] == "模拟, 仅部分数据"


def test_settings_are_never_taken_for_html(save, site):
    for name in ("<b>bold", "</td><script>alert(1)</script>"):
        save(model_config={"a": name})
    page = site()["shop.html"]
    assert "(a=<b>bold)" in page.text
    assert "(a=</td><script>alert(1)</script>)" in page.text


def test_a_later_site_replaces_an_earlier_one(save, site, tmp_path):
    save(dataset="gone")
    site()
    next((tmp_path / "results").glob("gone-v1/*/*/*.json")).unlink()
    save()
    assert "gone.html" not in site()
    assert not (tmp_path / "site" / "gone.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]


@pytest.mark.parametrize(
    "foreign", ["CNAME", ".git/HEAD", "mine.html", "records/shop-v1/time/din/a.predictions.arrow"]
)
def test_what_no_site_has_is_named_and_nothing_is_lost(save, site, tmp_path, foreign):
    save()
    site()
    path = tmp_path / "site" / foreign
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    before = sorted((tmp_path / "site").rglob("*"))
    named = path.parent if path.parent.name == ".git" else path
    with pytest.raises(UsageError, match=f"{re.escape(str(named))} is no part of a site that"):
        site()
    assert sorted((tmp_path / "site").rglob("*")) == before


@pytest.mark.parametrize("foreign", ["index.html", "records/a.json"])
def test_a_folder_without_an_index_of_recbench_is_no_site(save, site, tmp_path, foreign):
    save()
    path = tmp_path / "site" / foreign
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match="is no part of a site that recbench made"):
        site()
    assert path.read_text() == "mine"


@pytest.mark.parametrize("folder", ["results", ".", "link"])
def test_a_site_never_takes_the_place_of_the_records(save, tmp_path, folder):
    path = save().path(tmp_path / "results")
    (tmp_path / "link").symlink_to("results")
    with pytest.raises(UsageError, match="would be part of the site in"):
        publish(tmp_path / "results", tmp_path / folder)
    assert path.is_file()


def test_records_within_an_earlier_site_are_kept(save, site, tmp_path):
    save()
    site()
    copied = tmp_path / "site" / "records"
    (tmp_path / "results").rename(tmp_path / "old")
    for path in (tmp_path / "old").rglob("*.arrow"):
        shutil.copy(path, copied / path.relative_to(tmp_path / "old"))
    before = sorted(copied.rglob("*"))
    with pytest.raises(UsageError, match="would be part of the site in"):
        publish(copied, tmp_path / "site")
    assert sorted(copied.rglob("*")) == before


def test_an_empty_folder_and_the_current_one_are_taken(save, tmp_path, monkeypatch):
    save()
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    node = here.stat().st_ino
    for _ in range(2):
        pages = publish(tmp_path / "results", Path())
        assert all(page.is_file() for page in pages)
    assert here.stat().st_ino == node
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "results"]


def test_a_file_is_no_folder_for_a_site(save, tmp_path):
    save()
    (tmp_path / "site").write_text("mine")
    with pytest.raises(UsageError, match="site is no part of a site"):
        publish(tmp_path / "results", tmp_path / "site")


def test_without_records_or_with_a_damaged_one_there_is_no_site(save, tmp_path):
    with pytest.raises(UsageError, match="there is no record"):
        publish(tmp_path / "results", tmp_path / "site")
    record = save()
    record.path(tmp_path / "results").write_text("{", encoding="utf-8")
    with pytest.raises(RecbenchError, match="is not valid JSON"):
        publish(tmp_path / "results", tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_score_that_its_predictions_do_not_have_is_not_published(save, site, tmp_path):
    path = save().path(tmp_path / "results")
    site()
    before = sorted((tmp_path / "site").rglob("*"))
    content = json.loads(path.read_text(encoding="utf-8"))
    content["scores"]["auc"] = 0.99
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecbenchError, match=f"{path.name}: auc is 0.99 in the record and"):
        site()
    assert sorted((tmp_path / "site").rglob("*")) == before


def test_a_site_is_not_made_without_what_tuning_has_tried(save, site, study, tmp_path):
    save()
    study.save(tmp_path / "results").write_text("{", encoding="utf-8")
    with pytest.raises(RecbenchError, match="is no study"):
        site()
