"""What cards and the guide say of where raw files come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recbench.data.card import Card
from recbench.data.raw import names
from recbench.plugins import discover, load_dataset

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
