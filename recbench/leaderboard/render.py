"""Tables as text for a terminal, Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from textwrap import fill
from types import MappingProxyType

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from recbench.errors import unknown_name
from recbench.leaderboard.cells import Cell, Column, blocks, notes
from recbench.leaderboard.table import Table

_UNLIMITED = 10_000
_WIDTH = 120
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "|": r"$|$",
        "±": r"$\pm$",
        "−": "$-$",
        "—": "---",
        "·": r"$\cdot$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "†": r"$^\dagger$",
    }
)
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\|*_<>[]`~&$"})


def render(tables: Sequence[Table], style: str) -> str:
    """Return `tables` as text, ready to print.

    Args:
        tables: What to show, in this order.
        style: A name in `STYLES`: table (for the terminal, or plain where the output is none), md,
            csv (one row per model, configuration and table; full precision) or latex (booktabs).

    Raises:
        UsageError: If `style` is unknown.
    """
    if style not in STYLES:
        raise unknown_name("format", style, STYLES)
    return STYLES[style](tables)


def to_terminal(tables: Sequence[Table], console: Console | None = None) -> str:
    """Return tables as wide as `console` allows; without one, as standard output does."""
    console = console or _standard_output()
    with console.capture() as captured:
        for index, table in enumerate(tables):
            if index:
                console.print()
            group = table.group
            comparable = group.source == "real" and group.limit is None
            comparable = comparable and not (group.caution or group.stale)
            layouts, left_out = _fitting(table, console)
            console.print(
                table.group.title, style="bold" if comparable else "bold yellow", markup=False
            )
            for place, layout in enumerate(layouts):
                if place:
                    console.print()
                console.print(layout)
            for line in (table.group.caption, *notes(table), *left_out):
                console.print(line, style="dim", markup=False)
    return captured.get()


def to_markdown(tables: Sequence[Table]) -> str:
    """Return tables in GitHub's Markdown, aligned in source as well."""
    return "\n".join(map(_markdown, tables))


def to_csv(tables: Sequence[Table]) -> str:
    """Return all tables as one CSV; every row says which table it is from."""
    parts = []
    for table in tables:
        group = asdict(table.group) | {"attainable_auc": table.attainable_auc}
        versions = group.pop("metric_versions")
        group["metric_versions"] = " ".join(f"{name}:{version}" for name, version in versions)
        front = pd.DataFrame([group] * len(table.rows), dtype=object)
        parts.append(pd.concat([front, table.rows.astype(object)], axis=1))
    if not parts:
        return ""
    return pd.concat(parts, ignore_index=True).to_csv(index=False, lineterminator="\n")


def to_latex(tables: Sequence[Table]) -> str:
    """Return tables as LaTeX floats; they need the package booktabs."""
    return "\n".join(map(_latex, tables))


STYLES: Mapping[str, Callable[[Sequence[Table]], str]] = MappingProxyType(
    {"table": to_terminal, "md": to_markdown, "csv": to_csv, "latex": to_latex}
)
"""Every format by name."""


def _standard_output() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    return console


def _fitting(table: Table, console: Console) -> tuple[list[RichTable], list[str]]:
    """Return the fullest layout of each block that fits, and a note of what they leave out.

    Fullest first: one line a row, then details on a second line, then that without costs.
    """
    shown = blocks(table)
    unlimited = console.options.update(max_width=_UNLIMITED)
    for join in (" ", "\n"):
        layouts = [_rich(block, join) for block in shown]
        widths = [console.measure(each, options=unlimited).maximum for each in layouts]
        if max(widths) <= console.width:
            return layouts, []
    costs = ", ".join(column.header for block in shown for column in block if column.cost)
    layouts = [_rich([column for column in block if not column.cost], "\n") for block in shown]
    return layouts, [f"left out, for want of width: {costs}"]


def _rich(shown: Sequence[Column], join: str) -> RichTable:
    layout = RichTable(
        box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold"
    )
    for column in shown:
        layout.add_column(
            escape(column.header),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric,
            overflow="ellipsis" if column.numeric else "fold",
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        layout.add_row(*(_rich_cell(cell, join) for cell in row))
    return layout


def _rich_cell(cell: Cell, join: str) -> str:
    text = f"[bold green]{escape(cell.text)}[/]" if cell.best else escape(cell.text)
    return f"{text}{join}[dim]{escape(cell.detail)}[/]" if cell.detail else text


def _markdown(table: Table) -> str:
    grids = "\n".join(map(_markdown_grid, blocks(table)))
    below = "".join(
        f"\n{fill(line.translate(_MARKDOWN), _WIDTH, break_on_hyphens=False)}\n"
        for line in (table.group.caption, *notes(table))
    )
    title = table.group.title.translate(_MARKDOWN)
    return f"### {title}\n\n" + grids + below


def _markdown_grid(shown: Sequence[Column]) -> str:
    grid = [
        [column.header.translate(_MARKDOWN), *map(_markdown_cell, column.cells)] for column in shown
    ]
    widths = [max(map(cell_len, texts)) for texts in grid]
    lines = [
        "| " + " | ".join(map(_padded, row, widths, shown)) + " |"
        for row in zip(*grid, strict=True)
    ]
    rule = (
        "-" * (width + 1) + (":" if column.numeric else "-")
        for width, column in zip(widths, shown, strict=True)
    )
    lines.insert(1, "|" + "|".join(rule) + "|")
    return "\n".join(lines) + "\n"


def _markdown_cell(cell: Cell) -> str:
    text, detail = cell.text.translate(_MARKDOWN), cell.detail.translate(_MARKDOWN)
    return f"**{text}** {detail}".rstrip() if cell.best else f"{text} {detail}".rstrip()


def _padded(text: str, width: int, column: Column) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if column.numeric else text + blank


def _latex(table: Table) -> str:
    below = [rf"\par\smallskip\footnotesize {line.translate(_LATEX)}" for line in notes(table)]
    caption = f"{table.group.title}. {table.group.caption}"
    grids = "\n\\par\\medskip\n".join(map(_latex_grid, blocks(table)))
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption.translate(_LATEX)}}}",
        grids,
        *below,
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_grid(shown: Sequence[Column]) -> str:
    alignment = "".join("r" if column.numeric else "l" for column in shown)
    header = " & ".join(column.header.translate(_LATEX) for column in shown)
    rows = [
        " & ".join(map(_latex_cell, row))
        for row in zip(*(column.cells for column in shown), strict=True)
    ]
    lines = [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        rf"{header} \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _latex_cell(cell: Cell) -> str:
    text, detail = cell.text.translate(_LATEX), cell.detail.translate(_LATEX)
    return rf"\textbf{{{text}}} {detail}".rstrip() if cell.best else f"{text} {detail}".rstrip()
