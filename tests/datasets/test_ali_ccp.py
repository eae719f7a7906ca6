import dataclasses

import pytest
from rawfiles import ali_ccp as raw
from rawfiles.ali_ccp import features

from recbench.data import DataConfig, prepare
from recbench.datasets.ali_ccp import FIELDS, AliCCP
from recbench.errors import DataError
from recbench.folders import Folders

ROW = "{},{},{},{},1,{}\n"
ITEM = features(("205", 1, 1.0))


def files(train=(), common="", test=((0, 0),)):
    """Return texts of the raw files by role: rows as (click, conversion, features)."""

    def skeleton(rows, part):
        texts = [(*row, ITEM)[:3] for row in rows]
        return "".join(ROW.format(n, click, bought, f"{part}{n % 4}", text)
                       for n, (click, bought, text) in enumerate(texts))  # fmt: skip

    train = [*train, *[(n % 2, 0) for n in range(60)]]
    visits = {part: "".join(f"{part}{n},1,{common or features(('101', n, 1))}\n" for n in range(4))
              for part in ("train", "test")}  # fmt: skip
    return {
        "skeleton_train": skeleton(train, "train"), "common_train": visits["train"],
        "skeleton_test": skeleton(test, "test"), "common_test": visits["test"],
    }  # fmt: skip


@pytest.fixture
def read_raw(read_rows):
    def make(**changed):
        protocol = dataclasses.replace(AliCCP.card.protocols["official"])
        columns, rejected = read_rows(AliCCP(), protocol, **files(**changed))
        assert rejected.count == 0
        return columns, rejected

    return make


@pytest.fixture
def folders(tmp_path):
    home = tmp_path / "ali-ccp"
    home.mkdir()
    raw.write(home, "ali-ccp")
    return Folders(tmp_path, tmp_path / "cache", tmp_path)


def dataset():
    own = AliCCP()
    own.card = dataclasses.replace(own.card, counts=())
    return own


def test_rows_and_what_they_share_come_together(read_raw):
    columns, _ = read_raw(common=features(("101", 7, 1), ("109_14", 5, 0.5)))
    assert list(columns) == ["row", *FIELDS, "click", "conversion"]
    assert columns["row"] == list(range(1, 62))
    assert set(columns["101"]) == {7}
    assert set(columns["109_14"]) == {5}
    assert set(columns["205"]) == {1}
    assert set(columns["121"]) == {None}


def test_the_value_of_largest_weight_stays_and_of_equal_ones_the_smallest(read_raw):
    several = features(("109_14", 5, 0.5), ("109_14", 9, 2.5), ("109_14", 8, 2.5), ("110_14", 4, 1),
                       ("127_14", 10, "1e-3"), ("127_14", 9, "2e-4"), ("127", 3, 9.0))  # fmt: skip
    own = features(("210", 40, 1.0), ("210", 11, 1.0), ("2100", 1, 5.0))
    columns, _ = read_raw(train=[(1, 0, own)], common=several)
    assert (columns["109_14"][0], columns["110_14"][0], columns["127_14"][0]) == (8, 4, 10)
    assert (columns["127"][0], columns["210"][0]) == (3, 11)


def test_conversions_without_a_click_are_left_out_and_counted(read_raw):
    columns, rejected = read_raw(train=[(1, 1), (0, 1), (0, 1)], test=[(0, 0), (0, 1), (1, 1)])
    assert columns["row"] == [1, *range(4, 65), 66]
    assert sum(columns["conversion"]) == 2
    assert rejected.reports == ["3 rows left out: a conversion without a click"]


@pytest.mark.parametrize("text", ["205", "205\x021", "205\x02x\x031.0", ITEM + "\x01"])
def test_features_that_are_none_are_an_error(read_raw, text):
    with pytest.raises(
        DataError, match=r"sample_skeleton_train.csv: the features of 1 rows .* row 2"
    ):
        read_raw(train=[(0, 0), (0, 0, text)])


def test_missing_or_repeated_common_features_are_an_error(read_rows):
    protocol = AliCCP.card.protocols["official"]
    texts = files()
    short = texts["common_train"].split("\n", 1)[1]
    with pytest.raises(DataError, match=r"common_features_train.csv lacks .* of 15 rows .* row 1;"):
        read_rows(AliCCP(), protocol, **texts | {"common_train": short})


def test_repeated_common_features_are_an_error(read_rows):
    texts = files()
    texts["common_test"] += texts["common_test"].split("\n", 1)[0] + "\n"
    with pytest.raises(DataError, match="has the index test0 twice"):
        read_rows(AliCCP(), AliCCP.card.protocols["official"], **texts)


def test_no_visit_is_in_both_train_and_validation(folders):
    made = prepare(dataset(), DataConfig("ali-ccp"), folders)
    lines = (folders.data / "ali-ccp/sample_skeleton_train.csv").read_text().splitlines()
    visits = [{lines[row - 1].split(",")[3] for row in made.part(part).columns["row"]}
              for part in ("train", "valid")]  # fmt: skip
    assert not visits[0] & visits[1]
    assert all(visits)
    assert min(made.open_test().columns["row"]) > len(lines)
    assert len(made.manifest.reports) == 1


def test_numbered_files_are_the_parts_that_they_are(folders):
    made = prepare(AliCCP(), DataConfig("ali-ccp", "encoded"), folders)
    assert made.manifest.counts == {"rows": 200, "train": 100, "valid": 50, "test": 50}
    assert [field.name for field in made.schema.fields] == [*FIELDS, "click", "conversion"]
    assert made.manifest.characteristics["parts"]["valid"]["labels"]["click"] == 0.2


@pytest.mark.data
def test_real_lines_are_read(raw_data, read_rows):
    sample = raw_data / "format-samples"
    roles = AliCCP.card.files_of("encoded")
    texts = {role: (sample / f"ali-ccp__{name}").read_text() for role, name in roles.items()}
    columns, rejected = read_rows(AliCCP(), AliCCP.card.protocols["encoded"], **texts)
    assert rejected.count == 0
    assert columns["210"][0] == 1
    assert {len(columns["row"])} == {each["rows"] for each in AliCCP.card.counts[1:]}
