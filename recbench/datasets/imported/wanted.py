"""What a user asks of an import, and whether it goes together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from recbench.datasets.imported.description import Split
from recbench.datasets.imported.times import check_unit
from recbench.errors import UsageError, unknown_name
from recbench.plugins import discover

TASKS = ("ctr", "next-item", "multi-task")
ENCODINGS = ("utf-8", "utf-16", "latin-1")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOG_ONLY = ("user", "item", "time", "category", "behaviour", "label", "session")
TABLE_ONLY = ("labels", "numbers", "leave_out")
SHARE = 0.1
"""Size of the validation and of the test part where the user names none."""


@dataclass(frozen=True)
class Wanted:
    """A request to import a file.

    Attributes:
        path: The file of rows.
        name: What the dataset is to be called.
        command: The command that asks, to be kept.
        task: Its task; found out from the other choices if empty.
        columns: Column of each role of a log that is named: user, item, time, category, behaviour,
            label, session.
        users: A file about users.
        items: A file about items.
        positive: Values that are a click.
        missing: Texts that stand for no value.
        labels: Columns of a table's labels.
        numbers: Columns of a table that are numbers.
        leave_out: Columns of a table that are no inputs.
        time_unit: Unit or format of the times, or "auto".
        delimiter: What separates values; found out if empty.
        header: Whether the first line names the columns.
        encoding: Of text.
        valid: Share of the rows that is validation; None if not said.
        test: Share of the rows that is test; None if not said.
        valid_days: Days of the validation part; None if not said.
        test_days: Days of the test part; None if not said.
        utc_offset_hours: Time zone in which a day begins.
        time_range: First and last second that can be right; empty if any is.
        min_item_events: Items of fewer events are left out.
        min_user_events: Then users of fewer events.
        max_rejected: Share of rows that may be malformed.
    """

    path: Path
    name: str
    command: str
    task: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    users: Path | None = None
    items: Path | None = None
    positive: Sequence[str] = ()
    missing: Sequence[str] = ()
    labels: Sequence[str] = ()
    numbers: Sequence[str] = ()
    leave_out: Sequence[str] = ()
    time_unit: str = "auto"
    delimiter: str = ""
    header: bool = True
    encoding: str = "utf-8"
    valid: float | None = None
    test: float | None = None
    valid_days: float | None = None
    test_days: float | None = None
    utc_offset_hours: float = 0
    time_range: tuple[int, ...] = ()
    min_item_events: int = 0
    min_user_events: int = 0
    max_rejected: float = 1e-3

    def check(self) -> str:
        """Return the task.

        Raises:
            UsageError: If the name is taken or cannot be one, or choices do not go together.
        """
        if not NAME.fullmatch(self.name):
            raise UsageError(
                f"--name '{self.name}': begin with a letter or digit, and use only letters, "
                "digits, '.', '-' and '_', 64 at most"
            )
        known = {plugin.name.lower(): plugin.name for plugin in discover("dataset")}
        if taken := known.get(self.name.lower()):  # folders may not tell the two apart
            raise UsageError(f"there is a dataset '{taken}' already; give another --name")
        if self.encoding not in ENCODINGS:
            raise unknown_name("value of --encoding:", self.encoding, ENCODINGS)
        if self.time_unit != "auto":
            check_unit(self.time_unit)
        if not 0 <= self.max_rejected <= 1:
            raise UsageError(f"--max-rejected {self.max_rejected:g}: a share is from 0 to 1")
        task = self.task or self._task()
        if task not in TASKS:
            raise unknown_name("value of --task:", task, TASKS)
        (self._check_table if task == "multi-task" else self._check_log)(task)
        return task

    def split(self, task: str) -> Split:
        """Return how rows are split; `UsageError` if that cannot be."""
        in_days = [("--valid-days", self.valid_days), ("--test-days", self.test_days)]
        shares = [("--valid", self.valid), ("--test", self.test)]
        if not -12 <= self.utc_offset_hours <= 14:
            raise UsageError(f"--utc-offset {self.utc_offset_hours:g}: hours are from -12 to 14")
        if all(value is None for _, value in in_days):
            valid, test = (SHARE if value is None else value for _, value in shares)
            if not (valid > 0 and test > 0 and valid + test < 1):
                raise UsageError("--valid and --test are shares above 0, together less than 1")
            if self.utc_offset_hours:
                raise UsageError(
                    "--utc-offset says when a day begins; give --valid-days and --test-days"
                )
            return Split(valid, test, "share", 0)
        if any(value is not None for _, value in shares):
            raise UsageError("give the parts in days or as shares, not both")
        if lacking := [option for option, value in in_days if value is None]:
            raise UsageError(f"give {lacking[0]} too")
        if task == "multi-task":
            raise UsageError("rows of a table have no days; give --valid and --test")
        valid, test = (value or 0 for _, value in in_days)
        positive = valid > 0 and test > 0 and isfinite(valid + test)
        if not positive or (task == "ctr" and (valid % 1 or test % 1)):
            raise UsageError("--valid-days and --test-days are whole days, 1 or more")
        return Split(valid, test, "days", self.utc_offset_hours)

    def _task(self) -> str:
        if self.labels:
            return "multi-task"
        return "next-item" if "session" in self.columns else "ctr"

    def _check_log(self, task: str) -> None:
        key = "session" if "session" in self.columns and task == "next-item" else "user"
        self._refuse(task, [option for option in TABLE_ONLY if getattr(self, option)])
        if lacking := [role for role in (key, "item", "time") if role not in self.columns]:
            named = " and ".join(f"--{role} COLUMN" for role in lacking)
            also = (
                "; for rows without users, items and times give --labels" if task == "ctr" else ""
            )
            raise UsageError(f"a dataset for {task} needs {named}{also}")
        if {"user", "session"} <= self.columns.keys() and task == "next-item":
            raise UsageError("--session stands in place of --user; leave out one of them")
        alone = (key, "item", "time", "label")
        chosen = [(role, self.columns[role]) for role in alone if role in self.columns]
        for place, (role, column) in enumerate(chosen):
            if same := [other for other, name in chosen[:place] if name == column]:
                raise UsageError(f"--{same[0]} and --{role} name one column, '{column}'")
        if task == "next-item":
            used = [role for role in ("label",) if role in self.columns]
            self._refuse(task, [*used, *(["positive"] if self.positive else [])])
            self._refuse(task, ["users"] if self.users else [])
            self._refuse(task, ["utc-offset"] if self.utc_offset_hours else [])
        elif "session" in self.columns:
            self._refuse(task, ["session"])
        if self.positive and not {"behaviour", "label"} & self.columns.keys():
            raise UsageError("--positive names values of --behaviour or of --label; give one")

    def _check_table(self, task: str) -> None:
        self._refuse(task, [role for role in LOG_ONLY if role in self.columns])
        for option in ("users", "items", "positive", "min_item_events", "min_user_events"):
            self._refuse(task, [option] if getattr(self, option) else [])
        self._refuse(task, ["since"] if self.time_range else [])
        self._refuse(task, ["time-unit"] if self.time_unit != "auto" else [])
        self._refuse(task, ["utc-offset"] if self.utc_offset_hours else [])
        if not self.labels:
            raise UsageError("a dataset for multi-task needs --labels COLUMN,COLUMN")

    def _refuse(self, task: str, options: Sequence[str]) -> None:
        if options:
            option = options[0].replace("_", "-")
            raise UsageError(f"--{option} does nothing for {task}; leave it out, or give --task")
