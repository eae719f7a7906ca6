"""Layers that two or more models share."""

from recbench.layers.attention import DINAttention
from recbench.layers.cross_entropy import item_cross_entropy
from recbench.layers.dice import Dice
from recbench.layers.embedding import FieldEmbeddings
from recbench.layers.interest import linear_interest
from recbench.layers.mlp import MLP, Activation
from recbench.layers.recurrent import AUGRU, GRU
from recbench.layers.regularisation import MiniBatchAwareL2, mini_batch_aware_l2
from recbench.layers.watch import watch
from recbench.layers.widen import widen

__all__ = [
    "AUGRU",
    "GRU",
    "MLP",
    "Activation",
    "DINAttention",
    "Dice",
    "FieldEmbeddings",
    "MiniBatchAwareL2",
    "item_cross_entropy",
    "linear_interest",
    "mini_batch_aware_l2",
    "watch",
    "widen",
]
