import math
from dataclasses import replace

import pytest

from recbench.errors import UsageError
from recbench.leaderboard import tables


@pytest.mark.parametrize(
    "particulars",
    [
        {"dataset": "ml-100k"},
        {"version": 2},
        {"source": "simulated"},
        {"size": "small"},
        {"limit": 100},
        {"test": "other rows"},
        {"train": "other rows"},
        {"metric_versions": {"auc": 2, "gauc": 1, "logloss": 1}},
    ],
    ids=lambda each: next(iter(each)),
)
def test_runs_that_differ_in_what_is_measured_never_share_a_table(make_record, particulars):
    made = tables([make_record(), make_record(model="sim", **particulars)])
    assert [list(table.rows["model"]) for table in made] in ([["din"], ["sim"]], [["sim"], ["din"]])


def test_protocols_never_share_a_table(make_record):
    record = make_record()
    other = replace(record, dataset=replace(record.dataset, protocol="random"))
    made = tables([record, other])
    assert [table.group.protocol for table in made] == ["random", "time"]


def test_real_data_come_first_then_simulated_then_limited(many_records):
    groups = [table.group for table in tables(reversed(many_records))]
    assert [(group.source, group.limit) for group in groups] == [
        ("real", None),
        ("simulated", None),
        ("real", 1000),
    ]


def test_mean_and_spread_are_over_seeds(make_record):
    (table,) = tables([make_record(seed=seed, auc=auc) for seed, auc in ((1, 0.7), (2, 0.8))])
    row = table.rows.iloc[0]
    assert row["seeds"] == 2
    assert row["auc_mean"] == pytest.approx(0.75)
    assert row["auc_std"] == pytest.approx(0.1 / math.sqrt(2))


def test_all_numbers_of_a_row_are_over_seeds(make_record):
    records = [
        make_record(seed=seed, auc=auc, samples_per_second=speed, logloss=loss)
        for seed, auc, speed, loss in (
            (1, 0.70, 100.0, 0.5),
            (2, 0.72, None, 0.6),
            (3, 0.77, 300.0, 0.4),
        )
    ]
    (table,) = tables(records)
    row = table.rows.iloc[0]
    assert (len(table.rows), row["seeds"], row["parameters"]) == (1, 3, 1_234_567)
    assert row["auc_mean"] == pytest.approx(0.73)
    assert row["auc_std"] == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.04**2) / 2))
    assert row["logloss_mean"] == pytest.approx(0.5)
    assert row["logloss_std"] == pytest.approx(0.1)
    assert row["train_seconds"] == pytest.approx(12.34)
    assert row["samples_per_second"] == pytest.approx(200)  # of the two that measured it


def test_one_seed_has_no_spread(make_record):
    (table,) = tables([make_record()])
    assert math.isnan(table.rows.iloc[0]["auc_std"])


def test_the_share_of_attainable_is_of_the_auc_above_chance(make_record):
    records = [make_record(auc=0.7, attainable={"auc": 0.9}, source="simulated", size="tiny")]
    (table,) = tables(records)
    assert table.rows.iloc[0]["auc_share"] == pytest.approx(0.2 / 0.4)
    assert table.attainable_auc == 0.9


def test_the_share_is_of_the_mean_and_may_pass_the_whole(make_record):
    known = {"attainable": {"auc": 0.8}}
    records = [make_record(seed=seed, auc=auc, **known) for seed, auc in ((1, 0.62), (2, 0.68))]
    records.append(make_record("oracle", auc=0.83, **known))
    (table,) = tables(records)
    assert list(table.rows["auc_share"]) == pytest.approx([1.1, 0.5])


@pytest.mark.parametrize("attainable", [None, {}, {"logloss": 0.3}, {"auc": 0.5}])
def test_without_room_above_chance_there_is_no_share(make_record, attainable):
    (table,) = tables([make_record(attainable=attainable)])
    assert table.rows["auc_share"].isna().all()


def test_models_are_ranked_and_equal_ones_share_a_rank(make_record):
    aucs = {"a": 0.6, "b": 0.8, "c": 0.8, "d": float("nan")}
    (table,) = tables([make_record(model=model, auc=auc) for model, auc in aucs.items()])
    assert list(table.rows["model"]) == ["b", "c", "a", "d"]
    assert list(table.rows["rank"][:3]) == [1, 1, 3]
    assert table.rows["rank"].isna()[3]


def test_a_metric_where_less_is_better_ranks_the_other_way(make_record):
    only = {"logloss": 1}
    records = [make_record(model="a", auc=0.6, metric_versions=only)]
    records.append(make_record(model="b", auc=0.8, metric_versions=only))
    (table,) = tables(records)  # the fixture's logloss falls as its AUC rises
    assert list(table.rows["model"]) == ["b", "a"]


def test_configurations_of_one_model_are_told_apart(make_record):
    records = [make_record(model_config={"embedding_dim": dim, "dropout": 0.1}) for dim in (16, 32)]
    (table,) = tables(records)
    labels = sorted(table.rows["config"])
    assert "16" in labels[0]
    assert "32" in labels[1]
    assert not any("dropout" in label for label in labels)


def test_uncommitted_and_mixed_code_are_marked(make_record):
    records = [make_record(seed=1), make_record(seed=2, dirty=True, code="changed")]
    records.append(make_record(model="sim"))
    (table,) = tables(records)
    rows = table.rows.set_index("model")
    assert rows.loc["din", "uncommitted"]
    assert rows.loc["din", "mixed_code"]
    assert not rows.loc["sim", "uncommitted"]
    assert not rows.loc["sim", "mixed_code"]


def test_the_title_says_aloud_what_is_not_a_real_result(make_record):
    def title(**particulars):
        (table,) = tables([make_record(**particulars)])
        return table.group.title

    assert title() == "shop v1 · time · real data"
    assert title(source="simulated", size="small") == (
        "shop v1 · time · SIMULATED data, size small"
    )
    assert title(limit=1000).endswith("real data · LIMITED to 1,000 rows, not comparable")


def test_limited_simulated_data_come_last(make_record):
    kinds = [("simulated", 9), ("real", 9), ("simulated", None), ("real", None)]
    made = tables([make_record(source=source, limit=limit) for source, limit in kinds])
    assert [(table.group.source, table.group.limit) for table in made] == kinds[::-1]


def test_no_record_makes_no_table():
    assert tables([]) == []


def test_only_the_dataset_asked_for_is_shown(make_record):
    made = tables([make_record(), make_record(dataset="ml-100k")], "ml-100k")
    assert [table.group.dataset for table in made] == ["ml-100k"]


def test_an_unknown_metric_is_refused(make_record):
    with pytest.raises(UsageError, match="metric 'acu'"):
        tables([make_record(metric_versions={"acu": 1})])


def test_scores_of_labels_stand_beside_their_metric_and_their_mean_ranks(make_record):
    names = {"logloss": 1, "logloss/b": 1, "auc/b": 1, "auc/a": 1, "auc": 1}
    records = [
        make_record(model, auc=mean, metric_versions=names, **{"auc/a": a, "auc/b": 0.5})
        for model, mean, a in (("mmoe", 0.7, 0.6), ("ple", 0.8, 0.5))
    ]
    (table,) = tables(records)
    shown = [metric.name for metric in table.group.metrics]
    assert shown == ["auc", "auc/a", "auc/b", "logloss", "logloss/b"]
    assert [metric.higher_is_better for metric in table.group.metrics] == [True] * 3 + [False] * 2
    assert list(table.rows["model"]) == ["ple", "mmoe"]
    assert list(table.rows["auc/a_mean"]) == [0.5, 0.6]
