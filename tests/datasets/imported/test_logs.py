"""Logs: ids, times, labels and kinds of file."""

import pandas as pd
import pytest
from rawfiles.own import BIG, PARTS, events, logged, rows, samples, sessions

from recbench.data.columns import read_table
from recbench.errors import DataError


def test_a_log_is_prepared_with_exactly_its_rows(bring, prepared):
    frame = rows()
    bring(frame)
    done = prepared()
    assert sorted(events(done)) == logged(frame)
    counts = done.manifest.counts
    assert counts["train"] + counts["valid"] + counts["test"] == 2 * len(frame)
    assert done.manifest.leakage["test_before_train_end"] == 0


@pytest.mark.parametrize("file", ["log.csv.gz", "log.tsv", "log.parquet", "semicolon.csv"])
def test_other_kinds_of_file_give_the_same_data(bring, prepared, file):
    frame = rows()
    bring(frame, file, written_with={"log.tsv": "\t", "semicolon.csv": ";"}.get(file, ","))
    assert sorted(events(prepared())) == logged(frame)


@pytest.mark.parametrize(("user", "first"), [("u", 0), ("U", 100)])
def test_columns_of_parquet_are_told_apart_by_case(bring, prepared, user, first):
    frame = rows().assign(U=lambda f: f.u + 100)
    bring(frame, "log.parquet", columns=(f"user={user}", "item=i", "time=t"))
    assert {user for user, _, _ in events(prepared())} == set(range(first, first + 20))


@pytest.mark.parametrize("written", ["\r\n", "bom"])
def test_windows_files_give_the_same_data(bring, prepared, written):
    frame = rows()
    text = frame.to_csv(index=False)
    bring("\ufeff" + text if written == "bom" else text.replace("\n", written))
    assert sorted(events(prepared())) == logged(frame)


def test_a_file_without_header_has_columns_by_number(bring, prepared):
    frame = rows()
    text = frame.to_csv(index=False, header=False)
    bring(text, columns=("user=1", "item=2", "time=3"), header=False)
    assert sorted(events(prepared())) == logged(frame)


@pytest.mark.parametrize(
    ("user", "item"),
    [
        (lambda u: u - 7, lambda i: i + BIG),
        (lambda u: u + (2**63 - 40), lambda i: -i - BIG),
        (lambda u: "u" + u.astype(str), lambda i: "图书, " + i.astype(str)),
        (lambda u: u.astype(str).str.zfill(4), lambda i: i.astype(str) + '"'),
    ],
)
def test_ids_of_any_kind_stay_as_they_are(bring, prepared, user, item):
    frame = rows().assign(u=lambda f: user(f.u), i=lambda f: item(f.i))
    bring(frame)
    assert sorted(events(prepared())) == logged(frame)


def test_whole_numbers_that_pandas_wrote_as_floats_are_whole_numbers(bring, prepared):
    frame = rows()
    bring(frame.assign(u=frame.u.astype(float)))
    assert sorted(events(prepared())) == logged(frame)


