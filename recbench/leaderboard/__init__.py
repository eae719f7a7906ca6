"""Records to tables and comparisons that anyone can check, without torch or a model."""

from __future__ import annotations

from recbench.leaderboard.comparison import Comparison, compare
from recbench.leaderboard.group import Group
from recbench.leaderboard.loading import load_records
from recbench.leaderboard.page import differences, make_pages, write_pages
from recbench.leaderboard.render import STYLES, render
from recbench.leaderboard.site import publish
from recbench.leaderboard.table import Table, tables

__all__ = [
    "STYLES",
    "Comparison",
    "Group",
    "Table",
    "compare",
    "differences",
    "load_records",
    "make_pages",
    "publish",
    "render",
    "tables",
    "write_pages",
]
