import json
import shutil

import numpy as np
import pytest

from recbench.data import verify_prepared
from recbench.data.cold_start import split_episodes
from recbench.data.columns import read_table, write_table
from recbench.data.manifest import Manifest, file_checksum
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.protocol import PARTS
from recbench.data.states_protocol import StatesProtocol
from recbench.errors import DataError
from recbench.schema import FIRST_ID, PADDING, UNSEEN

BOTH = pytest.mark.parametrize("protocol", ["states", "phases"])


def new_items(dataset):
    """Return the ids of items that models know and training has no row of."""
    train = set(dataset.part("train").item.tolist())
    return sorted(set(range(FIRST_ID, dataset.schema["item"].size)) - train)


def test_the_label_is_a_rating_or_a_click(cold):
    states, phases = cold("states"), cold("phases")
    assert (states.schema.labels, states.schema["rating"].size) == (("rating",), 0)
    assert (phases.schema.labels, phases.schema["click"].size) == (("click",), 2)
    ratings, clicks = states.part("train").labels, phases.part("train").labels
    assert set(np.unique(ratings)) == {1, 2, 3, 4, 5}
    assert ratings.dtype == np.float32
    assert set(np.unique(clicks)) == {0, 1}


@BOTH
def test_states_are_in_the_schema_and_examples_have_no_history(cold, protocol):
    dataset = cold(protocol)
    card = {"states": StatesProtocol.states, "phases": PhasesProtocol.states}
    assert dataset.schema.states == card[protocol]
    for part in ("train", "valid"):
        found = dataset.part(part)
        assert not (found.history_stop - found.history_start).any()
    assert dataset.manifest.counts["train"] == len(dataset.part("train"))


def test_new_items_have_ids_to_be_learnt_after_those_of_training(cold):
    dataset = cold("phases")
    train, valid, test = dataset.part("train"), dataset.part("valid"), dataset.open_test()
    known = np.unique(train.item)
    assert known.tolist() == list(range(FIRST_ID, FIRST_ID + len(known)))
    fresh = np.unique(np.concatenate((valid.item, test.item)))
    assert fresh.tolist() == list(range(FIRST_ID + len(known), dataset.schema["item"].size))


def test_no_item_is_known_without_training_where_users_are_new(cold):
    assert new_items(cold("states")) == []
    assert len(new_items(cold("phases"))) > 50


def test_values_that_only_new_items_have_stay_unseen(cold):
    dataset = cold("phases")
    fresh = new_items(dataset)
    trained = slice(FIRST_ID, fresh[0])
    year = np.asarray(dataset.items["year"])
    assert UNSEEN not in year[trained]
    assert UNSEEN in year[fresh]
    assert year.max() < dataset.schema["year"].size


def test_what_tells_new_items_apart_is_no_input(cold):
    dataset = cold("states")
    assert "year" not in dataset.schema
    assert "year" not in dataset.items
    assert "year" in cold("phases").schema


def test_a_movie_with_one_genre_has_padding_for_the_others(cold):
    items = cold("phases").items
    second, third = (np.asarray(items[name])[FIRST_ID:] for name in ("genre2", "genre3"))
    assert 0.3 < (second == PADDING).mean() < 0.7
    assert (third[second == PADDING] == PADDING).all()
    assert UNSEEN not in np.asarray(items["genre1"])[FIRST_ID : FIRST_ID + 20]


@pytest.mark.parametrize("limit", [1, 7])
@BOTH
def test_a_limit_is_of_episodes_in_each_state(cold, protocol, limit):
    whole, some = cold(protocol), cold(protocol, limit)
    for part in ("train", "valid"):
        for state in np.unique(whole.part(part).episodes["state"]):
            counts = [
                int((np.asarray(each.part(part).episodes["state"]) == state).sum())
                for each in (whole, some)
            ]
            assert counts[1] == min(limit, counts[0])
        assert len(some.part(part)) == len(whole.part(part))


