import numpy as np
import pytest
import torch

from recbench.data import Part
from recbench.errors import UsageError
from recbench.explanation import explain_run
from recbench.explanation.kept import open_kept
from recbench.progress import SILENT


def test_gates_of_a_kept_model_are_those_that_it_computes_with(finished):
    kept = finished("ple")
    found = explain_run(kept.path, kept.folders, "valid", 60)
    assert found.examples == 60
    assert [use.name for use in found.gates] == ["gate1", "gate2"]
    assert [list(use.columns) for use in found.gates] == [["y1", "y2", "(shared)"], ["y1", "y2"]]
    model, loader = found.run.model, found.chosen.loader
    with torch.no_grad():
        weights = model.explain(loader.features(found.chosen.rows))
    for use in found.gates:
        assert use.experts == model.expert_names
        for column, own in use.columns.items():
            expected = weights[f"{use.name}/{column}"].double().mean(0)
            np.testing.assert_allclose(own.mean, expected, atol=1e-6)
            assert own.mean.sum() == pytest.approx(1)


@pytest.mark.parametrize("part", ["test", "valid"])
def test_attention_of_a_kept_model_covers_the_latest_and_the_found_events(finished, part):
    kept = finished("sim")
    found = explain_run(kept.path, kept.folders, part, 50)
    latest, chosen = found.events
    assert (latest.name, chosen.name) == ("attention", "found")
    assert latest.weight.shape[1] == 1
    assert chosen.weight.shape[1] == 2
    assert latest.distance.max() <= 20
    assert chosen.distance.max() > 5
    totals = np.bincount(np.unique(chosen.example, return_inverse=True)[1], chosen.weight[:, 0])
    np.testing.assert_allclose(totals, 1, atol=1e-5)
    assert chosen.alike.all()  # hard search finds the target's category and nothing else


def test_no_label_is_read(finished, monkeypatch):
    def targets(part):
        raise AssertionError("labels are read")

    kept = finished("din")
    monkeypatch.setattr(Part, "targets", property(targets))
    assert explain_run(kept.path, kept.folders, "test", 20).events


def test_the_test_part_stays_sealed_unless_it_is_asked_for(finished):
    kept = finished("din")
    explanation = explain_run(kept.path, kept.folders, "valid", 20)
    assert explanation.chosen.loader.part.name == "valid"
    with pytest.raises(RuntimeError, match="sealed"):
        explanation.run.dataset.require_open("test")
    opened = open_kept(kept.path, kept.folders, SILENT)
    with pytest.raises(RuntimeError, match="sealed"):
        opened.dataset.require_open("test")


def test_examples_are_spread_over_the_part(finished):
    kept = finished("din")
    rows = explain_run(kept.path, kept.folders, "test", 10).chosen.rows
    assert len(rows) == 10
    assert (rows[0], rows[-1]) == (0, 399)
    assert len(explain_run(kept.path, kept.folders, "test", 10**6).chosen.rows) == 400


def test_the_same_weights_whatever_the_batches_are(finished, monkeypatch):
    kept, found = finished("din"), []
    for batch in (7, 256):
        monkeypatch.setattr("recbench.explanation.examples.BATCH", batch)
        (events,) = explain_run(kept.path, kept.folders, "test", 30).events
        found.append(events)
    np.testing.assert_array_equal(found[0].position, found[1].position)
    np.testing.assert_allclose(found[0].weight, found[1].weight, atol=1e-5)


def test_weights_of_a_name_of_the_models_own_are_summed_up(finished, monkeypatch):
    kept = finished("din")
    kind = type(open_kept(kept.path, kept.folders, SILENT).model)
    monkeypatch.setattr(
        kind, "explain", lambda self, inputs: {"two": torch.full((len(inputs),), 2)}
    )
    found = explain_run(kept.path, kept.folders, "test", 30)
    assert found.others == {"two": (2.0, 0.0)}
    assert found.gates == found.events == ()
    monkeypatch.setattr(kind, "explain", lambda self, inputs: {})
    with pytest.raises(UsageError, match="din explains nothing with this configuration"):
        explain_run(kept.path, kept.folders, "test", 30)
