"""What is missing, malformed or cannot be."""

import gzip
from dataclasses import replace

import pandas as pd
import pytest
from rawfiles.own import START, events, logged, people, rows

from recbench.datasets.imported import Wanted, import_rows
from recbench.errors import DataError, UsageError


def test_rows_that_lack_something_are_counted_and_too_many_are_an_error(bring, prepared):
    frame = rows(2000, items=900).astype(object)
    frame.loc[3, "u"] = None
    frame.loc[9, "t"] = "soon"
    found = bring(frame)
    report = "2 malformed rows left out: log.csv, row 4: no user; log.csv, row 10: time 'soon'"
    assert found.facts["left out"].startswith(report)
    done = prepared()
    assert done.manifest.reports[0] == found.facts["left out"]
    assert done.manifest.counts["interactions"] == 1998
    frame.loc[20:60, "i"] = "NA"
    with pytest.raises(DataError, match=r"43 of 2,000 rows are malformed:\n.*row 4: no user"):
        bring(frame, missing=["NA"])
    bring(frame, missing=["NA"], max_rejected=0.05)
    assert prepared().manifest.counts["interactions"] == 2000 - 43


def test_rows_about_nobody_are_counted(bring, prepared, tmp_path):
    (tmp_path / "users.csv").write_text("u,age\n1,2\n,3\n2,4\n")
    found = bring(rows(2000, items=900), users=tmp_path / "users.csv")
    assert found.facts["left out"] == "1 malformed rows left out: users.csv, row 2: no u"
    assert found.facts["left out"] in prepared().manifest.reports


def test_rows_with_too_many_or_too_few_values_are_malformed(bring):
    lines = rows(2000).to_csv(index=False).splitlines()
    lines[5] += ",1"
    assert bring("\n".join(lines)).facts["left out"].startswith("1 malformed rows left out:")
    lines[7:20] = ["1,2"] * 13
    with pytest.raises(DataError, match="14 of 2,000 rows are malformed"):
        bring("\n".join(lines))


def test_numbers_that_are_none_are_counted(bring, prepared):
    frame = people(1500).astype(object)
    frame.loc[30, "Age"] = "old"
    found = bring(frame, columns=(), labels=["y1"], numbers=["Age"])
    assert found.facts["left out"].endswith("log.csv, row 31: number 'old' unreadable")
    assert prepared().manifest.counts["rows"] == 1499


def test_rows_of_other_times_are_left_out(bring, prepared):
    frame = rows()
    frame.loc[299, "t"] = 4_000_000_000
    window = (START, START + 20 * 86_400)
    found = bring(frame, time_range=window, valid_days=2, test_days=2)
    kept = frame[frame.t.between(*window)]
    assert found.facts["out of range"].startswith(f"{300 - len(kept):,} rows")
    assert sorted(events(prepared())) == logged(kept)


@pytest.mark.parametrize("low", [0, START])
def test_a_range_of_times_may_have_one_end(bring, prepared, low):
    frame = rows()
    latest = START + 20 * 86_400
    bring(frame, time_range=(low, latest))
    assert sorted(events(prepared())) == logged(frame[frame.t <= latest])


