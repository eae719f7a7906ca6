import duckdb
import pyarrow as pa
import pytest

from recbench.data import Dataset
from recbench.data.ingest import ingest
from recbench.data.protocol import LeaveLastTwoOut, Negatives, Protocol
from recbench.data.reading import read_csv
from recbench.errors import DataError, UsageError
from recbench.progress import SILENT
from recbench.schema import Field

UNLABELLED = Protocol(LeaveLastTwoOut(), Negatives("uniform"))
ROWS = ["9,5,1,30", "9,5,1,10", "2,7,1,30", "9,3,2,20", "2,5,1,30"]


@pytest.fixture
def ingest_rows(make_log, tmp_path):
    """Return a function that ingests lines of text."""

    def of(lines, dataset=None, **card):
        path = tmp_path / "log.csv"
        path.write_text("".join(f"{line}\n" for line in lines))
        chosen = dataset or make_log(UNLABELLED, **card)
        return ingest(chosen, {"log": path}, tmp_path, SILENT)

    return of


def test_events_are_ordered_by_user_time_and_place_in_the_file(ingest_rows):
    log = ingest_rows(ROWS)
    columns = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert log.users.to_pylist() == [2, 9]
    assert log.items.to_pylist() == [3, 5, 7]
    assert columns == {
        "user": [0, 0, 1, 1, 1],
        "item": [2, 1, 1, 0, 1],
        "time": [30, 30, 10, 20, 30],
        "positive": [True] * 5,
    }
    assert log.item_fields["category"].to_pylist() == [2, 1, 1]
    assert log.user_fields == {}


def test_times_out_of_range_are_dropped_and_counted(ingest_rows):
    log = ingest_rows([*ROWS, "4,4,4,9", "4,4,4,31"], time_range=(10, 30))
    assert log.out_of_range == 2
    assert log.users.to_pylist() == [2, 9]
    assert len(log.spool.columns["time"]) == 5


def test_a_few_malformed_rows_are_left_out_and_located(ingest_rows, tmp_path):
    log = ingest_rows([*ROWS * 400, "1,2,3"])
    assert len(log.spool.columns["user"]) == 2000
    assert log.rejected.count == 1
    assert log.rejected.examples[0].startswith(f"{tmp_path / 'log.csv'}:2001: ")


def test_many_malformed_rows_are_an_error_that_locates_them(ingest_rows):
    with pytest.raises(
        DataError, match=r"log: 3 of 8 rows are malformed:\n  .*log\.csv:6: "
    ) as caught:
        ingest_rows([*ROWS, "1,2", "3,4", "5,6"])
    assert "log.csv:8: " in str(caught.value)
    assert "mend or replace the file" in str(caught.value)


def test_a_file_without_events_is_an_error(ingest_rows):
    with pytest.raises(DataError, match="hold no event within the dataset's time range"):
        ingest_rows(["1,1,1,5"], time_range=(10, 30))


def test_a_few_events_that_lack_a_value_are_left_out_and_located(ingest_rows):
    log = ingest_rows([*ROWS * 400, ",5,1,30", "9,5,1,"])
    assert len(log.spool.columns["user"]) == 2000
    assert log.rejected.count == 2
    assert log.rejected.examples == ("event 2001 has no user", "event 2002 has no time")


def test_many_events_that_lack_a_value_are_an_error(ingest_rows):
    with pytest.raises(DataError, match=r"1 of 6 rows are malformed:\n  event 6 has no item"):
        ingest_rows([*ROWS, "9,,1,30"])


@pytest.mark.parametrize(("zeros", "unit"), [(3, "milli"), (6, "micro"), (9, "nano")])
@pytest.mark.parametrize("card", [{}, {"time_range": (880_000_000, 890_000_000)}])
def test_times_that_are_not_seconds_are_an_error_that_says_so(ingest_rows, zeros, unit, card):
    lines = ["9,5,1,881250949" + "0" * zeros, "9,5,1,881250949"]
    with pytest.raises(DataError, match=f"1 of 2 events have times .* but {unit}seconds"):
        ingest_rows(lines, **card)


