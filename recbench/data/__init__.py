"""Data: from raw files to batches, a history stored once."""

from recbench.data.acquisition import download_files, obtain
from recbench.data.card import Card, Dataset
from recbench.data.config import DataConfig
from recbench.data.download import Download
from recbench.data.episodes import EpisodeLoader, open_loader
from recbench.data.loader import Loader
from recbench.data.manifest import Manifest
from recbench.data.preparation import Request, is_prepared, prepare, resolve
from recbench.data.prepared import Part, PreparedDataset
from recbench.data.raw import locate
from recbench.data.verify import verify_prepared

__all__ = [
    "Card",
    "DataConfig",
    "Dataset",
    "Download",
    "EpisodeLoader",
    "Loader",
    "Manifest",
    "Part",
    "PreparedDataset",
    "Request",
    "download_files",
    "is_prepared",
    "locate",
    "obtain",
    "open_loader",
    "prepare",
    "resolve",
    "verify_prepared",
]
