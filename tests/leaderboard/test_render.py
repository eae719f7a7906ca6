import io
import re
import sys
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from recbench.errors import UsageError
from recbench.leaderboard import STYLES, render, tables
from recbench.leaderboard.render import to_terminal


@pytest.fixture(autouse=True)
def pipe(monkeypatch):
    """Have standard output be no terminal, whatever the tests are run in."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


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


def shown_at(width, records, *, colour=False):
    """Return the records' tables in a terminal of this width."""
    system = "standard" if colour else None
    console = Console(file=io.StringIO(), width=width, color_system=system, highlight=False)
    return to_terminal(tables(records), console)


def test_a_wide_terminal_has_a_line_for_each_row(make_record):
    text = shown_at(120, [make_record(), make_record(seed=2, auc=0.8)])
    (line,) = (line for line in text.splitlines() if "din" in line)
    assert " ".join(line.split()) == (
        "1 din 2 0.7500 ± 0.0707 0.7000 ± 0.0707 0.5500 ± 0.0707 1.23M 12.3 20k"
    )
    assert "left out" not in text


def test_a_terminal_of_80_columns_has_every_digit(many_records):
    text = shown_at(80, many_records)
    for table in tables(many_records):
        for mean in table.rows[["auc_mean", "gauc_mean", "logloss_mean"]].to_numpy().ravel():
            assert f"{mean:.4f}" in text
    assert "embedding_dim=32" in text
    assert "…" not in text


def test_what_a_narrow_terminal_leaves_out_is_told(many_records):
    text = shown_at(72, [record for record in many_records if record.dataset.limit])
    assert "left out, for want of width: parameters, train s, samples/s" in text
    assert "1.23M" not in text


def test_a_number_that_is_cut_looks_cut(make_record):
    text = shown_at(34, [make_record(), make_record(seed=2, auc=0.8)])
    for number in re.findall(r"0\.\d*…?", text):
        assert re.fullmatch(r"0\.(\d{4}|\d*…)", number)


def test_a_terminal_with_colours_shows_the_best_in_bold(make_record):
    text = shown_at(120, [make_record("a", auc=0.8), make_record("b")], colour=True)
    assert re.search(r"\x1b\[1;32m0\.8000\x1b\[0m", text)
    assert not re.search(r"\x1b\[1;32m0\.7000", text)


def test_settings_are_never_taken_for_markup(make_record):
    text = shown_at(120, [make_record(model_config={"a": name}) for name in ("[bold]", "[/red]")])
    assert "(a=[bold])" in text
    assert "(a=[/red])" in text


def test_piped_tables_are_as_wide_as_they_need(many_records):
    text = render(tables(many_records), "table")
    assert text == shown_at(1000, many_records)


def test_notes_follow_every_table_but_csv(make_record):
    made = tables([make_record(dirty=True)])
    for style in ("table", "md", "latex"):
        assert "made with uncommitted code" in render(made, style)
    (row,) = pd.read_csv(io.StringIO(render(made, "csv"))).itertuples()
    assert row.uncommitted


def test_an_unknown_style_is_refused():
    with pytest.raises(UsageError, match="'latx'; did you mean latex"):
        render([], "latx")


@pytest.mark.parametrize("style", STYLES)
def test_no_table_is_no_text(style):
    assert render([], style) == ""


def test_csv_has_the_numbers_in_full(many_records):
    made = tables(many_records)
    frame = pd.read_csv(io.StringIO(render(made, "csv")))
    wanted = pd.concat([table.rows for table in made], ignore_index=True)
    numbers = list(wanted.select_dtypes(["number", "bool"]))
    assert {"rank", "seeds", "auc_mean", "auc_std", "auc_share", "parameters"} <= set(numbers)
    pd.testing.assert_frame_equal(
        frame[numbers], wanted[numbers], check_dtype=False, rtol=1e-14, atol=0
    )
    sources = [table.group.source for table in made for _ in range(len(table.rows))]
    assert list(frame["source"]) == sources


def test_csv_holds_tables_of_different_metrics(make_record):
    names = ("recall@20", "ndcg@20")
    other = replace(
        make_record("next"),
        scores=dict.fromkeys(names, 0.25),
        metric_versions=dict.fromkeys(names, 1),
    )
    frame = pd.read_csv(io.StringIO(render(tables([make_record(), other]), "csv")))
    frame = frame.set_index("model")
    assert frame.loc["next", "recall@20_mean"] == 0.25
    assert frame.loc["din", "auc_mean"] == 0.7
    assert frame.loc[["next"], "auc_mean"].isna().all()
    assert frame.loc[["din"], "recall@20_mean"].isna().all()


def test_markdown_is_a_table_with_a_row_for_each_model(make_record):
    text = render(tables([make_record(), make_record(model="sim")]), "md")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert len({line.count("|") for line in rows}) == 1
    assert re.fullmatch(r"\|[-: |]+\|", rows[1])


def test_markdown_cells_cannot_end_early_or_change_style(make_record):
    labels = ("a|b", "*x*", "~~y~~", "$z$")
    text = render(tables([make_record(model_config={"a": label}) for label in labels]), "md")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    for escaped in (r"a=a\|b", r"a=\*x\*", r"a=\~\~y\~\~", r"a=\$z\$"):
        assert escaped in text


def test_markdown_marks_the_best_alone(make_record):
    text = render(tables([make_record("a", auc=0.8), make_record("b")]), "md")
    assert "**0.8000** ± —" in text
    assert text.count("**") == 6  # one pair for each metric


@pytest.mark.parametrize(
    ("sign", "escaped"),
    [(sign, f"\\{sign}") for sign in "&%$#_{}"]
    + [
        ("\\", r"\textbackslash{}"),
        ("~", r"\textasciitilde{}"),
        ("^", r"\textasciicircum{}"),
        ("<", "$<$"),
        (">", "$>$"),
        ("|", "$|$"),
    ],
)
def test_latex_escapes_every_special_sign(make_record, sign, escaped):
    records = [make_record(model_config={"a": text}) for text in (f"x{sign}y", "z")]
    assert f"(a=x{escaped}y)" in render(tables(records), "latex")


def test_latex_needs_no_sign_beyond_ascii(many_records):
    assert render(tables(many_records), "latex").isascii()


def test_latex_rows_have_a_cell_for_each_column(many_records):
    text = render(tables(many_records), "latex")
    for tabular in re.findall(r"\\begin{tabular}{(.*?)\\end{tabular}", text, re.DOTALL):
        alignment, *lines = tabular.splitlines()
        cells = {line.count(" & ") + 1 for line in lines if line.endswith(r"\\")}
        assert cells == {len(alignment.removesuffix("}"))}


def test_latex_escapes_what_would_break_it(make_record):
    text = render(tables([make_record(model="a_b", dataset="ml_1&2")]), "latex")
    assert r"a\_b" in text
    assert r"ml\_1\&2" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_a_single_seed_has_no_spread_and_several_do(make_record):
    one, two = [make_record()], [make_record(), make_record(seed=2, auc=0.8)]
    assert "—" in render(tables(one), "md")
    assert "±" in render(tables(two), "md")
