"""The generator of the MMoE paper (property g of the multi-task family), and its data set."""

from dataclasses import replace

import numpy as np
import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig, prepare
from recbench.datasets.mmoe_synthetic import SIZES, MMoESynthetic
from recbench.datasets.simulation.mmoe_generator import Generator
from recbench.errors import UsageError
from recbench.pipeline import check


def pearson(labels):
    return np.corrcoef(labels.T)[0, 1]


@pytest.mark.parametrize("p", [-1.0, -0.3, 0.0, 0.5, 1.0])
def test_g_weights_have_length_c_and_cosine_p(p):
    first, second = Generator(correlation=p, length=0.3).weights()
    assert np.linalg.norm(first) == pytest.approx(0.3, abs=1e-6)
    assert np.linalg.norm(second) == pytest.approx(0.3, abs=1e-6)
    assert first @ second / 0.09 == pytest.approx(p, abs=1e-6)


def test_g_without_sines_and_noise_labels_correlate_by_p():
    linear = Generator(rows=100_000, noise=0.0, alpha=(), beta=(), dimensions=10)
    for p in (0.0, 0.5, 0.9):
        _, labels = replace(linear, correlation=p).draw()
        assert pearson(labels) == pytest.approx(p, abs=0.01)


def test_g_tasks_of_correlation_one_are_one_task():
    _, labels = Generator(correlation=1.0, noise=0.0).draw()
    np.testing.assert_allclose(labels[:, 0], labels[:, 1], atol=1e-9)


def test_g_labels_correlate_the_more_the_larger_p_is():
    found = [pearson(Generator(correlation=p).draw()[1]) for p in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert (np.diff(found) > 0).all()
    assert found[0] == pytest.approx(0, abs=0.05)


def test_noise_and_seed_are_what_they_say():
    quiet, loud = Generator(noise=0.0).draw(), Generator(noise=0.1).draw()
    np.testing.assert_array_equal(quiet[0], loud[0])
    assert (loud[1] - quiet[1]).std() == pytest.approx(0.1, rel=0.02)
    assert (Generator(seed=1).draw()[0] != quiet[0]).any()


@pytest.mark.parametrize(("name", "value"), [("correlation", 1.1), ("alpha", (1.0,))])
def test_constants_that_define_no_data_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Generator(**{name: value})


def test_it_is_prepared_without_files_and_never_real(folders):
    dataset = prepare(MMoESynthetic(), DataConfig("mmoe-synthetic", size="tiny"), folders)
    assert dataset.manifest.counts == {"rows": 1000, "train": 800, "valid": 100, "test": 100}
    assert dataset.manifest.source == "simulated"
    assert dataset.schema.labels == ("y1", "y2")
    assert [field.size for field in dataset.schema.of("label")] == [0, 0]
    assert len(dataset.schema.numbers) == 100
    inputs, labels = SIZES["tiny"].draw()
    train = dataset.part("train")
    rows = train.columns["row"]
    np.testing.assert_array_equal(train.columns["x7"], inputs[rows, 7].astype(np.float32))
    np.testing.assert_array_equal(train.columns["y2"], labels[rows, 1].astype(np.float32))
    with pytest.raises(UsageError, match="mmoe-synthetic is always simulated"):
        prepare(MMoESynthetic(), DataConfig("mmoe-synthetic", source="real"), folders)


def test_a_monitor_may_name_the_score_of_one_label(folders):
    def config(monitor):
        data = DataConfig("mmoe-synthetic", size="tiny")
        return RunConfig("mmoe", data, training={"monitor": monitor}, device="cpu")

    assert check(config("mse/y2"), folders)[0].training["monitor"] == "mse/y2"
    with pytest.raises(UsageError, match=r"training\.monitor: 'mse/y3'; did you mean mse/y"):
        check(config("mse/y3"), folders)
