"""What users, items and events are called in the raw data."""

from __future__ import annotations

from typing import Any

from recbench.data import Loader
from recbench.data.columns import read_table
from recbench.schema import FIRST_ID


class Names:
    """Raw ids of what a part's examples are about.

    Args:
        loader: Reads the part.
    """

    def __init__(self, loader: Loader) -> None:
        self._part, self._dataset = loader.part, loader.dataset
        self._category = None
        if loader.dataset.schema.has_categories:
            table = read_table(loader.dataset.folder / "fields/category.arrow")
            self._category = table["value"]

    def example(self, row: int) -> dict[str, Any]:
        """Return the user of an example and, unless it is what is predicted, the target item."""
        about = {}
        if "user" in self._part.columns:
            about["user"] = self._raw("user", int(self._part.user[row]))
        if "item" in self._dataset.task.shown:
            about |= self._item(int(self._part.item[row]))
        return about

    def event(self, position: int) -> dict[str, Any]:
        """Return the item, and its category if it has one, of the event at `position` of the log.

        The category is None where the data do not tell it, or training has none like it.
        """
        return self._item(int(self._dataset.interactions["item"][position]))

    def _item(self, item: int) -> dict[str, Any]:
        about = {"item": self._raw("item", item)}
        if self._category is not None:
            place = int(self._dataset.items["category"][item]) - FIRST_ID
            about["category"] = _plain(self._category[place]) if place >= 0 else None
        return about

    def _raw(self, role: str, number: int) -> Any:
        table = self._dataset.users if role == "user" else self._dataset.items
        return _plain(table[role][number])


def _plain(value: Any) -> Any:
    """Return a NumPy or Arrow scalar as a number or text."""
    return value.as_py() if hasattr(value, "as_py") else value.item()
