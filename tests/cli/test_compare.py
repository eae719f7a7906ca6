"""`recbench compare` on narrow terminals: no number is cut."""

import io
import re
import sys

import pytest
from rich.cells import cell_len

from recbench.cli.compare import _print
from recbench.leaderboard import Comparison
from recbench.leaderboard.comparison import Pair
from recbench.leaderboard.group import Group
from recbench.metrics.statistics import Difference

GROUP = Group("taobao", 1, "time", "simulated", "tiny", None, "", "ef3facd78b65", (("auc", 1),), "")
FOUND = Difference(value=-0.0123, low=-0.0456, high=0.0211, p_value=0.8765, effect=-0.0987)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """Return a function that gives what a terminal of some width shows."""
    pairs = tuple(
        Pair(first, "din", "logloss", (0.6811, 0.6934), FOUND, 0.9543)
        for first in ("sim", "logistic-regression")
    )

    def show(width):
        terminal = Terminal()
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "stdout", terminal)
        _print(Comparison(GROUP, 319, {"sim": 3, "din": 3, "logistic-regression": 3}, pairs))
        return re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())

    return show


@pytest.mark.parametrize("width", [80, 90])
def test_a_narrow_terminal_leaves_out_scores_and_cuts_no_number(shown, width):
    text = shown(width)
    assert "…" not in text
    for number in ("-0.0123", "-0.0456", "+0.0211", "0.8765", "0.9543", "-0.099"):
        assert text.count(number) == 2
    assert "0.6811" not in text
    assert "left out, for want of width: first's, second's" in text.splitlines()
    table = text.partition("chance:")[0].splitlines()
    assert max(map(cell_len, table)) <= width


def test_a_wide_one_has_every_column(shown):
    text = shown(130)
    assert text.count("0.6811") == 2
    assert "left out" not in text
