"""The optimizer and the learning-rate schedule that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch.nn import Parameter

from recbench.training.config import TrainingConfig

Scheduler = torch.optim.lr_scheduler.LambdaLR


def make_optimizer(
    parameters: Iterable[Parameter], config: TrainingConfig
) -> torch.optim.Optimizer:
    """Return the optimizer of `config` over `parameters`, in its fused form."""
    rate, decay = config.learning_rate, config.weight_decay
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(
                parameters, rate, momentum=config.momentum, weight_decay=decay, fused=True
            )
        case "adagrad":
            return torch.optim.Adagrad(parameters, rate, weight_decay=decay)


def make_scheduler(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, steps_per_epoch: int
) -> Scheduler:
    """Return the schedule of `config`, stepped once a batch."""
    total = max(1, config.epochs * steps_per_epoch - config.warmup_steps)
    shapes: dict[str, Callable[[int], float]] = {
        "constant": lambda step: 1.0,
        "linear": lambda step: max(0.0, 1 - step / total),
        "cosine": lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / total))),
        "exponential": lambda step: config.decay ** (step / steps_per_epoch),
    }
    shape = shapes[config.schedule]

    def factor(step: int) -> float:
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        return shape(step - config.warmup_steps)

    return Scheduler(optimizer, factor)