@pytest.mark.parametrize("key", ["user", "session"])
@pytest.mark.parametrize("parts", [{}, {"valid_days": 1, "test_days": 1}])
@pytest.mark.parametrize("rare", [0, 2])
def test_a_range_of_times_that_holds_no_row_is_an_error(bring, folders, key, parts, rare):
    columns = (f"{key}=u", "item=i", "time=t")
    with pytest.raises(DataError, match="holds? no row|no row .* between --since and --until"):
        bring(rows(), columns=columns, time_range=(0, START - 1), min_item_events=rare, **parts)
    assert not (folders.data / "own").exists()


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (
            {"columns": ("user=user", "item=i", "time=t")},
            "--user: unknown column of log.csv 'user'",
        ),
        ({"columns": ("user=u", "item=i", "time=tt")}, "'tt'; did you mean t"),
        ({"columns": ("user=u", "item=i")}, "a dataset for ctr needs --time COLUMN"),
        ({"columns": ("user=u", "item=u", "time=t")}, "--user and --item name one column, 'u'"),
        ({"columns": ("user=u", "item=i", "time=t", "label=i")}, "--item and --label name one"),
        (
            {"columns": ("user=u", "session=b", "item=i", "time=t")},
            "--session stands in place of --user; leave out one",
        ),
        ({"columns": (), "task": "next-item"}, "needs --user COLUMN and --item COLUMN"),
        ({"columns": (), "task": "multi-task"}, "needs --labels"),
        ({"columns": (), "labels": ["y"], "numbers": ["tt"]}, "--numbers: unknown column"),
        ({"columns": (), "labels": ["y"], "numbers": ["y"]}, "'y' is a label"),
        ({"columns": (), "labels": list("uitcby")}, "no column left"),
        ({"columns": (), "labels": ["y"], "numbers": ["t"], "leave_out": ["t"]}, "'t' is left out"),
        ({"columns": (), "labels": ["y"], "time_unit": "s"}, "--time-unit does nothing for multi"),
        ({"labels": ["y"]}, "--user does nothing for multi-task"),
        ({"numbers": ["y"]}, "--numbers does nothing for ctr"),
        ({"positive": ["buy"]}, "--positive names values of --behaviour or of --label"),
        ({"valid": 0.5, "test": 0.5}, "together less than 1"),
        ({"valid": float("nan")}, "together less than 1"),
        ({"valid": 0.5, "test_days": 1}, "in days or as shares, not both"),
        ({"test_days": 1}, "give --valid-days too"),
        ({"valid_days": 1.5, "test_days": 1}, "whole days"),
        ({"task": "next-item", "valid_days": 1, "test_days": float("inf")}, "whole days"),
        ({"task": "next-item", "utc_offset_hours": 8}, "--utc-offset does nothing for next-item"),
        ({"utc_offset_hours": 8}, "--utc-offset says when a day begins; give --valid-days and"),
        ({"utc_offset_hours": 15, "valid_days": 1, "test_days": 1}, "--utc-offset 15: hours"),
        ({"time_unit": "minutes"}, "--time-unit 'minutes': give auto, s, ms"),
        ({"time_unit": "%Q"}, "--time-unit '%Q': give auto, s, ms"),
        ({"delimiter": "-----"}, "--delimiter '-----': one sign, or four bytes at most"),
        ({"encoding": "utf8"}, "'utf8'; did you mean utf-8"),
        ({"task": "crt"}, "'crt'; did you mean ctr"),
        ({"max_rejected": 2}, "a share is from 0 to 1"),
    ],
)
def test_a_request_that_cannot_be_is_a_usage_error(bring, folders, choices, expected):
    with pytest.raises(UsageError, match=expected):
        bring(rows(), **choices)
    assert not (folders.data / "own").exists()


def test_an_unknown_behaviour_gets_the_right_one(bring):
    own = ("user=u", "item=i", "time=t", "behaviour=b")
    with pytest.raises(UsageError, match="unknown value of b 'by'; did you mean buy"):
        bring(rows(), columns=own, positive=["by"])


@pytest.mark.parametrize(
    ("content", "choices", "expected"),
    [
        ("", {}, "is empty"),
        ("u,i,t\n", {}, "it has no rows"),
        ("u,i,t\n1,,1704067200\n", {"max_rejected": 1}, "holds no row that is complete"),
        ("word\nword\n", {}, "no delimiter splits its lines into columns; the first one is 'word'"),
        ("u,i,t,u\n1,2,3,4\n", {}, "two columns are called 'u'"),
        ("u,i,t\n1,2,soon\n", {}, "neither numbers nor ISO 8601 .one is 'soon'.*--time-unit"),
        ("u,i,t\n1,2,9e9\n", {"time_unit": "s"}, "1 of 1 are before 1980 or in the future"),
        ("u,i,t\n1,2,1704067200\n", {"time_unit": "ms"}, "read as milliseconds since 1970"),
        ("u,i,t\n" + "1,2,1704067200\n2,3,1704067200\n" * 9, {}, "the train part would be empty"),
        ("a\0b", {}, "is no text file"),
        ("\n\nu,i,t\n1,2,1704067200\n", {}, "begins with a blank line"),
    ],
)
def test_a_file_that_is_not_right_is_a_data_error(bring, folders, content, choices, expected):
    with pytest.raises(DataError, match=expected):
        bring(content, **choices)
    assert not (folders.data / "own").exists()


