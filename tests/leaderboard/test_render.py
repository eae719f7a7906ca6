import io
import re

import pandas as pd
import pytest
from rich.console import Console

from recbench.leaderboard import STYLES, render, tables
from recbench.leaderboard.render import to_terminal


@pytest.mark.parametrize("style", STYLES)
def test_every_style_names_models_source_and_limit(many_records, style):
    text = render(tables(many_records), style)
    for word in ("base", "din", "sim", "SIMULATED" if style != "csv" else "simulated", "1000"):
        assert word in text.replace("1,000", "1000")


@pytest.mark.parametrize("style", STYLES)
def test_output_that_is_piped_has_no_control_codes(many_records, style):
    assert "\x1b" not in render(tables(many_records), style)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_tables_fit_the_terminal(many_records, width):
    console = Console(file=io.StringIO(), width=width)
    text = to_terminal(tables(many_records), console)
    assert max(map(len, text.splitlines())) <= width
    assert "0.7" in text


def test_csv_has_the_numbers_in_full(many_records):
    made = tables(many_records)
    frame = pd.read_csv(io.StringIO(render(made, "csv")))
    wanted = pd.concat([table.rows for table in made])
    assert len(frame) == len(wanted)
    for column in ("auc_mean", "auc_std", "logloss_mean"):
        pd.testing.assert_series_equal(
            frame[column], wanted[column].reset_index(drop=True), check_names=False, rtol=1e-12
        )


def test_markdown_is_a_table_with_a_row_for_each_model(make_record):
    text = render(tables([make_record(), make_record(model="sim")]), "md")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert len({line.count("|") for line in rows}) == 1
    assert re.fullmatch(r"\|[-: |]+\|", rows[1])


def test_latex_escapes_what_would_break_it(make_record):
    text = render(tables([make_record(model="a_b", dataset="ml_1&2")]), "latex")
    assert r"a\_b" in text
    assert r"ml\_1\&2" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_a_single_seed_has_no_spread_and_several_do(make_record):
    one, two = [make_record()], [make_record(), make_record(seed=2, auc=0.8)]
    assert "—" in render(tables(one), "md")
    assert "±" in render(tables(two), "md")
