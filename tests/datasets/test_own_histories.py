"""Rows that carry their own histories: the files of the BARS leaderboards."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from rawfiles import amazon_electronics_x1, micro_videos_x1, taobao_ad_x1

from recbench.batch import Reads
from recbench.data import DataConfig, Loader, prepare, verify_prepared
from recbench.data.columns import read_table
from recbench.datasets.amazon_electronics_x1 import AmazonElectronicsX1
from recbench.datasets.micro_videos_x1 import KuaiVideoX1, MicroVideoX1
from recbench.datasets.taobao_ad_x1 import TaobaoAdX1
from recbench.errors import DataError

KINDS = {
    TaobaoAdX1: taobao_ad_x1,
    AmazonElectronicsX1: amazon_electronics_x1,
    KuaiVideoX1: micro_videos_x1,
    MicroVideoX1: micro_videos_x1,
}
HISTORIES = {
    AmazonElectronicsX1: "item_history",
    KuaiVideoX1: "pos_items",
    MicroVideoX1: "clicked_items",
}
ROWS = {
    TaobaoAdX1: 25_029_426,
    AmazonElectronicsX1: 2_993_570,
    KuaiVideoX1: 13_661_383,
    MicroVideoX1: 12_737_617,
}
PROTOCOLS = ("x1", "x1-as-published")


@pytest.fixture
def prepared(folders):
    """Return a function that prepares drawn files, with which the card's gates are off."""

    def make(kind, protocol=""):
        card = kind.card
        KINDS[kind].write(folders.data, card.name)

        class Drawn(kind):
            card = dataclasses.replace(kind.card, counts=())

        return prepare(Drawn(), DataConfig(card.name, protocol), folders)

    return make


def rows_of(path):
    """Return the rows of a file as mappings from column to text."""
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def decoded(dataset, part):
    """Return each example as (label, real user, target, history), with raw ids."""
    items, users = (np.array(dataset.items["item"]), dataset.users["user"].to_pylist())
    log = dataset.interactions["item"]
    return [
        (
            int(part.labels[row]),
            users[part.user[row]],
            int(items[part.item[row]]),
            items[log[part.history_start[row] : part.history_stop[row]]].tolist(),
        )
        for row in range(len(part))
    ]


def numbers(text):
    return [int(each) for each in text.split("^")] if text else []


def expected(kind, row):
    """Return an example as the file has it."""
    if kind in HISTORIES:
        label = row["label" if kind is AmazonElectronicsX1 else "is_click"]
        return int(label), int(row["user_id"]), int(row["item_id"]), numbers(row[HISTORIES[kind]])
    pairs = zip(numbers(row["cate_his"]), numbers(row["brand_his"]), strict=True)
    past = [-(category * 10**9 + brand) for category, brand in pairs]
    return int(row["clk"]), int(row["userid"]), int(row["adgroup_id"]), past


def in_order(examples):
    return sorted(examples, key=repr)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_is_an_example_with_its_own_history(prepared, folders, kind, protocol):
    dataset = prepared(kind, protocol)
    train, test = (
        [expected(kind, row) for row in rows_of(folders.data / f"{part}.csv")]
        for part in ("train", "test")
    )
    parts = {part: decoded(dataset, dataset.part(part)) for part in ("train", "valid")}
    parts["test"] = decoded(dataset, dataset.open_test())
    assert in_order(parts["test"]) == in_order(test)
    if protocol == "x1":
        assert in_order(parts["train"] + parts["valid"]) == in_order(train)
        assert 0 < len(parts["valid"]) < len(parts["train"]) / 4
    else:
        assert in_order(parts["train"]) == in_order(train)
        assert parts["valid"] == parts["test"]
    assert verify_prepared(dataset.folder) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_is_stored_once_and_stays_within_a_part(prepared, folders, kind):
    dataset = prepared(kind)
    rows = {part: rows_of(folders.data / f"{part}.csv") for part in ("train", "test")}
    of_part = {
        part: {(user, tuple(past)) for _, user, _, past in (expected(kind, row) for row in own)}
        for part, own in rows.items()
    }
    assert dataset.manifest.counts["sequences"] == sum(map(len, of_part.values()))
    events = sum(len(past) for own in of_part.values() for _, past in own)
    targets = sum(map(len, rows.values()))
    assert dataset.manifest.counts["interactions"] == events + targets
    users = [set(dataset.part(part).user) for part in ("train", "valid")]
    users.append(set(dataset.open_test().user))
    assert sum(map(len, users)) == len(set.union(*users))


