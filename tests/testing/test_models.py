"""Every model of this distribution passes every check, in each of its named variants."""

from __future__ import annotations

from typing import Any

from recbench.plugins import discover, load_model
from recbench.testing import parametrize_with_checks

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "din-base": [
        {"pooling": "sum"},
        {"activation": "dice", "dropout": 0.1, "use_user_id": True},
    ],
    "din": [
        {"att_normalize": "softmax"},
        {"att_scaled": True, "attention_activation": "sigmoid"},
        {"attention_activation": "dice", "activation": "dice"},
        {"mba_l2": 0.01},
    ],
    "dien": [
        {"evolution": "agru", "aux_reduction": "padded_mean", "activation": "dice"},
        {"evolution": "aigru"},
        {"augru_variant": "reference", "aux_reduction": "sum"},
        {"attention": "mlp", "aux_score": "mlp"},
    ],
    "sim": [{"search": "hard", "use_user_id": True, "activation": "dice"}],
    "gru4rec": [{"shared_items": True, "dropout": 0.1}],
    "stmp": [{"stamp_variant": "reference"}],
    "stamp": [{"stamp_variant": "reference"}],
    "melu": [
        {"local_steps": 0},
        {"local_steps": 5, "local_learning_rate": 0.1},
        {"local_learning_rate": 0.1, "first_order": True, "hidden": (16,)},
    ],
    "single-task": [{"bottom": (16, 8), "dropout": 0.1, "loss_weights": (1.0, 2.0, 0.5)}],
    "shared-bottom": [{"bottom": (16, 8), "tower": (), "dropout": 0.1}],
    "moe": [{"gate_bias": True, "expert": (16, 8), "dropout": 0.1}],
    "mmoe": [{"gate_bias": True, "expert": (16, 8), "loss_weights": (1.0, 2.0, 0.5)}],
    "ple": [
        {"extraction_layers": 1, "gate_bias": True, "dropout": 0.1},
        {"extraction_layers": 3, "loss_decay": (1.0, 0.9, 0.99)},
        {"own_experts": 0},
        {"shared_experts": 0},
    ],
    "random-embedding": [
        {"backbone": "logistic-regression", "backbone_config": {}, "warm_up_optimizer": "sgd"},
        {"backbone": "din", "warm_up_passes": 2},
        {"backbone": "sim", "backbone_config": {"activation": "dice"}, "warm_up_rows": 3},
    ],
    "meta-embedding": [
        {"meta_variant": "reference", "backbone": "dien", "inner_rate": 0.1},
        {"backbone": "din", "alpha": 0.5},
    ],
    "mwuf": [
        {"backbone": "logistic-regression", "backbone_config": {}},
        {"backbone": "din", "backbone_config": {"activation": "dice", "dropout": 0.1}},
    ],
}


def forms() -> list[Any]:
    found = []
    for plugin in discover("model"):
        if plugin.distribution == "recbench":
            model = load_model(plugin)
            found.append(model)
            found += [(model, model.Config(**each)) for each in VARIANTS.get(plugin.name, [])]
    return found


@parametrize_with_checks(forms())
def test_conforms(check):
    check()


def test_the_variants_are_of_registered_models():
    assert set(VARIANTS) <= {plugin.name for plugin in discover("model")}
