from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from recbench.errors import RecbenchError
from recbench.scored import load_predictions, rescored, score_run, unit_of


@dataclasses.dataclass
class Model:
    name: str = "din"


@dataclasses.dataclass
class Record:
    """What scoring reads of a record."""

    scores: dict[str, float]
    model: Model = dataclasses.field(default_factory=Model)
    seed: int = 1


def clicks(rows: int = 90):
    random = np.random.default_rng(0)
    return {
        "user": np.repeat(np.arange(rows // 3), 3),
        "item": random.integers(0, 20, rows),
        "label": random.integers(0, 2, rows).astype(np.int8),
        "prediction": random.normal(size=rows).astype(np.float32),
    }


def test_click_predictions_are_scored_by_user():
    record, rows = Record({"auc": 0.0, "gauc": 0.0, "logloss": 0.0}), clicks()
    run, again = score_run(record, rows), rescored(record, rows)
    assert run.units == 30
    assert {name: each.value for name, each in run.contributions.items()} == pytest.approx(again)


def test_labels_are_scored_apart_over_the_rows_that_have_them():
    random = np.random.default_rng(1)
    income = np.where(np.arange(80) % 4, random.integers(0, 2, 80), np.nan)
    rows = {
        "row": np.arange(80),
        "label/income": income,
        "label/married": random.integers(0, 2, 80),
    }
    rows |= {f"prediction/{name}": random.normal(size=80) for name in ("income", "married")}
    names = ("auc", "logloss", "auc/income", "auc/married", "logloss/income", "logloss/married")
    found = score_run(Record(dict.fromkeys(names, 0.0)), rows)
    again = rescored(found.record, rows)
    assert found.units == 80
    assert {name: each.value for name, each in found.contributions.items()} == pytest.approx(again)
    assert again["auc"] == pytest.approx((again["auc/income"] + again["auc/married"]) / 2)
    present = ~np.isnan(income)
    only = {name: column[present] for name, column in rows.items()}
    assert rescored(Record({"auc/income": 0.0}), only)["auc/income"] == again["auc/income"]


def test_states_are_scored_apart_and_a_mean_is_that_of_their_scores():
    rows = clicks() | {"state": np.array(["warm", "new"])[np.arange(90) // 3 % 2]}
    rows["episode"] = rows["user"]
    names = ("mae", "ndcg@1", "mae/warm", "mae/new", "ndcg@1/warm", "ndcg@1/new")
    found = score_run(Record(dict.fromkeys(names, 0.0)), rows)
    again = rescored(found.record, rows)
    assert {name: each.value for name, each in found.contributions.items()} == pytest.approx(again)
    assert again["mae"] == pytest.approx((again["mae/warm"] + again["mae/new"]) / 2)


def test_the_mean_over_states_moves_with_its_users():
    """Leaving a user out by drawing the others moves the mean as its states' scores move."""
    rows = clicks(900) | {"state": np.array(["warm", "new"])[np.arange(900) // 3 % 2]}
    rows["episode"] = rows["user"]
    record = Record({"mae": 0.0, "mae/warm": 0.0, "mae/new": 0.0})
    found = score_run(record, rows).contributions
    times = np.random.default_rng(0).multinomial(300, np.full(300, 1 / 300))
    drawn = {name: (times @ each.gain) / (times @ each.weight) for name, each in found.items()}
    exact = (drawn["mae/warm"] + drawn["mae/new"]) / 2
    assert drawn["mae"] == pytest.approx(exact, abs=2e-3)


@pytest.mark.parametrize(("sizes", "effective"), [((200, 1), 1), ((95, 41, 24, 12), 38)])
def test_the_mean_over_states_rests_on_few_units_where_a_small_state_moves_it_most(
    sizes, effective
):
    """By hand: (1 + 1/200)^2 / (1 + 1/200^3), and likewise for four."""
    rows, states = clicks(3 * sum(sizes)), [f"state{place}" for place in range(len(sizes))]
    rows["state"] = np.repeat(states, 3 * np.array(sizes))
    names = ("mae", *(f"mae/{state}" for state in states))
    found = score_run(Record(dict.fromkeys(names, 0.0)), rows).contributions
    assert [found[name].effective for name in names] == [effective, *sizes]


@pytest.mark.parametrize(
    ("episode", "units"),
    [
        ("user", 30),  # an episode is a user's: users
        ("item", 20),  # or an item's: items
        ("third", 20),  # or neither's, as a phase is one of many users and new items: items
    ],
)
def test_units_are_what_an_episode_is_about(episode, units):
    rows = clicks()
    rows["item"] = np.arange(90) % 20
    rows |= {"third": np.arange(90) % 3}
    assert unit_of(rows | {"episode": rows[episode]})[1] == units


def test_a_missing_column_is_named():
    rows = clicks()
    del rows["prediction"]
    for way in (rescored, score_run):
        with pytest.raises(RecbenchError, match="din, seed 1, have no column 'prediction'"):
            way(Record({"auc": 0.5}), rows)
    with pytest.raises(RecbenchError, match="hold nothing of 'income'"):
        rescored(Record({"auc/income": 0.5}), clicks())


@pytest.mark.parametrize(
    ("name", "column", "why"),
    [
        ("prediction", np.full(90, np.nan), "prediction: expected finite numbers"),
        ("prediction", np.full(90, "0.5"), "prediction: expected finite numbers"),
        ("label", np.full(90, "yes"), "label: expected finite numbers"),
        ("rank", np.zeros(90), "ranks: expected numbers of at least 1"),
        ("rank", np.full(90, np.nan), "rank: expected finite numbers"),
    ],
)
def test_columns_that_cannot_be_scored_are_named(name, column, why):
    record = Record({"mrr@20" if name == "rank" else "mae": 0.5})
    for way in (rescored, score_run):
        with pytest.raises(RecbenchError, match=f"din, seed 1, cannot be scored .{why}"):
            way(record, clicks() | {name: column})


def test_predictions_of_a_label_that_are_missing_are_an_error():
    rows = {"row": np.arange(4), "label/a": np.ones(4), "label/b": np.ones(4)}
    rows["prediction/a"] = np.zeros(4)
    for way in (rescored, score_run):
        with pytest.raises(RecbenchError, match="have no column 'prediction', which mse"):
            way(Record({"mse/b": 0.5}), rows)


def test_missing_or_damaged_predictions_are_an_error_that_names_them(tmp_path):
    with pytest.raises(RecbenchError, match=r"r\.predictions\.arrow cannot be read"):
        load_predictions(tmp_path / "r.json")
    with pa.ipc.new_file(tmp_path / "r.predictions.arrow", pa.schema([])):
        pass
    with pytest.raises(RecbenchError, match="they have no columns"):
        load_predictions(tmp_path / "r.json")
    (tmp_path / "r.predictions.arrow").write_bytes(b"ARROW1 and nothing more")
    with pytest.raises(RecbenchError, match=r"r\.predictions\.arrow cannot be read"):
        load_predictions(tmp_path / "r.json")
