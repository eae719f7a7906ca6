"""Records to tables anyone can check; reads records only, without torch or a model."""

from __future__ import annotations

from recbench.leaderboard.loading import load_records
from recbench.leaderboard.render import STYLES, render
from recbench.leaderboard.table import Group, Table, tables

__all__ = ["STYLES", "Group", "Table", "load_records", "render", "tables"]
