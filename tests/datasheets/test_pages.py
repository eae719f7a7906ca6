"""Pages say of every protocol how it departs from its source."""

from __future__ import annotations

from datasheets.pages import untold


def test_a_protocol_without_departures_is_told(make_log):
    departs = {"only": ("No row is left out.",)}
    assert [*untold(make_log(departures=departs))] == []
    assert [*untold(make_log())] == ["the card of log lacks departures of only"]
