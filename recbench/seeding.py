"""The seed of a run."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed every source of randomness a model may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