def test_episodes_that_a_limit_leaves_are_whole_and_in_order(cold):
    whole, some = (cold("states", limit).part("valid").episodes for limit in (0, 3))
    rows = [tuple(row) for row in zip(*map(np.asarray, whole.values()), strict=True)]
    kept = [tuple(row) for row in zip(*map(np.asarray, some.values()), strict=True)]
    assert kept == [row for row in rows if row in kept]


@BOTH
def test_the_report_counts_queries_and_says_what_training_sees(cold, protocol):
    dataset = cold(protocol)
    leakage, part = dataset.manifest.leakage, dataset.open_test()
    assert leakage["known"] is True
    assert leakage["training"].startswith("training sees ")
    episodes = {name: np.asarray(column) for name, column in part.episodes.items()}
    spans = zip(episodes["query_start"], episodes["query_stop"], strict=True)
    asked = {row for start, stop in spans for row in range(start, stop)}
    assert 0 < leakage["test_before_train_end"] <= len(asked)
    assert leakage["share"] == pytest.approx(
        leakage["test_before_train_end"] / len(asked), abs=1e-6
    )


@BOTH
def test_characteristics_have_the_sizes_of_episodes_in_each_state(cold, protocol):
    dataset = cold(protocol)
    about = dataset.manifest.characteristics["parts"]
    for name in ("train", "valid"):
        part = dataset.part(name)
        columns = {key: np.asarray(column) for key, column in part.episodes.items()}
        for place, state in enumerate(dataset.schema.states):
            own = columns["state"] == place
            if not own.any():
                assert state not in about[name]["states"]
                continue
            support = (columns["support_stop"] - columns["support_start"])[own]
            found = about[name]["states"][state]
            assert found["episodes"] == own.sum()
            assert found["queries"] == (columns["query_stop"] - columns["query_start"])[own].sum()
            assert (found["support"]["0"], found["support"]["1"]) == (support.min(), support.max())
        real = protocol == "states"
        mean = about[name]["labels"]["rating"] if real else about[name]["label_rate"]
        assert mean == pytest.approx(np.asarray(part.labels, np.float64).mean(), abs=1e-6)


@BOTH
def test_a_prepared_folder_agrees_and_a_flipped_bit_in_episodes_is_found(cold, protocol, tmp_path):
    folder = shutil.copytree(cold(protocol).folder, tmp_path / "copy")
    assert verify_prepared(folder) == []
    assert {f"episodes/{part}.arrow" for part in PARTS} <= set(Manifest.load(folder).tables)
    path = folder / "episodes" / "valid.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert verify_prepared(folder) == ["episodes/valid.arrow"]


@BOTH
@pytest.mark.parametrize("part", PARTS)
def test_a_changed_episode_changes_the_fingerprint_of_its_part(cold, protocol, part, tmp_path):
    folder = shutil.copytree(cold(protocol).folder, tmp_path / "copy")
    path = folder / "episodes" / f"{part}.arrow"
    columns = read_table(path)
    changed = np.array(columns["query_stop"])
    changed[-1] -= 1
    write_table(folder / "other.arrow", {**columns, "query_stop": changed})
    (folder / "other.arrow").replace(path)
    content = json.loads((folder / "manifest.json").read_text())
    content["tables"][f"episodes/{part}.arrow"] = file_checksum(path)
    (folder / "manifest.json").write_text(json.dumps(content))
    assert verify_prepared(folder) == [part]


def test_data_without_episodes_of_some_state_are_refused(make_ratings):
    random = np.random.default_rng(0)
    user, item = np.repeat(np.arange(40), 30), np.tile(np.arange(30), 40)
    log = make_ratings(user, item, random.permutation(1200), [1990] * 30)
    expected = "the valid part has no episodes of new-items and new-both; the data have too few"
    with pytest.raises(DataError, match=expected):
        split_episodes(log, StatesProtocol(last=1997))
    with pytest.raises(DataError, match="the valid part has no episodes of cold"):
        split_episodes(log, PhasesProtocol(old=39, batch=5))
    with pytest.raises(DataError, match="the train part has no episodes of"):
        split_episodes(log, PhasesProtocol(old=50, batch=5))
