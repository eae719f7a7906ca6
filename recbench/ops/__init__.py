"""Operators on the hot path of models: each a function of tensors, defined by pure PyTorch."""

from recbench.ops.augru import OP as _AUGRU
from recbench.ops.augru import augru
from recbench.ops.category_index import OP as _CATEGORY_INDEX
from recbench.ops.category_index import category_index
from recbench.ops.din_attention import OP as _DIN_ATTENTION
from recbench.ops.din_attention import din_attention
from recbench.ops.dispatch import Operator, backend
from recbench.ops.sim_search_hard import OP as _SIM_SEARCH_HARD
from recbench.ops.sim_search_hard import sim_search_hard
from recbench.ops.sim_search_soft import OP as _SIM_SEARCH_SOFT
from recbench.ops.sim_search_soft import sim_search_soft

__all__ = [
    "OPERATORS",
    "Operator",
    "augru",
    "backend",
    "category_index",
    "din_attention",
    "sim_search_hard",
    "sim_search_soft",
]

OPERATORS = (_DIN_ATTENTION, _AUGRU, _SIM_SEARCH_SOFT, _SIM_SEARCH_HARD, _CATEGORY_INDEX)
"""Every operator, with its reference and what it is tried on."""