def test_items_and_users_of_the_log_alone_are_counted(ingest_rows, make_log):
    dataset = Texts(make_log().card)
    dataset.profiles = "CREATE TABLE users AS SELECT 'b' AS user, 7 AS age"
    found = ingest_rows(LINES, dataset).unmatched
    assert found == ("users that only the log has: 1; their further fields are unknown",)


class Texts(Dataset):
    """A log of texts, with profiles and behaviours."""

    api = 1
    profiles = "CREATE TABLE users AS SELECT 'b' AS user, 7 AS age"

    def __init__(self, card):
        self.card = card

    def read(self, db, files):
        columns = dict.fromkeys(("user", "item", "behaviour", "time"), "VARCHAR")
        read_csv(db, "log_rows", files["log"], columns)
        db.execute(
            f"""CREATE VIEW events AS SELECT row, user, item, behaviour, time::BIGINT AS time,
            behaviour = 'view' AS positive FROM log_rows; {self.profiles}"""
        )


LINES = ["b,y,view,3", "a,x,buy,2", "a,y,view,1"]


def test_texts_behaviours_and_profiles_are_read(ingest_rows, make_log):
    log = ingest_rows(LINES, Texts(make_log().card))
    assert log.users.to_pylist() == ["a", "b"]
    assert log.user_fields["age"].equals(pa.array([None, 7], pa.int32()))
    assert log.behaviours == ("buy", "view")
    assert log.spool.columns["behaviour"].tolist() == [1, 0, 1]
    assert log.spool.columns["positive"].tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("users", "items", "expected"),
    [
        ("user, 7 AS age", "item, 8 AS age", r"the items table has a column 'age'.* the users t"),
        ("user, 7 AS age", "item, 8 AS Age", r"the items table has a column 'Age'.* the users t"),
        ("user, 7 AS item", "item", r"the users table has a column 'item'.* recbench itself uses"),
        ("user", "item, 8 AS behaviour", r"the items table has a column 'behaviour'.* recbench"),
        ("user, 7 AS start", "item", r"the users table has a column 'start'.* recbench itself"),
        ("user, 7 AS click", "item", r"the users table has a column 'click'.* recbench itself"),
    ],
)
def test_a_field_whose_name_is_taken_is_an_error_that_names_it(
    ingest_rows, make_log, users, items, expected
):
    dataset = Texts(make_log().card)
    dataset.profiles = f"""CREATE TABLE users AS SELECT {users} FROM (SELECT 'b' AS user);
    CREATE TABLE items AS SELECT {items} FROM (SELECT 'x' AS item)"""
    with pytest.raises(DataError, match=f"^log: {expected}"):
        ingest_rows(LINES, dataset)


def test_fields_with_names_of_their_own_are_read_from_both_sides(ingest_rows, make_log):
    dataset = Texts(make_log().card)
    dataset.profiles = """CREATE TABLE users AS SELECT 'b' AS user, 7 AS age;
    CREATE TABLE Items AS SELECT 'x' AS item, 8 AS price"""
    log = ingest_rows(LINES, dataset)
    assert log.user_fields["age"].to_pylist() == [None, 7]
    assert log.item_fields["price"].to_pylist() == [8, None]


def test_two_rows_for_one_user_are_an_error(ingest_rows, make_log):
    dataset = Texts(make_log().card)
    dataset.profiles = "CREATE TABLE users AS SELECT unnest(['b', 'b']) AS user, 7 AS age"
    with pytest.raises(DataError, match="users table has more than one row for the user b"):
        ingest_rows(LINES, dataset)


def test_a_value_that_a_reader_cannot_convert_is_an_error_that_names_the_file(
    ingest_rows, make_log
):
    with pytest.raises(DataError, match=r"log: .*log\.csv: not in the expected format: .*noon"):
        ingest_rows([*LINES, "c,x,view,noon"], Texts(make_log().card))


