from dataclasses import replace

import pytest

from recbench.leaderboard import tables
from recbench.leaderboard.cells import blocks, notes
from recbench.leaderboard.render import render


def column(records, header):
    """Return a column of the only table of the records."""
    (table,) = tables(records)
    (found,) = (each for each in blocks(table)[0] if each.header == header)
    return found


def texts(records, header):
    """Return the main texts of a column, top to bottom."""
    return [cell.text for cell in column(records, header).cells]


def notes_of(records):
    (table,) = tables(records)
    return notes(table)


def test_the_columns_tell_rank_scores_and_costs_in_this_order(make_record):
    (table,) = tables([make_record()])
    shown = blocks(table)[0]
    assert [each.header for each in shown] == [
        "#", "model", "seeds", "auc ↑", "gauc ↑", "logloss ↓",
        "parameters", "train s", "samples/s",
    ]  # fmt: skip
    assert [each.header for each in shown if not each.numeric] == ["model"]
    assert [each.header for each in shown if each.cost] == ["parameters", "train s", "samples/s"]


def test_a_score_is_a_mean_with_its_spread_below(make_record):
    records = [make_record(seed=seed, auc=auc) for seed, auc in ((1, 0.70), (2, 0.72), (3, 0.77))]
    (cell,) = column(records, "auc ↑").cells
    assert (cell.text, cell.detail) == ("0.7300", "± 0.0361")  # sqrt((9 + 1 + 16) / 2) / 100


def test_one_seed_has_a_dash_for_a_spread(make_record):
    (cell,) = column([make_record(auc=0.7)], "auc ↑").cells
    assert (cell.text, cell.detail) == ("0.7000", "± —")


def test_the_best_of_each_metric_is_its_highest_or_lowest(make_record):
    records = [
        make_record("a", auc=0.8, gauc=0.6, logloss=0.4),
        make_record("b", auc=0.7, gauc=0.65, logloss=0.4),
        make_record("c", auc=0.6, gauc=float("nan"), logloss=0.5),
    ]
    for header, best in (
        ("auc ↑", [True, False, False]),
        ("gauc ↑", [False, True, False]),
        ("logloss ↓", [True, True, False]),
    ):
        assert [cell.best for cell in column(records, header).cells] == best


def test_a_lone_row_is_not_called_the_best(make_record):
    (cell,) = column([make_record()], "auc ↑").cells
    assert not cell.best


def test_an_undefined_score_has_neither_number_nor_rank(make_record):
    records = [make_record("a", auc=float("nan")), make_record("b")]
    assert texts(records, "auc ↑") == ["0.7000", "—"]
    assert texts(records, "#") == ["1", "—"]


def test_the_share_of_attainable_stands_only_where_it_is_known(make_record):
    known = [make_record(auc=0.7, attainable={"auc": 0.9})]
    assert texts(known, "of attainable") == ["50.0 %"]
    assert any("(auc − 0.5) / (0.9000 − 0.5)" in note for note in notes_of(known))
    (table,) = tables([make_record()])
    assert "of attainable" not in [each.header for each in blocks(table)[0]]
    assert notes(table) == []


def test_uncommitted_code_has_a_mark_and_a_note(make_record):
    records = [make_record("a", auc=0.8, dirty=True), make_record("b")]
    assert texts(records, "model") == ["a*", "b"]
    (note,) = notes_of(records)
    assert note.startswith("* made with uncommitted code")


def test_code_that_differs_between_seeds_has_a_mark_and_a_note(make_record):
    records = [make_record(seed=seed, code=f"code {seed}") for seed in (1, 2)]
    assert texts(records, "model") == ["din†"]
    (note,) = notes_of(records)
    assert note.startswith("† ")


def test_both_marks_can_stand_together(make_record):
    records = [make_record(seed=1), make_record(seed=2, code="changed", dirty=True)]
    assert texts(records, "model") == ["din*†"]
    assert [note[0] for note in notes_of(records)] == ["*", "†"]


def test_times_of_different_machines_are_told(make_record):
    records = [make_record(seed=seed, cpu=f"cpu {seed}") for seed in (1, 2)]
    assert notes_of(records) == ["times and speeds come from 2 different machines"]


def test_configurations_stand_beside_the_model(make_record):
    records = [make_record(auc=0.7 + dim / 1000, model_config={"dim": dim}) for dim in (8, 16)]
    assert [cell.detail for cell in column(records, "model").cells] == ["(dim=16)", "(dim=8)"]


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (65_857, "65.9k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_234_567, "1.23M"),
        (999_999_999, "1G"),
    ],
)
def test_counts_have_three_digits_and_a_unit(make_record, count, shown):
    assert texts([replace(make_record(), parameters=count)], "parameters") == [shown]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.04, "0.0"), (12.34, "12.3"), (153.2, "153"), (4321.0, "4,321")]
)
def test_times_are_as_exact_as_they_are_short(make_record, seconds, shown):
    record = make_record()
    record = replace(record, seconds=replace(record.seconds, train=seconds))
    assert texts([record], "train s") == [shown]


def test_costs_that_nobody_measured_are_dashes(make_record):
    record = make_record(samples_per_second=None)
    record = replace(record, seconds=replace(record.seconds, train=float("nan")))
    assert texts([record], "train s") == ["—"]
    assert texts([record], "samples/s") == ["—"]


def test_many_scores_stand_in_a_block_for_all_groups_and_one_for_each_metric(make_record):
    names = ("mae", "ndcg@1", "mae/old", "mae/new", "ndcg@1/old", "ndcg@1/new")
    few = make_record(metric_versions=dict.fromkeys(names, 1), **dict.fromkeys(names, 1.0))
    assert len(blocks(tables([few])[0])) == 1
    names += ("ndcg@3", "ndcg@3/old", "ndcg@3/new")
    many = make_record(metric_versions=dict.fromkeys(names, 1), **dict.fromkeys(names, 1.0))
    (table,) = tables([many])
    headers = [[column.header for column in block] for block in blocks(table)]
    assert headers[0][:6] == ["#", "model", "seeds", "mae ↓", "ndcg@1 ↑", "ndcg@3 ↑"]
    assert headers[1] == ["#", "model", "mae/new ↓", "mae/old ↓"]
    assert headers[3] == ["#", "model", "ndcg@3/new ↑", "ndcg@3/old ↑"]
    assert table.group.caption.count("mae") == 1
    for style in ("table", "md", "latex"):
        assert all(f"ndcg@1/{group}" in render([table], style) for group in ("old", "new"))
