from __future__ import annotations

import pytest

from recbench.datasets.yoochoose import Yoochoose4, Yoochoose64

LINE = "{},2014-04-0{}T10:51:09.277Z,{},0\n"
LINES = "".join(LINE.format(n, 1 + n % 3, item) for n in range(900) for item in (n % 2, 2, 3))


def test_a_damaged_line_is_left_out_and_located(read):
    log = read(Yoochoose4(), clicks=LINES + "1,yesterday,3,0\n")
    assert log.rejected.count == 1
    assert "yoochoose-clicks.dat:2701" in log.rejected.examples[0]


def test_files_of_sessions_are_read(read):
    log = read(Yoochoose64(), train="9 7\n7 8 7\n", test="8 9\n")
    found = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert found["user"] == [0, 0, 1, 1, 1, 2, 2]
    assert found["item"] == [2, 0, 0, 1, 0, 1, 2]
    assert found["testing"] == [False] * 5 + [True] * 2


def test_clicks_without_an_item_or_a_session_are_left_out_and_counted(read):
    lacking = "1,2014-04-01T10:51:09.277Z,,0\n,2014-04-01T10:51:09.277Z,3,0\n"
    log = read(Yoochoose4(), clicks=LINES + lacking)
    assert log.rejected.reports == ["2 rows left out: no session, item or time"]


def test_cards_count_the_published_pairs():
    """369,859 and 5,917,745 of the 23,670,982 pairs to train on, and 55,898 to test."""
    cards = [Yoochoose64.card, Yoochoose4.card]
    assert [card.counts[0]["pairs"] for card in cards] == [
        23_670_982 // share + 55_898 for share in (64, 4)
    ]


def test_cards_count_the_items_of_the_released_logs_of_stamp():
    cards = [Yoochoose64.card, Yoochoose4.card]
    assert [card.counts[1]["items"] for card in cards] == [17_694, 30_660]


@pytest.mark.data
def test_real_lines_are_read(raw_data, read):
    sample = raw_data / "format-samples" / "session_based__yoochoose__yoochoose-clicks-sample.dat"
    log = read(Yoochoose4(), clicks=sample.read_text())
    assert log.rejected.count == 0
    assert len(log.users)
