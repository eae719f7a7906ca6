"""MoE, which the paper calls OMoE: shared experts, and one gate for all labels.

Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
KDD 2018, section 4.1; after Jacobs et al., "Adaptive mixtures of local experts", 1991.
"""

from __future__ import annotations

from recbench_models.multitask.mmoe import MMoE


class MoE(MMoE):
    """y_k = h_k(sum_i g(x)_i f_i(x)) with g = softmax(W x): all labels see the same mixture."""

    own_gates = False
