"""A raw file of text, taken apart into lines and rows, and put together again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RawFile:
    """A text file, and what its reader told `read_csv` of it; no columns if it did not use that."""

    data: bytes
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    delimiter: str = ","
    header: bool = False
    quote: str = ""
    encoding: str = "utf-8"

    @property
    def is_table(self) -> bool:
        """Whether its rows have several columns."""
        return len(self.columns) > 1

    @property
    def is_text(self) -> bool:
        """Whether it is no binary file, such as NumPy's."""
        return b"\0" not in self.data

    @property
    def text(self) -> str:
        return self.data.decode(self.encoding)

    @property
    def lines(self) -> list[str]:
        """The rows as text, each with its end; the header is not one of them."""
        return self.text.splitlines(keepends=True)[self.header :]

    @property
    def rows(self) -> list[list[str]]:
        lines = [line.rstrip("\n") for line in self.lines]
        if self.quote:
            return list(csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote))
        return [line.split(self.delimiter) for line in lines]

    def with_lines(self, lines: Sequence[str]) -> bytes:
        head = self.text.splitlines(keepends=True)[: self.header]
        return "".join([*head, *lines]).encode(self.encoding)

    def with_rows(self, rows: Sequence[Sequence[str]]) -> bytes:
        if not self.quote:
            return self.with_lines([self.delimiter.join(row) + "\n" for row in rows])
        file = io.StringIO()
        csv.writer(
            file, delimiter=self.delimiter, quotechar=self.quote, lineterminator="\n"
        ).writerows(rows)
        return self.with_lines(file.getvalue().splitlines(keepends=True))

    def places(self, *names: str) -> list[int]:
        """Return the columns of whole numbers whose names begin like this."""
        return [
            place
            for place, (column, kind) in enumerate(zip(self.columns, self.types, strict=True))
            if kind.endswith("INT") and column.startswith(names)
        ]
