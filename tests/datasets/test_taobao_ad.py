from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from rawfiles import taobao_ad

from recbench.data import DataConfig, prepare, verify_prepared
from recbench.data.columns import read_table
from recbench.data.protocol import PARTS
from recbench.datasets.taobao_ad import TaobaoAd

MIDNIGHT = 1_494_000_000
"""Of 6 May 2017 in Beijing, the first day of impressions."""


class Drawn(TaobaoAd):
    card = dataclasses.replace(TaobaoAd.card, counts=())


@pytest.fixture
def dataset(folders):
    taobao_ad.write(folders.data, "taobao-ad")
    return prepare(Drawn(), DataConfig("taobao-ad"), folders)


@pytest.fixture
def files(folders):
    """Return a function that returns the rows of a file as numbers where they are some."""

    def rows(name):
        lines = (folders.data / name).read_text().splitlines()[1:]
        return [
            [int(each) if each.isdigit() else each for each in line.split(",")] for line in lines
        ]

    return rows


def parts_of(dataset):
    parts = {name: dataset.part(name) for name in ("train", "valid")}
    return parts | {"test": dataset.open_test()}


def test_histories_are_the_behaviours_before_the_impression(dataset, files):
    items, users = np.array(dataset.items["item"]), np.array(dataset.users["user"])
    log, found = dataset.interactions["item"], Counter()
    for part in parts_of(dataset).values():
        for row in range(len(part)):
            past = items[log[part.history_start[row] : part.history_stop[row]]].tolist()
            key = users[part.user[row]], part.time[row], items[part.item[row]], part.labels[row]
            found[(*map(int, key), *past)] += 1
    done = sorted(files("behavior_log.csv"), key=lambda row: row[1])
    expected = Counter()
    for user, time, ad, _, _, click in files("raw_sample.csv"):
        past = [-(row[3] * 10**9 + row[4]) for row in done if row[0] == user and row[1] < time]
        expected[(user, time, ad, click, *past)] += 1
    assert found == expected
    assert verify_prepared(dataset.folder) == []


def test_days_of_beijing_are_the_parts(dataset):
    days = {
        name: set(((part.time - MIDNIGHT) // 86_400).tolist())
        for name, part in parts_of(dataset).items()
    }
    assert days == {"train": set(range(6)), "valid": {6}, "test": {7}}


def test_contexts_are_position_and_hour(dataset, files):
    part = dataset.part("train")
    pid, hour = (
        read_table(dataset.folder / f"fields/{name}.arrow")["value"] for name in ("pid", "hour")
    )
    found = np.array(hour)[part.columns["hour"] - 2]
    np.testing.assert_array_equal(found, (part.time - MIDNIGHT) // 3600 % 24)
    assert set(pid.to_pylist()) == {row[3] for row in files("raw_sample.csv")}


def test_users_without_profile_and_of_no_impression(dataset, files):
    users = np.array(dataset.users["user"])[2:]
    assert set(users) == {row[0] for row in files("raw_sample.csv")}
    known = {row[0] for row in files("user_profile.csv")}
    unknown = np.array([user not in known for user in users])
    assert 0 < unknown.sum() < len(users) / 5
    gender = dataset.users["final_gender_code"][2:]
    assert (gender[unknown] == 1).all()
    assert (gender[~unknown] > 1).all()


def test_no_brand_is_padding_and_a_price_is_a_power_of_two(dataset, files):
    ads = {row[0]: row for row in files("ad_feature.csv")}
    items = {name: np.array(column) for name, column in dataset.items.items()}
    prices = read_table(dataset.folder / "fields/price.arrow")["value"].tolist()
    for row, item in enumerate(items["item"].tolist()):
        if item in ads and item > 0 and row > 1:
            assert (items["brand"][row] == 0) == (ads[item][4] == "NULL")
            band = int(np.floor(np.log2(1.5 * item)))
            assert items["price"][row] in (1, 2 + prices.index(band) if band in prices else 1)


def test_rows_outside_the_22_days_are_dropped(folders):
    taobao_ad.write(folders.data, "taobao-ad")
    with (folders.data / "behavior_log.csv").open("a") as file:
        file.write("1,-2083686338,pv,1,1\n1,1494691200,pv,1,1\n")
    dataset = prepare(Drawn(), DataConfig("taobao-ad"), folders)
    assert "2 rows left out: their time is out of range" in dataset.manifest.reports
    assert all(dataset.manifest.counts[part] for part in PARTS)
