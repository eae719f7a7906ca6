import numpy as np
import pytest

from recbench.data import DataConfig, prepare
from recbench.data.protocol import PARTS
from recbench.datasets.taobao import CARD, Taobao
from recbench.schema import UNSEEN

NOON = 1_511_539_200 + 12 * 3600  # of 25 November 2017 in Beijing


def test_the_log_is_read_with_behaviours_and_the_smallest_category(read):
    rows = [
        f"1,100,9,pv,{NOON}",
        f"1,100,3,buy,{NOON + 5}",
        f"1,200,5,cart,{NOON + 1}",
        f"2,200,5,pv,{NOON}",
        "2,200,5,pv,15",
        "2,200,5,pv,2000000000",
    ]
    log = read(Taobao(), log="\n".join(rows))
    found = {name: values.tolist() for name, values in log.spool.columns.items()}
    assert found == {
        "user": [0, 0, 0, 1],
        "item": [0, 1, 0, 1],
        "time": [NOON, NOON + 1, NOON + 5, NOON],
        "positive": [True, False, False, True],
        "behaviour": [2, 1, 0, 2],
    }
    assert log.behaviours == ("buy", "cart", "pv")
    assert log.item_fields["category"].to_pylist() == [3, 5]
    assert log.out_of_range == 2


def test_the_year_2017_of_beijing_is_what_can_be_right():
    year = np.array(["2017-01-01T00", "2018-01-01T00"], "datetime64[s]").astype(int) - 8 * 3600
    assert CARD.time_range == (year[0], year[1] - 1)


def test_the_simulated_log_is_split_by_days_of_beijing(tiny):
    day = {part: (tiny.part(part).time + 8 * 3600) // 86_400 for part in ("train", "valid")}
    day["test"] = (tiny.open_test().time + 8 * 3600) // 86_400
    assert len(set(day["valid"])) == len(set(day["test"])) == 1
    assert max(day["train"]) < day["valid"][0] == day["test"][0] - 1


def test_a_user_has_at_most_the_last_five_views_of_a_part_as_targets(tiny):
    views = tiny.interactions["behaviour"] == 3
    assert views.mean() > 0.8
    for part in PARTS:
        read = tiny.open_test() if part == "test" else tiny.part(part)
        clicked = read.labels == 1
        per_user = np.bincount(read.user[clicked])
        assert per_user.max() == 5
        assert len(read) == 2 * clicked.sum()


def test_no_model_can_beat_the_oracle_and_the_clicks_follow_it(tiny):
    part = tiny.open_test()
    clicked = part.labels == 1
    assert part.oracle[clicked].mean() > part.oracle[~clicked].mean() + 1
    assert np.isfinite(part.oracle).all()


@pytest.mark.data
def test_a_real_slice_is_read_whole_but_for_its_one_corrupt_time(raw_data, read):
    raw = (raw_data / "taobao" / "UserBehavior_slice.csv.gz").read_bytes()
    dataset = Taobao()
    dataset.card = type(CARD)(**vars(CARD) | {"files": {"log": "UserBehavior.csv.gz"}})
    log = read(dataset, log=raw)
    assert len(log.spool.columns["time"]) == 96_168
    assert log.out_of_range == 1
    assert log.rejected.count == 0
    assert len(log.users) in (58_731, 58_732)
    assert log.behaviours == ("buy", "cart", "fav", "pv")


def test_mimn_asks_of_each_user_about_the_last_event_or_an_item_in_its_place(tiny_folders):
    config = DataConfig("taobao", "mimn", "simulated", "tiny")
    prepared = prepare(Taobao(), config, tiny_folders)
    users, last = {}, {}
    for part in PARTS:
        read = prepared.open_test() if part == "test" else prepared.part(part)
        users[part] = len(read)
        clicked = read.labels == 1
        assert 0.3 < clicked.mean() < 0.7
        item = prepared.interactions["item"][read.history_stop]
        told = (read.item != UNSEEN) | (item != UNSEEN)  # two new items have one id
        np.testing.assert_array_equal(((read.item == item) == clicked)[told], True)
        last[part] = read.time
        assert read.oracle is None
    total = sum(users.values())
    assert users["test"] == pytest.approx(0.3 * total, abs=2)
    assert users["valid"] == pytest.approx(0.1 * total, abs=2)
    assert last["train"].max() < last["valid"].min() <= last["valid"].max() < last["test"].min()
    assert prepared.manifest.characteristics["parts"]["test"]["unseen_users"] == 1
