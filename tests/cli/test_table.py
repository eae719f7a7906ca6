import io
import sys

import pytest
from rich.cells import cell_len
from rich.table import Table

from recbench.cli.table import fits, print_table

LONG = "word " * 5000 + "end"
CELLS = ("a", "[bold]/tmp/[x]:smile:", "多 列", LONG)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def table():
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column()
    made.add_column()
    for cell in CELLS:
        made.add_row("name", cell)
    return made


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("forced", [False, True])
def test_elsewhere_than_on_a_terminal_every_row_is_one_whole_line(
    table, capsys, monkeypatch, forced
):
    if forced:
        monkeypatch.setenv("FORCE_COLOR", "1")
    print_table(table)
    assert capsys.readouterr().out.splitlines() == [f"name  {cell}" for cell in CELLS]


def test_a_terminal_has_no_line_wider_than_itself(table, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(table)
    lines = terminal.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 40
    assert terminal.getvalue().count("word") == LONG.count("word")


def test_a_terminal_folds_a_name_that_is_too_long_and_cuts_none(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    made = Table("record", "why", box=None)
    made.add_row("results/taobao-v1/time/din/0aafeb818572-s1.json", "word " * 9)
    print_table(made)
    assert "…" not in terminal.getvalue()
    assert "word" in terminal.getvalue()


def test_a_table_fits_a_terminal_as_wide_as_its_longest_row(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    made = Table(box=None, show_header=False, padding=0)
    made.add_row("x" * 40)
    assert fits(made)
    made.add_row("x" * 41)
    assert not fits(made)
