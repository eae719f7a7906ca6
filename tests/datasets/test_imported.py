import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recbench.data import DataConfig, prepare, verify_prepared
from recbench.data.columns import read_table
from recbench.data.samples import read_samples
from recbench.datasets.imported import Imported, Wanted, import_rows
from recbench.datasets.imported.description import Description, SourceFile, Split
from recbench.datasets.ml_100k import MovieLens100K
from recbench.errors import DataError, UsageError
from recbench.folders import Folders
from recbench.plugins import find, load_dataset

START = 1_704_067_200  # 2024-01-01
BIG = 2**62

PARTS = ("train", "valid", "test")


def samples(dataset, part):
    """Return the columns of a part's examples, labels included."""
    return read_samples(dataset.folder, part, dataset.schema.labels)


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "data", tmp_path / "cache", tmp_path / "results")


def rows(n=300, users=20, items=40, seed=0):
    """Return a drawn log in order of time."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "u": draw.integers(users, size=n),
            "i": draw.integers(items, size=n),
            "t": START + np.sort(draw.integers(30 * 86_400, size=n)),
            "c": draw.choice(["red", "blue"], n),
            "b": draw.choice(["view", "buy"], n),
            "y": draw.integers(2, size=n),
        }
    )


@pytest.fixture
def bring(tmp_path, folders):
    """Return a function that writes a frame or text, imports it as `own` and returns what came.

    It takes the frame or text, the name of the file, and whatever `Wanted` takes.
    """

    def make(content, file="log.csv", columns=("user=u", "item=i", "time=t"), **choices):
        path, separator = tmp_path / file, choices.pop("written_with", ",")
        if isinstance(content, str):
            path.write_text(content)
        elif file.endswith(".parquet"):
            content.to_parquet(path, index=False)
        else:
            content.to_csv(path, index=False, sep=separator)
        own = dict(each.split("=") for each in columns)
        wanted = Wanted(path, "own", "recbench data import", columns=own, **choices)
        return import_rows(wanted, folders, force=True)[1]

    return make


@pytest.fixture
def prepared(folders):
    """Return a function that prepares the dataset `own`."""

    def make():
        dataset = load_dataset(find("dataset", "own", folders))
        done = prepare(dataset, DataConfig("own"), folders)
        assert verify_prepared(done.folder) == []
        return done

    return make


def events(prepared):
    """Return (raw user, raw item, time) of each event of a prepared log, in its order."""
    users, log = read_table(prepared.folder / "users.arrow"), prepared.folder
    log = read_table(log / "interactions.arrow")
    found = []
    raw = prepared.items["item"].to_pylist()
    for user, start, stop in zip(
        users["user"].to_pylist(), users["start"], users["stop"], strict=True
    ):
        found += [
            (user, raw[log["item"][place]], int(log["time"][place])) for place in range(start, stop)
        ]
    return found


def expected(frame):
    ordered = frame.sort_values(["u", "t"], kind="stable")
    return sorted(zip(ordered.u, ordered.i, ordered.t, strict=True))


def test_a_log_is_prepared_with_exactly_its_rows(bring, prepared):
    frame = rows()
    bring(frame)
    done = prepared()
    assert sorted(events(done)) == expected(frame)
    counts = done.manifest.counts
    assert counts["train"] + counts["valid"] + counts["test"] == 2 * len(frame)
    assert done.manifest.leakage["test_before_train_end"] == 0


@pytest.mark.parametrize("file", ["log.csv.gz", "log.tsv", "log.parquet", "semicolon.csv"])
def test_other_kinds_of_file_give_the_same_data(bring, prepared, file):
    frame = rows()
    bring(frame, file, written_with={"log.tsv": "\t", "semicolon.csv": ";"}.get(file, ","))
    assert sorted(events(prepared())) == expected(frame)


@pytest.mark.parametrize("written", ["\r\n", "bom"])
def test_windows_files_give_the_same_data(bring, prepared, written):
    frame = rows()
    text = frame.to_csv(index=False)
    bring("\ufeff" + text if written == "bom" else text.replace("\n", written))
    assert sorted(events(prepared())) == expected(frame)


def test_a_file_without_header_has_columns_by_number(bring, prepared):
    frame = rows()
    text = frame.to_csv(index=False, header=False)
    bring(text, columns=("user=1", "item=2", "time=3"), header=False)
    assert sorted(events(prepared())) == expected(frame)


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
    assert sorted(events(prepared())) == expected(frame)


def test_whole_numbers_that_pandas_wrote_as_floats_are_whole_numbers(bring, prepared):
    frame = rows()
    bring(frame.assign(u=frame.u.astype(float)))
    assert sorted(events(prepared())) == expected(frame)


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
    assert sorted(events(prepared())) == expected(frame)


@pytest.mark.parametrize("write", ["%Y-%m-%d", "%Y%m%d"])
def test_dates_are_times(bring, prepared, write):
    frame = rows()
    bring(frame.assign(t=pd.to_datetime(frame.t, unit="s").dt.strftime(write)))
    days = frame.assign(t=frame.t // 86_400 * 86_400)
    assert sorted(events(prepared())) == expected(days)


def test_an_order_is_no_time(bring, prepared):
    found = bring(rows().assign(t=range(300)))
    assert "0 to 299 (column 't', an order, no times)" in found.facts["times"]
    assert prepared().manifest.leakage["known"] is False


def test_milliseconds_order_the_events_of_a_second(bring, prepared):
    frame = rows(200)
    late = frame.assign(t=frame.t * 1000 + 900, i=1)
    early = frame.assign(t=frame.t * 1000 + 100, i=0)
    bring(pd.concat([late, early]), columns=("user=u", "item=i", "time=t", "label=y"))
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
    assert sorted(events(prepared())) == expected(kept)
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


def sessions(n=600):
    """Return a log whose users come back every day under another name."""
    return rows(n).assign(u=lambda f: f.u.astype(str) + "/" + (f.t // 86_400).astype(str))


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


def people(n=400, seed=0):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "time": draw.integers(3, size=n),
            "Age": draw.normal(size=n).round(3),
            "city/zone": draw.choice(["a", "b"], n),
            "id": np.arange(n),
            "y1": draw.integers(2, size=n),
            "y 2": draw.normal(size=n).round(3),
        }
    )
    frame.loc[:9, "Age"] = np.nan
    frame.loc[5:19, "y1"] = np.nan
    return frame


def test_a_table_has_labels_numbers_and_categories(bring, prepared):
    frame = people()
    found = bring(
        frame, columns=(), labels=["y1", "y 2"], numbers=["Age"], leave_out=["id"], valid=0.2
    )
    assert found.facts["renamed"] == "y 2 is y_2, time is time_, city/zone is city_zone"
    done = prepared()
    names = [field.name for field in done.schema.of("context")]
    assert (done.schema.labels, names) == (("y1", "y_2"), ["time_", "Age", "city_zone"])
    assert (done.schema["y1"].size, done.schema["y_2"].size) == (2, 0)
    assert done.manifest.counts == {"rows": 400, "train": 280, "valid": 80, "test": 40}
    parts = [samples(done, part) for part in PARTS]
    order = np.argsort(np.concatenate([part["row"] for part in parts]))
    for field, column in (("Age", "Age"), ("y1", "y1"), ("y_2", "y 2")):
        values = np.concatenate([part[field] for part in parts])[order]
        np.testing.assert_array_equal(values, frame[column].to_numpy(np.float32))


def test_files_about_users_and_items_give_fields(bring, prepared, tmp_path):
    frame = rows()
    about = pd.DataFrame({"u": range(18), "age group": "x", "time": "y"})
    about.to_csv(tmp_path / "users.csv", index=False)
    goods = pd.DataFrame({"i": range(40), "kind": list("ab") * 20, "Brand": range(40)})
    goods.to_csv(tmp_path / "items.tsv", index=False, sep="\t")
    found = bring(
        frame,
        columns=("user=u", "item=i", "time=t", "category=kind"),
        users=tmp_path / "users.csv",
        items=tmp_path / "items.tsv",
    )
    assert found.facts["user fields"] == "age_group, time_; 2 users have none"
    assert found.facts["item fields"] == "category, Brand; 0 items have none"
    done = prepared()
    ids = read_table(done.folder / "items.arrow")["category"]
    names = read_table(done.folder / "fields/category.arrow")["value"].to_pylist()
    raw = done.items["item"].to_pylist()
    for item, category in list(zip(raw, ids, strict=True))[2:]:
        assert names[category - 2] == "ab"[item % 2]


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
    assert sorted(events(prepared())) == expected(kept)


@pytest.mark.parametrize(
    "choices", [{}, {"valid": 0.07, "test": 0.21}, {"valid_days": 3, "test_days": 2}]
)
def test_the_parts_that_an_import_names_are_those_that_are_prepared(bring, prepared, choices):
    own = ("user=u", "item=i", "time=t", "label=y")
    said = bring(rows(700), columns=own, **choices).facts["parts"]
    counts = prepared().manifest.counts
    parts = [f"{part} {counts[part]:,}" for part in ("train", "valid", "test")]
    assert said.startswith(f"{'  '.join(parts)} events")


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
        ({"columns": (), "task": "next-item"}, "needs --user COLUMN and --item COLUMN"),
        ({"columns": (), "task": "multi-task"}, "needs --labels"),
        ({"columns": (), "labels": ["y"], "numbers": ["tt"]}, "--numbers: unknown column"),
        ({"columns": (), "labels": ["y"], "numbers": ["y"]}, "'y' is a label"),
        ({"columns": (), "labels": list("uitcby")}, "no column left"),
        ({"labels": ["y"]}, "--user does nothing for multi-task"),
        ({"numbers": ["y"]}, "--numbers does nothing for ctr"),
        ({"positive": ["buy"]}, "--positive names values of --behaviour or of --label"),
        ({"valid": 0.5, "test": 0.5}, "together less than 1"),
        ({"valid": 0.5, "test_days": 1}, "in days or as shares, not both"),
        ({"test_days": 1}, "give --valid-days too"),
        ({"valid_days": 1.5, "test_days": 1}, "whole days"),
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
        ("u,i,t\n1,2,9e9\n", {"time_unit": "s"}, "most are before 1980 or in the future"),
        ("u,i,t\n1,2,1704067200\n", {"time_unit": "ms"}, "read as milliseconds since 1970"),
        ("u,i,t\n" + "1,2,1704067200\n2,3,1704067200\n" * 9, {}, "the train part would be empty"),
        ("a\0b", {}, "is no text file"),
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
        ("no.parquet", text.encode(), "no Parquet file"),
        ("gbk.csv", text.replace("red", "红").encode("gbk"), "not in utf-8.*--encoding latin-1"),
    ):
        (tmp_path / name).write_bytes(content)
        wanted = Wanted(tmp_path / name, "own", "", columns={"user": "u", "item": "i", "time": "t"})
        with pytest.raises(DataError, match=expected):
            import_rows(wanted, folders)
    missing = replace(wanted, path=tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match="there is no file"):
        import_rows(missing, folders)


def test_two_rows_about_one_user_are_an_error(bring, tmp_path):
    (tmp_path / "users.csv").write_text("u,age\n1,2\n1,3\n")
    with pytest.raises(DataError, match="has 2 rows whose 'u' is '1'; keep one"):
        bring(rows(), users=tmp_path / "users.csv")


def test_where_everybody_met_everything_there_are_no_negatives(bring):
    frame = pd.DataFrame({"u": [1, 2] * 20, "i": [0, 0, 1, 1] * 10, "t": range(START, START + 40)})
    with pytest.raises(DataError, match="every user has met every item, so that no negatives"):
        bring(frame)


def test_where_nearly_everybody_met_everything_the_error_says_so(bring, prepared):
    frame = pd.DataFrame({"u": [1, 2] * 20, "i": [0, 0, 1, 1] * 10, "t": range(START, START + 40)})
    bring(frame.iloc[:-1].assign(u=lambda f: f.u.where(f.index != 0, 3)))
    with pytest.raises(DataError, match=r"targets are left out, since .* more items are needed"):
        prepared()


@pytest.mark.data
def test_the_ratings_of_movielens_are_the_log_that_their_own_reader_makes(raw_data, folders):
    columns = {"user": "1", "item": "2", "time": "4", "label": "3"}
    path = raw_data / "ml-100k" / "u.data"
    wanted = Wanted(path, "own", "", columns=columns, positive=["4", "5"], header=False)
    found = import_rows(wanted, folders)[1]
    assert found.facts["users"] == "943 (column '1', whole numbers)"
    assert found.facts["clicks"].startswith("55.4% of the rows")
    own = prepare(load_dataset(find("dataset", "own", folders)), DataConfig("own"), folders)
    built_in = prepare(MovieLens100K(), DataConfig("ml-100k"), replace(folders, data=raw_data))
    assert own.manifest.fingerprints["log"] == built_in.manifest.fingerprints["log"]
    for part in ("train", "valid", "test"):
        mine, theirs = samples(own, part), samples(built_in, part)
        for name in ("user", "item", "click", "time", "history_start", "history_stop"):
            np.testing.assert_array_equal(mine[name], theirs[name])


def test_a_name_is_free_and_can_be_a_folder(bring, tmp_path, folders):
    frame = rows()
    bring(frame)
    wanted = Wanted(
        tmp_path / "log.csv", "own", "", columns={"user": "u", "item": "i", "time": "t"}
    )
    with pytest.raises(UsageError, match="has been imported already .* --force"):
        import_rows(wanted, folders)
    for name, expected in (
        ("taobao", "there is a dataset 'taobao' already"),
        ("../x", "begin with"),
    ):
        with pytest.raises(UsageError, match=expected):
            import_rows(replace(wanted, name=name), folders)


def test_a_changed_or_lost_file_asks_for_a_new_import(bring, prepared, tmp_path):
    path, frame = tmp_path / "log.csv", rows()
    bring(frame)
    path.write_text(path.read_text().replace("red", "tan"))
    with pytest.raises(
        DataError, match=r"has changed since it was imported; import it again:\n .*--force"
    ):
        prepared()
    path.write_text(path.read_text() + "1,2,3\n")
    with pytest.raises(DataError, match="has changed since"):
        prepared()
    path.unlink()
    with pytest.raises(DataError, match="is not there any more since it was imported"):
        prepared()


def test_an_import_with_other_columns_makes_other_data(bring, prepared):
    frame = rows()
    bring(frame)
    first = prepared()
    bring(frame)
    assert prepared().manifest.fingerprints == first.manifest.fingerprints
    bring(frame, columns=("user=i", "item=u", "time=t"))
    second = prepared()
    assert (first.manifest.version, second.manifest.version) == (1, 2)
    assert second.manifest.fingerprints != first.manifest.fingerprints


def test_copies_lie_beside_the_card(bring, tmp_path, folders, prepared):
    bring(rows())
    wanted = Wanted(
        tmp_path / "log.csv", "own", "", columns={"user": "u", "item": "i", "time": "t"}
    )
    import_rows(wanted, folders, copy=True, force=True)
    (tmp_path / "log.csv").unlink()
    assert sorted(events(prepared())) == expected(rows())
    assert Description.load(folders.data / "own" / "recbench.toml").events.path == "log.csv"


def test_a_card_is_read_as_it_was_written(tmp_path):
    odd = 'a "b" \\ \x7f \n 图'
    file = SourceFile(odd, 1, "0", "csv", (odd, "b"), "\t", False, "utf-8")
    card = Description(
        1, 3, "ctr", odd, "ms", ("user",), (odd,), (), ("n",), (), (1, 2), 0, 1, 0.25,
        Split(0.1, 0.2, "share", 8), {"user": odd}, {odd: "y"}, {}, {}, {"x": odd}, file, None,
        file,
    )  # fmt: skip
    card.save(tmp_path / "recbench.toml")
    assert Description.load(tmp_path / "recbench.toml") == card


@pytest.mark.parametrize("content", ["", "format = 9", "format = 1", "not toml"])
def test_a_damaged_card_is_named(tmp_path, content):
    path = tmp_path / "own" / "recbench.toml"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(DataError, match=r"recbench.toml cannot be read .*import the data again"):
        Imported(path)
