"""The generator of the MMoE paper's data: two regression tasks, as related as one likes.

Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
KDD 2018, section 3.2. With orthogonal unit vectors u1 and u2 it takes w1 = c u1 and
w2 = c (p u1 + sqrt(1 - p^2) u2), so that p is the cosine between the tasks' weights. Inputs are
normal, and y_k = w_k.x + sum_i sin(alpha_i w_k.x + beta_i) + noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
VERSION = 1
"""Raised when the same constants make other data."""


@dataclass(frozen=True)
class Generator:
    """The constants of a data set.

    Raises:
        ValueError: If the correlation is no cosine, or alpha and beta differ in number.
    """

    rows: int = 12_000  # examples
    correlation: float = 0.5  # p, the cosine between the weights of the tasks, from -1 to 1
    noise: float = 0.1  # standard deviation
    alpha: tuple[float, ...] = (1.0, 2.0)  # frequencies of the m sines
    beta: tuple[float, ...] = (0.0, 1.0)  # phases of the m sines
    length: float = 1.0  # c, the length of the weights
    dimensions: int = 100  # d, the number of inputs
    seed: int = 2718  # of everything random

    def __post_init__(self) -> None:
        """Refuse constants that define no data."""
        if not -1 <= self.correlation <= 1:
            raise ValueError(f"correlation: expected -1 to 1, got {self.correlation}")
        if len(self.alpha) != len(self.beta):
            raise ValueError(f"got {len(self.alpha)} alpha and {len(self.beta)} beta")

    def weights(self) -> Floats:
        """Return w1 and w2, [2, d]."""
        random = np.random.default_rng([self.seed, 0])
        basis, _ = np.linalg.qr(random.normal(size=(self.dimensions, 2)))
        p = self.correlation
        mixing = np.array([[1.0, 0.0], [p, np.sqrt(1 - p * p)]])
        weights: Floats = self.length * mixing @ basis.T
        return weights

    def draw(self) -> tuple[Floats, Floats]:
        """Return inputs, [rows, d], and labels, [rows, 2]."""
        random = np.random.default_rng([self.seed, 1])
        inputs = random.normal(size=(self.rows, self.dimensions))
        linear = inputs @ self.weights().T
        labels = linear + self.noise * random.normal(size=linear.shape)
        for alpha, beta in zip(self.alpha, self.beta, strict=True):
            labels += np.sin(alpha * linear + beta)
        return inputs, labels
