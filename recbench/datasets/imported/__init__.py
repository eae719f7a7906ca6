"""Datasets that a user imported: any file of rows, described by a card in TOML."""

from recbench.datasets.imported.dataset import Imported
from recbench.datasets.imported.importing import import_rows
from recbench.datasets.imported.survey import Survey
from recbench.datasets.imported.wanted import Wanted

__all__ = ["Imported", "Survey", "Wanted", "import_rows"]