def test_other_damage_is_a_data_error_too(tmp_path, folders):
    text = rows().to_csv(index=False)
    for name, content, expected in (
        ("cut.csv.gz", gzip.compress(text.encode())[:-20], "damaged"),
        ("no.csv.gz", text.encode(), "damaged"),
        ("odd.csv.GZ", gzip.compress(text.encode())[:-8] + bytes(8), "damaged"),
        ("no.parquet", text.encode(), "no Parquet file"),
        ("wide.csv", text.encode("utf-16"), "is in utf-16; give --encoding utf-16"),
        ("gbk.csv", text.replace("red", "红").encode("gbk"), "not in utf-8.*--encoding latin-1"),
    ):
        (tmp_path / name).write_bytes(content)
        wanted = Wanted(tmp_path / name, "own", "", columns={"user": "u", "item": "i", "time": "t"})
        with pytest.raises(DataError, match=expected):
            import_rows(wanted, folders)
    missing = replace(wanted, path=tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match="there is no file"):
        import_rows(missing, folders)


@pytest.mark.parametrize("odd", [1, 1_704_067_200_000])
def test_more_than_a_few_times_that_cannot_be_right_are_an_error(bring, odd):
    frame = rows(2000, items=900)
    frame.loc[:1, "t"] = odd
    assert bring(frame, time_unit="s").facts["times"]
    frame.loc[:2, "t"] = odd
    with pytest.raises(DataError, match=r"3 of 2,000 are before 1980.*--since and --until"):
        bring(frame, time_unit="s")
    window = START, START + 31 * 86_400
    found = bring(frame, time_unit="s", time_range=window)
    assert found.facts["out of range"].startswith("3 rows")


def test_a_column_of_too_many_behaviours_is_an_error(bring, folders):
    own = ("user=u", "item=i", "time=t", "behaviour=b")
    bring(rows().assign(b=[n % 128 for n in range(300)]), columns=own)
    with pytest.raises(DataError, match="have 129 behaviours, and 128 is the most"):
        bring(rows().assign(b=[n % 129 for n in range(300)]), columns=own)


@pytest.mark.parametrize("again", ["1", "1.0"])
def test_two_rows_about_one_user_are_an_error(bring, tmp_path, again):
    (tmp_path / "users.csv").write_text(f"u,age\n1,2\n{again},3\n")
    with pytest.raises(DataError, match="has 2 rows whose 'u' is '1'; keep one"):
        bring(rows(), users=tmp_path / "users.csv")


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize(
    "choices",
    [{"columns": ("user=u", "item=i", "time=t", "label=y")}, {"columns": (), "labels": ["y"]}],
)
def test_a_label_that_is_the_same_in_all_rows_is_an_error(bring, folders, value, choices):
    with pytest.raises(DataError, match=f"the label 'y' is {value} in every row"):
        bring(rows().assign(y=value), **choices)
    assert not (folders.data / "own").exists()


def test_where_everybody_met_everything_there_are_no_negatives(bring):
    frame = pd.DataFrame({"u": [1, 2] * 20, "i": [0, 0, 1, 1] * 10, "t": range(START, START + 40)})
    with pytest.raises(DataError, match="every user has met every item, so that no negatives"):
        bring(frame)


def test_where_nearly_everybody_met_everything_the_error_says_so(bring, prepared):
    frame = pd.DataFrame({"u": [1, 2] * 20, "i": [0, 0, 1, 1] * 10, "t": range(START, START + 40)})
    bring(frame.iloc[:-1].assign(u=lambda f: f.u.where(f.index != 0, 3)))
    with pytest.raises(DataError, match=r"targets are left out, since .* more items are needed"):
        prepared()
