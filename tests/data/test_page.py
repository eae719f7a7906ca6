from __future__ import annotations

import dataclasses

import pytest

from recbench.data.facts import facts
from recbench.data.page import card_lines, page
from recbench.data.protocol import GlobalTime, Protocol
from recbench.data.words import LABELS, Words
from recbench.datasets.taobao import Taobao


def test_a_page_says_what_the_card_says():
    dataset = Taobao()
    text = "\n".join(card_lines(dataset.card, Words("en", dataset)))
    for expected in (
        "| licence | Tianchi terms, non-commercial research |",
        "| get the files from | tianchi.aliyun.com/dataset/649",
        "| put them in | `$RECBENCH_DATA/taobao/` |",
        "| `UserBehavior.csv` | log | all |",
        "### `time` (default)",
        "- split: Everything before one moment trains, then comes validation, then test.",
        "`utc_offset_hours = 8`, negatives (`distribution = popularity`, `per_positive = 1`",
        "`last_per_user = 5`",
        "| 100,148,931 | 987,994 | 4,162,024 |",
        "- Rows outside the year 2017 (UTC+8) are dropped.",
    ):
        assert expected in text
    assert "min_history" not in text.partition("### `mimn`")[0], "a setting that is as usual"


def test_where_files_belong_is_told_only_of_those_to_be_fetched(make_log, tmp_path):
    dataset = make_log()
    own = dataclasses.replace(dataset.card, paths={"log": tmp_path / "log.csv"})
    words = Words("en", dataset)
    assert "put them in" in "\n".join(card_lines(dataset.card, words))
    assert "put them in" not in "\n".join(card_lines(own, words))


def test_protocols_that_come_from_one_source_and_depart_alike_are_told_of_once(make_log):
    first, other = (Protocol(GlobalTime(0.1, 0.1, "share"), source=each) for each in ("A", "B"))
    protocols = {"a": first, "b": first, "c": other, "d": first}
    dataset = make_log(protocols, departures=dict.fromkeys("abc", ("No row is left out.",)))
    text = page(dataset.card, [], Words("en", dataset))
    _, told = text.split("## Where the protocols come from, and what changed\n\n")
    assert told.split("\n\n") == [
        *("### `a`, `b`", "Source: A", "- No row is left out."),
        *("### `c`", "Source: B", "- No row is left out."),
        *("### `d`", "Source: A"),
    ]


def test_a_page_of_prepared_data_has_counts_leakage_and_fingerprints(tiny):
    dataset = Taobao()
    text = page(dataset.card, [tiny.manifest], Words("en", dataset))
    assert text.startswith("# Taobao UserBehavior\n")
    assert "### `time` (simulated, size tiny)" in text
    assert f"| interactions | {tiny.manifest.counts['interactions']:,} |" in text
    assert "| leakage | 0 test targets (0.0%) precede a training event |" in text
    assert f"| test fingerprint | {tiny.manifest.fingerprints['test']} |" in text


def test_a_page_in_chinese_has_no_english_sentence(tiny):
    dataset = Taobao()
    words = Words("zh", dataset)
    text = page(dataset.card, [tiny.manifest], words)
    assert words.missing == []
    for expected in (
        "| 许可 | 天池条款：非商业研究 |",
        "## 说明",
        "### `time`（默认）",
        "测试指纹",
    ):
        assert expected in text
    assert "Rows outside" not in text
    assert "\n- 划分：" in text


def test_labels_are_translated_with_the_same_values(tiny):
    for english, other in LABELS["zh"].items():
        assert sorted(_names(english)) == sorted(_names(other)), english
    assert len(facts(tiny.manifest, Words("zh", Taobao()))) == len(
        facts(tiny.manifest, Words("en", Taobao()))
    )


def _names(template: str) -> list[str]:
    return [each.split("}")[0] for each in template.split("{")[1:]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4,321 rows left out: their time is out of range", "略去 4,321 行：时间超出范围"),
        ("CC BY 4.0", "CC BY 4.0"),
        ("example.org/data.zip", "example.org/data.zip"),
    ],
)
def test_numbers_keep_their_value_and_names_their_spelling(text, said):
    words = Words("zh", Taobao())
    assert words.sentence(text) == said
    assert words.missing == []


def test_a_sentence_without_translation_stays_and_is_told():
    words = Words("zh", Taobao())
    assert words.sentence("Nobody said this before.") == "Nobody said this before."
    assert words.missing == ["Nobody said this before."]


def test_a_reader_without_translations_beside_it_is_told_in_english(make_log):
    words = Words("zh", make_log())
    assert words.sentence("research use") == "research use"


def test_cells_keep_their_columns(make_log):
    card = dataclasses.replace(make_log().card, licence="this | that")
    assert "this &#124; that" in page(card, [], Words("en", make_log()))
