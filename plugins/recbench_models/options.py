"""Options of models, and which values of them no model can use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

from recbench.errors import UsageError, unknown_name

AT_LEAST_1 = (
    "embedding_dim", "history_length", "top_k", "heads", "head_dim", "gsu_dim", "time_buckets",
    "hidden", "mlp", "attention_mlp", "tower", "expert", "bottom", "experts", "extraction_layers",
    "neighbours", "warm_up_passes", "meta_epochs", "meta_episodes",
)  # fmt: skip
AT_LEAST_0 = (
    "dropout", "mba_l2", "aux_weight", "gsu_weight", "esu_weight", "shared_experts", "own_experts",
    "loss_weights", "loss_decay", "local_steps", "local_learning_rate", "warm_up_rows",
    "warm_up_rate", "inner_rate", "meta_rate", "alpha", "bound", "prior", "regularisation",
    "max_norm", "weight_std", "embedding_std",
)  # fmt: skip
LEAST: Mapping[str, int] = dict.fromkeys(AT_LEAST_1, 1) | dict.fromkeys(AT_LEAST_0, 0)
MOST: Mapping[str, float] = {"dropout": math.nextafter(1, 0), "alpha": 1, "time_buckets": 62}


@dataclass(frozen=True)
class Options:
    """What a model's configuration is derived from, so that no value in it is useless."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for a value that is not among a field's choices or in its range.

        Choices are those of its type, where that is `Literal`; of several numbers each has to be in
        the range.
        """
        kinds = get_type_hints(type(self))
        for name in (field.name for field in fields(self)):
            value, kind = getattr(self, name), kinds[name]
            if get_origin(kind) is Literal and value not in get_args(kind):
                raise unknown_name(f"value of {type(self).__name__}.{name}", value, get_args(kind))
            for number in value if isinstance(value, tuple) else (value,):
                if name in LEAST and not number >= LEAST[name]:
                    raise UsageError(f"{name} is {value}; at least {LEAST[name]}")
                if name in MOST and not number <= MOST[name]:
                    limit = "below 1" if name == "dropout" else f"at most {MOST[name]}"
                    raise UsageError(f"{name} is {value}; {limit}")
