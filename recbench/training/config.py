"""How a model is trained: everything that may change the result, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recbench.errors import UsageError


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training loop, the same for every model unless changed."""

    epochs: int = 4  # passes over the training part, at most
    batch_size: int = 256  # examples a step
    optimizer: Literal["adam", "adamw", "sgd", "adagrad"] = "adam"  # fused where torch has it
    learning_rate: float = 5e-3  # at the start, after warm-up
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "constant"  # of the rate
    decay: float = 0.5  # factor an epoch, for the exponential schedule
    warmup_steps: int = 0  # steps over which the rate rises from zero
    weight_decay: float = 0.0  # L2 penalty of the optimizer
    momentum: float = 0.0  # of sgd
    gradient_clip: float = 0.0  # largest global gradient norm; 0 for no clipping
    patience: int = 1  # epochs in a row that may bring no better validation score
    monitor: str = ""  # validation metric that selects; the task's primary one if empty
    precision: Literal["float32", "bfloat16", "float16"] = "float32"  # the others by autocast
    evaluation_batch_size: int = 4096  # examples a step when predicting

    def __post_init__(self) -> None:
        """Refuse values that no training can use."""
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("evaluation_batch_size", 1),
            ("patience", 0),
            ("warmup_steps", 0),
            ("decay", 0),
            ("weight_decay", 0),
            ("momentum", 0),
            ("gradient_clip", 0),
        ):
            if getattr(self, name) < least:
                raise UsageError(f"training.{name} is {getattr(self, name)}; at least {least}")
        if self.learning_rate <= 0:
            raise UsageError(f"training.learning_rate is {self.learning_rate}; above 0")