def test_too_little_memory_is_an_error_that_says_so(make_log, tmp_path, monkeypatch):
    class Greedy(Dataset):
        card = make_log().card

        def read(self, db, files):
            raise duckdb.OutOfMemoryException("failed to allocate")

    monkeypatch.setenv("RECBENCH_MEMORY", "64MiB")
    with pytest.raises(DataError, match="set RECBENCH_MEMORY to more than 64MiB"):
        ingest(Greedy(), {}, tmp_path, SILENT)


def test_a_memory_limit_that_is_none_is_an_error_that_names_the_variable(ingest_rows, monkeypatch):
    monkeypatch.setenv("RECBENCH_MEMORY", "much")
    with pytest.raises(UsageError, match="RECBENCH_MEMORY is 'much'"):
        ingest_rows(ROWS)


def test_an_empty_memory_limit_counts_as_unset(ingest_rows, monkeypatch):
    monkeypatch.setenv("RECBENCH_MEMORY", "")
    assert len(ingest_rows(ROWS).users)


class Rated(Dataset):
    """A log of events with two labels."""

    api = 1

    def __init__(self, card):
        self.card = card

    def read(self, db, files):
        columns = {"user": "BIGINT", "item": "BIGINT", "rating": "DOUBLE", "time": "BIGINT"}
        read_csv(db, "log_rows", files["log"], columns)
        db.execute("CREATE VIEW events AS SELECT *, rating >= 4 AS click FROM log_rows")


@pytest.fixture
def ingest_rated(make_log, tmp_path):
    """Return a function that ingests lines of text with one of two labels."""

    def of(lines, label, **labels):
        (tmp_path / "log.csv").write_text("".join(f"{line}\n" for line in lines))
        card = make_log(labels=labels or {"rating": "real", "click": "binary"}).card
        return ingest(Rated(card), {"log": tmp_path / "log.csv"}, tmp_path, SILENT, label)

    return of


RATED = ["9,5,3.5,30", "2,7,4,30", "9,3,1,20"]


@pytest.mark.parametrize(
    ("label", "expected", "kind"),
    [
        (Field("rating", "label", 0), [4, 1, 3.5], "float32"),
        (Field("click", "label", 2), [1, 0, 0], "int8"),
    ],
)
def test_the_chosen_label_is_read_as_a_number_or_as_0_or_1(ingest_rated, label, expected, kind):
    stored = ingest_rated(RATED, label).spool.columns["label"]
    assert stored.tolist() == expected
    assert stored.dtype == kind


@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_an_event_without_its_label_is_an_error_that_says_where(ingest_rated, value):
    expected = "^log: 1 events have no 'rating' that is a number, the first in row 4; mend the file"
    with pytest.raises(DataError, match=expected):
        ingest_rated([*RATED, f"1,1,{value},5"], Field("rating", "label", 0))


def test_a_binary_label_of_another_value_is_an_error(ingest_rated):
    with pytest.raises(DataError, match="2 events have no 'rating' that is 0 or 1, the first in"):
        ingest_rated(["1,1,2,3", "1,2,0,3", "1,3,3,3"], Field("rating", "label", 2))


def test_a_label_that_the_reader_does_not_make_is_an_error(ingest_rated):
    with pytest.raises(DataError, match="the reader makes no column 'like', which its card has"):
        ingest_rated(RATED, Field("rating", "label", 0), rating="real", like="binary")


def test_a_field_cannot_be_called_like_a_label(make_log, tmp_path):
    class Clash(Rated):
        def read(self, db, files):
            super().read(db, files)
            db.execute("CREATE TABLE items AS SELECT 5 AS item, 2 AS Rating")

    (tmp_path / "log.csv").write_text("\n".join(RATED))
    card = make_log(labels={"rating": "real"}).card
    with pytest.raises(DataError, match="the items table has a column 'Rating'.* a label uses"):
        ingest(Clash(card), {"log": tmp_path / "log.csv"}, tmp_path, SILENT)