@pytest.mark.parametrize(
    ("write", "unit", "said"),
    [
        (lambda t: t, "auto", "seconds since 1970"),
        (lambda t: t + 0.25, "auto", "seconds since 1970"),
        (lambda t: t * 1000 + 999, "auto", "milliseconds"),
        (lambda t: t * 1000, "ms", "milliseconds"),
        (lambda t: t * 10**6 + 7, "auto", "microseconds"),
        (lambda t: t * 10**9 + 7, "auto", "nanoseconds"),
        (lambda t: pd.to_datetime(t, unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "auto", "ISO"),
        (lambda t: pd.to_datetime(t, unit="s").dt.strftime("%Y-%m-%d %H:%M:%S"), "iso", "ISO"),
        (
            lambda t: pd.to_datetime(t + 7200, unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
            "auto",
            "ISO",
        ),
        (
            lambda t: pd.to_datetime(t, unit="s").dt.strftime("%d.%m.%Y %H:%M:%S"),
            "%d.%m.%Y %H:%M:%S",
            "format %d.%m.%Y",
        ),
    ],
)
def test_times_are_read_in_their_unit(bring, prepared, write, unit, said):
    frame = rows()
    found = bring(frame.assign(t=write(frame.t)), time_unit=unit)
    assert said in found.facts["times"]
    assert sorted(events(prepared())) == logged(frame)


@pytest.mark.parametrize("write", ["%Y-%m-%d", "%Y%m%d"])
def test_dates_are_times(bring, prepared, write):
    frame = rows()
    bring(frame.assign(t=pd.to_datetime(frame.t, unit="s").dt.strftime(write)))
    days = frame.assign(t=frame.t // 86_400 * 86_400)
    assert sorted(events(prepared())) == logged(days)


def test_an_order_is_no_time(bring, prepared):
    found = bring(rows().assign(t=range(300)))
    assert "0 to 299 (column 't', an order, no times)" in found.facts["times"]
    assert prepared().manifest.leakage["known"] is False


def test_an_order_is_of_whole_numbers(bring, prepared):
    found = bring(rows(2000, items=900).assign(t=[*range(1999), 7.6]))
    assert found.facts["left out"].endswith("log.csv, row 2000: time '7.6' is no whole number")
    bring(rows().assign(t=[float(n) for n in range(300)]))
    assert {time for _, _, time in events(prepared())} == set(range(300))


@pytest.mark.parametrize(("unit", "factor"), [("seconds", 1), ("milliseconds", 1000)])
def test_fractions_of_a_second_order_its_events(bring, prepared, unit, factor):
    frame = rows(200)
    late = frame.assign(t=(frame.t + 0.9) * factor, i=1)
    early = frame.assign(t=(frame.t + 0.1) * factor, i=0)
    own = ("user=u", "item=i", "time=t", "label=y")
    assert unit in bring(pd.concat([late, early]), columns=own).facts["times"]
    found = events(prepared())
    assert [item for _, item, _ in found] == [0, 1] * 200


@pytest.mark.parametrize(
    ("choices", "least"),
    [({}, 0), ({"min_item_events": 8}, 8), ({"min_user_events": 16}, 16)],
)
def test_what_is_rare_is_left_out_and_counted(bring, prepared, choices, least):
    frame = rows()
    found = bring(frame, **choices)
    column = "u" if "min_user_events" in choices else "i"
    kept = frame[frame.groupby(column)[column].transform("size") >= least]
    assert sorted(events(prepared())) == logged(kept)
    assert ("too rare" in found.facts) == (len(kept) < len(frame))


def test_labels_and_behaviours_decide_what_a_click_is(bring, prepared):
    frame = rows()
    bring(frame, columns=("user=u", "item=i", "time=t", "label=y", "category=c"))
    done = prepared()
    parts = [samples(done, part) for part in PARTS]
    assert sum(int(part["click"].sum()) for part in parts) == frame.y.sum()
    assert "category" in done.schema
    own = ("user=u", "item=i", "time=t", "behaviour=b")
    found = bring(frame, columns=own, positive=["buy"])
    assert found.facts["clicks"].startswith(f"{(frame.b == 'buy').sum():,} rows")
    counts = prepared().manifest.counts
    assert sum(counts[p] for p in ("train", "valid", "test")) == 2 * (frame.b == "buy").sum()


def test_ratings_become_clicks_by_the_values_that_are_named(bring, prepared):
    frame = rows().assign(y=lambda f: f.y * 4.5 + 0.5)
    columns = ("user=u", "item=i", "time=t", "label=y")
    with pytest.raises(DataError, match=r"neither 0 nor 1: 0\.5, 5\.0; say which are a click"):
        bring(frame, columns=columns)
    found = bring(frame, columns=columns, positive=["5"])
    assert found.facts["clicks"].startswith(f"{(frame.y == 5).mean():.1%}")


def test_sessions_are_whole(bring, prepared):
    bring(sessions(), columns=("session=u", "item=i", "time=t"))
    done = prepared()
    assert done.manifest.task == "next-item"
    assert "user" not in done.schema
    part_of = {}
    for part in ("train", "valid", "test"):
        for user in read_table(done.folder / f"samples/{part}.arrow")["user"]:
            assert part_of.setdefault(user, part) == part


def test_users_can_be_sessions_and_parts_days(bring, prepared):
    bring(sessions(), task="next-item", valid_days=2, test_days=3)
    split = prepared().manifest.settings["protocol"]["split"]
    assert split == {"valid": 2, "test": 3}
