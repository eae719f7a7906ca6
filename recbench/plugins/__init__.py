"""Plugins: what models and datasets there are, which of them are asked for, and their classes."""

from recbench.plugins.discovery import (
    CARD,
    choosing,
    clash,
    discover,
    find,
    imported,
    unpublished,
)
from recbench.plugins.loading import load_dataset, load_model, other_api
from recbench.plugins.package_hash import package_hash
from recbench.plugins.plugin import KINDS, Kind, Plugin, source_hash

__all__ = [
    "CARD",
    "KINDS",
    "Kind",
    "Plugin",
    "choosing",
    "clash",
    "discover",
    "find",
    "imported",
    "load_dataset",
    "load_model",
    "other_api",
    "package_hash",
    "source_hash",
    "unpublished",
]