@pytest.mark.parametrize("kind", [AmazonElectronicsX1, MicroVideoX1])
def test_the_tail_of_the_training_file_validates(prepared, folders, kind):
    dataset = prepared(kind)
    rows = rows_of(folders.data / "train.csv")
    if kind is MicroVideoX1:
        rows.sort(key=lambda row: float(row["timestamp"]))
    rows = [expected(kind, row) for row in rows]
    first = {}
    for place, (_, user, _, past) in enumerate(rows):
        first.setdefault((user, tuple(past)), place)
    part = {name: decoded(dataset, dataset.part(name)) for name in ("train", "valid")}
    begun = {
        name: [first[user, tuple(past)] for _, user, _, past in own] for name, own in part.items()
    }
    assert max(begun["train"]) < min(begun["valid"])


def test_behaviours_share_category_and_brand_with_advertisements(prepared):
    dataset = prepared(TaobaoAdX1)
    items = {name: np.array(column) for name, column in dataset.items.items()}
    ids = {
        name: read_table(dataset.folder / f"fields/{name}.arrow")["value"].tolist()
        for name in ("category", "brand")
    }
    done = items["item"] < 0
    assert done.any()
    for name in ("campaign", "customer", "price"):
        assert not items[name][done].any()
    for row in np.flatnonzero(done):
        category, brand = divmod(-int(items["item"][row]), 10**9)
        assert ids["category"][items["category"][row] - 2] == category
        assert (ids["brand"][items["brand"][row] - 2] if items["brand"][row] else 0) == brand
    assert items["brand"][2:].min() == 0


def test_each_impression_has_its_position_as_context(prepared, folders):
    dataset = prepared(TaobaoAdX1, "x1-as-published")
    part = dataset.open_test()
    values = [None, None, *read_table(dataset.folder / "fields/pid.arrow")["value"].to_pylist()]
    batch = Loader(dataset, part, Reads(recent=3), 999).features(np.arange(len(part)))
    examples = [each[:3] for each in decoded(dataset, part)]
    found = [
        (*example, values[pid])
        for example, pid in zip(examples, batch.fields["pid"].tolist(), strict=True)
    ]
    rows = rows_of(folders.data / "test.csv")
    right = [(*expected(TaobaoAdX1, row)[:3], row["pid"]) for row in rows]
    assert in_order(found) == in_order(right)


@pytest.mark.parametrize("kind", KINDS)
def test_published_files_are_told_from_others_by_checksum_and_rows(folders, kind):
    KINDS[kind].write(folders.data, kind.card.name)
    with pytest.raises(DataError, match=r"train\.csv is not the published file: its MD5 is"):
        prepare(kind(), DataConfig(kind.card.name), folders)
    assert kind.card.counts == ({"targets": ROWS[kind]},)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0,7,", "0,,", r"train\.csv: 1 rows have no 'user_id', the first is row 2 after the head"),
        ("5^6,1^2", "5^6,1", r"1 rows have item_history, cate_history of different lengths"),
        ("5^6,1^2", "5^x,1^2", "not in the expected format"),
        ("cate_id", "category", r"train\.csv: the header has no cate_id; get the file again"),
    ],
)
def test_rows_that_cannot_be_right_are_told_with_their_place(read, old, new, message):
    header = amazon_electronics_x1.HEADER
    train = f"{header}1,7,3,1,5^6,1^2\n0,7,4,2,5,1\n"
    with pytest.raises(DataError, match=message):
        read(AmazonElectronicsX1(), train=train.replace(old, new), test=header + "1,7,3,1,,\n")


def test_columns_may_have_any_order_and_others_beside_them(read):
    test = "label,user_id,item_id,cate_id,item_history,cate_history\n1,7,3,1,,\n"
    train = "it's,cate_id,label,user_id,item_id,cate_history,item_history\nx,1,1,7,3,1^2,5^6\n"
    log = read(AmazonElectronicsX1(), train=train, test=test)
    assert log.items.to_pylist() == [3, 5, 6]
    assert log.spool.columns["item"].tolist() == [1, 2, 0, 0]
    assert log.item_fields["category"].to_pylist() == [1, 1, 2]
