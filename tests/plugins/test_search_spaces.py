import pytest

from recbench import COMMON_SPACE
from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.plugins import discover, load_model
from recbench.tuning.tune import space_of

BUILT_IN = [plugin for plugin in discover("model") if plugin.distribution == "recbench"]


@pytest.mark.parametrize("plugin", BUILT_IN, ids=lambda plugin: plugin.name)
def test_what_a_model_declares_fits_its_settings(plugin):
    kind = load_model(plugin)
    assert space_of(kind, RunConfig(plugin.name, DataConfig("any"))) == kind.search_space


def test_models_that_are_not_trained_by_gradients_vary_no_training():
    for plugin in BUILT_IN:
        if plugin.name in ("popularity", "item-popularity", "markov", "item-knn"):
            assert not load_model(plugin).search_space.keys() & COMMON_SPACE.keys()
