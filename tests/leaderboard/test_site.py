from dataclasses import replace
from html.parser import HTMLParser

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


def test_a_later_site_replaces_an_earlier_one_and_nothing_else(save, site, tmp_path):
    save(dataset="gone")
    site()
    next((tmp_path / "results").glob("gone-v1/*/*/*.json")).unlink()
    save()
    assert "gone.html" not in site()
    assert not (tmp_path / "site" / "gone.html").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="is no site that recbench made"):
        publish(tmp_path / "results", precious)
    assert [path.name for path in precious.iterdir()] == ["index.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "results", "site"]


def test_without_records_or_with_a_damaged_one_there_is_no_site(save, tmp_path):
    with pytest.raises(UsageError, match="there is no record"):
        publish(tmp_path / "results", tmp_path / "site")
    record = save()
    record.path(tmp_path / "results").write_text("{", encoding="utf-8")
    with pytest.raises(RecbenchError, match="is not valid JSON"):
        publish(tmp_path / "results", tmp_path / "site")
    assert not (tmp_path / "site").exists()
