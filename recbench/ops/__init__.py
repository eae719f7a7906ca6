"""Operators on the hot path of models: each a function of tensors, defined by pure PyTorch."""

from recbench.ops.augru import augru
from recbench.ops.category_index import category_index
from recbench.ops.din_attention import din_attention
from recbench.ops.sim_search_hard import sim_search_hard
from recbench.ops.sim_search_soft import sim_search_soft

__all__ = ["augru", "category_index", "din_attention", "sim_search_hard", "sim_search_soft"]
