"""Scores by state, and what terminal, JSON and picture make of all findings."""

import json
import math
from dataclasses import replace

import pytest

from recbench.errors import UsageError
from recbench.explanation import Findings, compare_states, draw, explain_records, explain_run
from recbench.explanation.picture import require_drawing
from recbench.explanation.plain import explanation_plain, states_plain
from recbench.explanation.text import explanation_sections, state_sections
from recbench.record import RunRecord

STATES = ("cold", "warm-a", "warm-b")


@pytest.fixture
def make_cold(finished):
    """Return a function that makes the record of a cold-start run."""
    base = RunRecord.load(finished("din").path)

    def make(model, level, seed=1, **changes):
        own = {f"auc/{state}": level + 0.01 * n for n, state in enumerate(STATES)}
        own |= {
            f"logloss/{state}": 1 - value for state, value in zip(STATES, own.values(), strict=True)
        }
        scores = {"auc": level, "logloss": 1 - level, **dict(sorted(own.items(), reverse=True))}
        return replace(
            base,
            task="cold-start",
            seed=seed,
            model=replace(base.model, name=model),
            scores=scores,
            metric_versions=dict.fromkeys(scores, 1),
            **changes,
        )

    return make


def test_scores_by_state_are_compared_across_models_and_averaged_over_seeds(make_cold):
    found = compare_states([make_cold("a", 0.6), make_cold("a", 0.62, 2), make_cold("b", 0.7)])
    assert set(found.states) == set(STATES)
    assert [metric.name for metric in found.metrics] == ["auc", "logloss"]
    assert [(curve.model, curve.seeds) for curve in found.curves] == [("b", 1), ("a", 2)]
    best, other = found.curves
    assert best.mean["auc", "warm-b"] == pytest.approx(0.72)
    assert math.isnan(best.deviation["auc", "cold"])
    assert other.mean["logloss", "cold"] == pytest.approx(0.39)
    assert other.deviation["auc", "cold"] == pytest.approx(0.01414, abs=1e-5)


def test_states_stand_in_the_order_of_the_protocol(make_cold, monkeypatch):
    order = list(reversed(STATES))
    monkeypatch.setattr("recbench.explanation.states._order", lambda group: order)
    assert compare_states([make_cold("a", 0.6)]).states == tuple(order)


def test_runs_of_other_data_are_not_compared(make_cold):
    one = make_cold("a", 0.6)
    other = replace(one, dataset=replace(one.dataset, limit=7))
    with pytest.raises(UsageError, match="these records cannot be compared: they differ in data"):
        compare_states([one, other])


def test_a_record_given_twice_is_no_second_seed(make_cold, tmp_path, finished):
    path = make_cold("a", 0.6).save(tmp_path, {})
    again = path.parent / ".." / path.parent.name / path.name
    with pytest.raises(UsageError, match="the same record is given twice"):
        explain_records([path, again], finished("din").folders, "test", 10)


def test_cold_start_needs_no_kept_model(make_cold, tmp_path, finished):
    record = make_cold("a", 0.6, config_hash="f" * 64)
    path = record.save(tmp_path, {})
    found = explain_records([path], finished("din").folders, "test", 10)
    assert found.explanations == ()
    assert found.states.curves[0].mean["auc", "cold"] == 0.6


def shown(sections):
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    for title, table in sections:
        console = Console(file=text, width=200, markup=False)
        console.print(title)
        if table is not None:
            console.print(table)
    return text.getvalue()


def test_a_terminal_shows_states_side_by_side(make_cold):
    text = shown(state_sections(compare_states([make_cold("a", 0.6), make_cold("b", 0.7)])))
    assert "SIMULATED" in text
    assert "auc ↑" in text
    assert "logloss ↓" in text
    row = next(line for line in text.splitlines() if line.startswith("b "))
    assert row.split()[:4] == ["b", "1", "0.7000", "±"]


def test_a_terminal_shows_gates_as_bars(finished):
    kept = finished("ple")
    text = shown(explanation_sections(explain_run(kept.path, kept.folders, "test", 100)))
    assert (
        "ple, seed 1 · mmoe-synthetic v1 · shares · SIMULATED data · 100 examples of test" in text
    )
    assert "gate1: mean weight of each expert" in text
    row = next(line for line in text.splitlines() if line.startswith("y1 1"))
    assert "█" in row or "▏" in row or "▎" in row
    assert row.split()[-1] != "—"  # the shared gate reaches it
    assert "—" in row  # and the gate of y2 does not
    assert "entropy" in text


def test_a_terminal_shows_attention_by_distance_and_three_histories(finished):
    kept = finished("sim")
    text = shown(explanation_sections(explain_run(kept.path, kept.folders, "test", 50)))
    assert "attention over the latest events: mean weight by distance from the end" in text
    assert "attention over the events found in the whole history" in text
    assert "mean 2" in text
    assert text.count("· target ") == 6
    assert "target's category" in text
    assert "other categories" in text


def test_json_has_raw_ids_that_the_data_have(finished):
    kept = finished("din")
    explanation = explain_run(kept.path, kept.folders, "test", 50)
    plain = json.loads(json.dumps(explanation_plain(explanation), allow_nan=False))
    (history, *_) = plain["events"]["attention"]["histories"]
    dataset = explanation.run.dataset
    assert history["example"]["user"] in dataset.users["user"].to_pylist()
    assert {event["item"] for event in history["events"]} <= set(dataset.items["item"].tolist())
    distances = [event["distance"] for event in history["events"]]
    assert distances == sorted(distances)
    by_distance = plain["events"]["attention"]["by_distance"]
    assert [place["distance"] for place in by_distance] == list(range(1, 21))


def test_json_of_states(make_cold):
    plain = json.loads(
        json.dumps(states_plain(compare_states([make_cold("a", 0.6)])), allow_nan=False)
    )
    assert plain["models"][0]["mean"]["auc/cold"] == 0.6
    assert plain["models"][0]["deviation"]["auc/cold"] is None


def test_a_picture_has_a_panel_for_each_finding_and_is_the_same_each_time(
    finished, make_cold, tmp_path
):
    pytest.importorskip("matplotlib")
    explanations = [
        explain_run(kept.path, kept.folders, "test", 50) for kept in map(finished, ("ple", "sim"))
    ]
    findings = Findings(tuple(explanations), compare_states([make_cold("a", 0.6)]))
    paths = [tmp_path / "deep" / name for name in ("a.svg", "b.svg")]
    for path in paths:
        draw(findings, path)
    text = paths[0].read_text()
    assert text == paths[1].read_text()
    for title in ("gate1", "gate2", "latest events", "events found", "auc (higher is better)"):
        assert title in text
    assert text.count('id="axes_') == 6
    draw(findings, tmp_path / "c.png")
    assert (tmp_path / "c.png").stat().st_size > 10_000


def test_a_picture_of_another_kind_or_without_matplotlib_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"must end in \.svg, \.png, \.pdf"):
        require_drawing(tmp_path / "x.gif")
    monkeypatch.setattr("recbench.explanation.picture.find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"drawing needs matplotlib: pip install 'recbench\[plot\]'"
    ):
        require_drawing(tmp_path / "x.svg")
