"""Sessions are selected as the papers do, which is worked out here click by click."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from recbench.data import DataConfig, prepare
from recbench.datasets.diginetica import Diginetica
from recbench.datasets.yoochoose import Yoochoose4, Yoochoose64
from recbench.errors import DataError
from recbench.folders import Folders

DAY = 86_400_000


@dataclass(frozen=True)
class Click:
    session: int
    item: int
    moment: int
    date: int


def draw_clicks(days: int, sessions: int = 400, items: int = 60, seed: int = 0) -> list[Click]:
    """Return clicks of sessions of one to six clicks, each a minute apart, in any order."""
    random = np.random.default_rng(seed)
    clicks = []
    for session in random.permutation(sessions):
        start = int(random.integers(days * DAY))
        for place in range(random.integers(1, 7)):
            item = int(items * random.random() ** 3)
            moment = start + 60_000 * place + int(random.integers(1000))
            clicks.append(Click(1000 + int(session), item, moment, moment))
    return clicks


def select(
    clicks: Sequence[Click], test_days: int, share: int = 1
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return the items of each session of the training and of the test part."""
    sizes = Counter(click.session for click in clicks)
    kept = [click for click in clicks if sizes[click.session] > 1]
    support = Counter(click.item for click in kept)
    sessions = defaultdict(list)
    for click in kept:
        if support[click.item] >= 5:
            sessions[click.session].append(click)
    walks = {
        number: sorted(own, key=lambda click: click.moment)
        for number, own in sessions.items()
        if len(own) > 1
    }
    ended = {number: max(click.date for click in own) for number, own in walks.items()}
    boundary = max(ended.values()) - test_days * DAY
    train = {n: [c.item for c in own] for n, own in walks.items() if ended[n] < boundary}
    met = {item for own in train.values() for item in own}
    test = {
        n: [c.item for c in own if c.item in met] for n, own in walks.items() if ended[n] > boundary
    }
    pairs = [
        (number, place)
        for number in sorted(train, key=lambda n: (ended[n], n))
        for place in reversed(range(1, len(train[number])))
    ]
    last = pairs[len(pairs) - len(pairs) // share :]
    cut = {n: max(place for m, place in last if m == n) + 1 for n, _ in last}
    return (
        {n: train[n][:size] for n, size in cut.items()},
        {n: own for n, own in test.items() if len(own) > 1},
    )


def walks_of(log, *, testing: bool) -> dict[int, list[int]]:
    """Return the items of each session of one part of a log that was read."""
    columns, found = log.spool.columns, defaultdict(list)
    for user, item, part in zip(*(columns[k] for k in ("user", "item", "testing")), strict=True):
        if part == testing:
            found[log.users[int(user)].as_py()].append(log.items[int(item)].as_py())
    return dict(found)


class Whole(Yoochoose4):
    """Takes the whole training part."""

    share = 1


def lines(clicks) -> str:
    """Return clicks as the published file has them."""
    return "".join(
        f"{each.session},{stamp(each.moment)},{each.item},{each.item % 3 or 'S'}\n"
        for each in clicks
    )


def stamp(moment: int) -> str:
    at = datetime.fromtimestamp(1_396_321_200 + moment // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03}Z"


@pytest.mark.parametrize("dataset", [Yoochoose4(), Yoochoose64()])
@pytest.mark.parametrize("seed", range(3))
def test_the_sessions_are_those_of_the_papers(read, dataset, seed):
    clicks = draw_clicks(days=6, seed=seed)
    train, test = select(clicks, test_days=1, share=dataset.share)
    log = read(dataset, clicks=lines(clicks))
    assert walks_of(log, testing=False) == train
    assert walks_of(log, testing=True) == test
    pairs = sum(len(own) - 1 for own in train.values())
    every, _ = select(clicks, test_days=1)
    assert pairs == sum(len(own) - 1 for own in every.values()) // dataset.share


def test_clicks_are_ordered_by_millisecond_and_then_by_line(read):
    seconds = "2014-04-01T00:00:07"
    first = "".join(f"1,{seconds}.{ms}Z,{item},0\n" for ms, item in ((500, 1), (250, 2), (500, 3)))
    filler = "".join(
        f"{n},2014-04-01T00:00:00.000Z,{item},0\n" for n in range(2, 7) for item in (1, 2, 3)
    )
    late = "9,2014-04-05T00:00:00.000Z,1,0\n9,2014-04-05T00:00:00.000Z,2,0\n"
    log = read(Whole(), clicks=first + filler + late)
    assert walks_of(log, testing=False)[1] == [2, 1, 3]
    assert walks_of(log, testing=True) == {9: [1, 2]}
    assert log.spool.columns["time"][0] == 1_396_310_407


def test_another_release_is_refused_by_its_pairs(tmp_path):
    (tmp_path / "yoochoose-clicks.dat").write_text(lines(draw_clicks(days=6)))
    folders = Folders(tmp_path, tmp_path / "cache", tmp_path / "results")
    config = DataConfig("yoochoose-1-4", source="real")
    with pytest.raises(DataError, match=r"[\d,]+ pairs \(published: 5,973,643\)"):
        prepare(Yoochoose4(), config, folders)


@pytest.mark.parametrize("dataset", [Yoochoose4(), Yoochoose64()])
@pytest.mark.parametrize("seed", range(3))
def test_the_stamp_variant_takes_the_last_clicks_by_number_of_session(read, dataset, seed):
    clicks = draw_clicks(days=6, seed=seed)
    every, test = select(clicks, test_days=1)
    rows = [(n, item) for n in sorted(every) for item in every[n]]
    last = Counter(n for n, _ in rows[-(-len(rows) // dataset.share) * -1 :])
    log = read(dataset, rows=lines(clicks))
    whole = {n: every[n] for n, count in last.items() if count == len(every[n])}
    assert walks_of(log, testing=False) == whole
    assert len(whole) >= len(last) - 1
    assert walks_of(log, testing=True) == test
    assert whole.keys() != select(clicks, test_days=1, share=dataset.share)[0].keys()


def views(clicks) -> str:
    """Return clicks as the published file of views has them."""
    rows = ["sessionId;userId;itemId;timeframe;eventdate"]
    rows += [
        f"{c.session};NA;{c.item};{c.moment};{date.fromordinal(c.date // DAY)}" for c in clicks
    ]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("seed", range(3))
def test_raw_views_give_the_sessions_of_the_papers(read, seed):
    drawn = draw_clicks(days=40, seed=seed)
    first = {}
    for click in drawn:
        first[click.session] = min(first.get(click.session, click.moment), click.moment)
    clicks = [
        Click(c.session, c.item, c.moment - first[c.session], (736_000 + c.moment // DAY) * DAY)
        for c in drawn
    ]
    train, test = select(clicks, test_days=7)
    log = read(Diginetica(), views=views(clicks))
    assert walks_of(log, testing=False) == train
    assert walks_of(log, testing=True) == test
    boundary = max(c.date for c in clicks) - 7 * DAY
    assert any(c.date == boundary for c in clicks)  # those days are of no part


def test_the_stamp_variant_leaves_the_views_of_a_session_in_the_order_of_the_file(read):
    clicks = [
        Click(c.session, c.item, int(moment), (736_000 + c.moment // DAY) * DAY)
        for c, moment in zip(
            draw_clicks(days=40), np.random.default_rng(1).permutation(10_000), strict=False
        )
    ]
    train, test = select([replace(each, moment=0) for each in clicks], test_days=7)
    log = read(Diginetica(), unsorted=views(clicks))
    assert walks_of(log, testing=False) == train
    assert walks_of(log, testing=True) == test
    assert train != select(clicks, test_days=7)[0]
