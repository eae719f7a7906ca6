"""What cards and the guide say of where raw files come from."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from recbench.data import DataConfig, prepare
from recbench.data.card import Card
from recbench.data.raw import names
from recbench.errors import DataError
from recbench.folders import Folders
from recbench.plugins import discover, find, load_dataset

CARDS = [load_dataset(plugin).card for plugin in discover("dataset")]
GUIDES = sorted(Path(__file__).parents[2].glob("docs/data*.md"))
ARCHIVE = re.compile(r"[\w.-]+\.(?:zip|tar\.gz|7z)")


def _by_name(cards: list[Card]):
    return pytest.mark.parametrize("card", cards, ids=lambda card: card.name)


@_by_name([card for card in CARDS if ARCHIVE.search(card.source)])
def test_an_archive_that_a_card_sends_people_for_is_found_as_it_is(card):
    known = {name for role in card.files for name in names(card, role)}
    assert known >= set(ARCHIVE.findall(card.source))


@_by_name([card for card in CARDS if "huggingface" in card.source or "snap." in card.source])
def test_what_needs_no_login_is_downloaded(card):
    assert {url.partition("://")[0] for each in card.downloads for url in each.urls} >= {"https"}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
@_by_name([card for card in CARDS if card.downloads])
def test_the_guide_says_what_is_downloaded(guide, card):
    rows = [line for line in guide.read_text().splitlines() if line.startswith("| `")]
    own = [row for row in rows if f"`{card.name}`" in row.split("|")[1]]
    assert all(any(each.file in row for row in own) for each in card.downloads)


PUBLISHED = {
    "ali-ccp": {"rows": 42_300_135 - 230 + 43_016_840 - 226},
    "amazon-books": {"interactions": 8_898_041, "users": 603_668, "items": 367_982},
    "census-income": {"rows": 199_523 + 99_762},
    "diginetica": {"interactions": 719_470 + 60_858 + 202_633, "users": 186_670 + 15_963},
    "kuairand-1k": {"interactions": 11_713_045, "users": 1_000, "items": 4_369_953},
    "ml-1m": {"interactions": 1_000_209, "users": 6_040, "items": 3_706},
    "ml-20m": {"interactions": 20_000_263, "users": 138_493, "items": 26_744},
    "taobao": {"interactions": 100_150_807 - 1_876, "users": 987_994, "items": 4_162_024},
    "taobao-ad": {"targets": 26_557_961, "users": 1_141_729},
}
"""What publishers count, and how it comes to what is read; tests on real files see to others."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_cards_have_the_published_counts(name):
    (card,) = (card for card in CARDS if card.name == name)
    assert PUBLISHED[name].items() <= card.counts[0].items()


DRAWN = [
    ("ml-1m", "", "ratings.dat", "it has"),
    ("ml-1m-coldstart", "", "ratings.dat", "it has"),
    ("census-income", "half", "census-income.test", "its MD5 is"),
    ("kuairand-1k", "", "log_standard_4_08_to_4_21_1k.csv", "its SHA-256 is"),
    ("kuairand-1k-multitask", "", "log_standard_4_08_to_4_21_1k.csv", "its SHA-256 is"),
]


@pytest.mark.parametrize(("name", "protocol", "file", "why"), DRAWN, ids=lambda each: each)
def test_files_that_are_not_the_published_ones_are_refused(tmp_path, name, protocol, file, why):
    plugin = find("dataset", name)
    dataset = load_dataset(plugin)
    home = tmp_path / dataset.card.home
    home.mkdir()
    module = plugin.target.partition(":")[0].rpartition(".")[2]
    importlib.import_module(f"rawfiles.{module}").write(home, name)
    with pytest.raises(DataError, match=f"{file} is not the published file: {why} .*; get it"):
        prepare(dataset, DataConfig(name, protocol), Folders(tmp_path, tmp_path / "cache", None))
