"""What a run keeps beside its record: it is scored again, and each score is the record's."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from recbench.config import RunConfig
from recbench.data import DataConfig
from recbench.folders import Folders
from recbench.leaderboard import tables
from recbench.metrics import METRICS, auc, gauc, logloss, mse
from recbench.pipeline import run
from recbench.record import RunRecord, predictions_path

TRAINING = {"epochs": 1}


def table_beside(record: RunRecord, folders: Folders) -> pa.Table:
    """Return what is kept beside a record, as it is in the file."""
    with pa.OSFile(str(predictions_path(record.path(folders.results)))) as file:
        return pa.ipc.open_file(file).read_all()


@pytest.mark.parametrize("model", ["popularity", "din-base"])
def test_scoring_the_kept_predictions_again_gives_exactly_the_record(model, run_folders):
    data = DataConfig("taobao", size="tiny", limit=2000)
    record = run(RunConfig(model, data, training=TRAINING, device="cpu"), run_folders)
    kept = table_beside(record, run_folders).to_pydict()
    labels, users, found = kept["label"], kept["user"], kept["prediction"]
    again = {
        "auc": auc(labels, found),
        "gauc": gauc(labels, found, users),
        "logloss": logloss(labels, pa.array(found, pa.float32()).to_numpy()),
    }
    assert again == record.scores


def test_a_run_on_a_table_scores_each_label_and_keeps_what_it_takes_to_do_so_again(tmp_path):
    run_folders = Folders(None, tmp_path / "cache", tmp_path / "results")
    data = DataConfig("mmoe-synthetic", size="tiny")
    config = RunConfig("mmoe", data, training=TRAINING, device="cpu")
    record = run(config, run_folders)
    assert list(record.scores) == ["mse", "mse/y1", "mse/y2"]
    assert record.metric_versions == dict.fromkeys(record.scores, 1)
    assert (record.task, record.scored_users, record.dataset.attainable) == (
        "multi-task",
        None,
        None,
    )
    kept = table_beside(record, run_folders).to_pydict()
    assert list(kept) == ["row", "label/y1", "label/y2", "prediction/y1", "prediction/y2"]
    again = [mse(kept[f"label/{name}"], kept[f"prediction/{name}"]) for name in ("y1", "y2")]
    assert [record.scores["mse/y1"], record.scores["mse/y2"]] == pytest.approx(again)
    assert record.scores["mse"] == pytest.approx(sum(again) / 2)
    (table,) = tables([RunRecord.load(record.path(run_folders.results))])
    assert [metric.name for metric in table.group.metrics] == list(record.scores)


LEARNER = """
    from dataclasses import dataclass

    import torch
    from torch import nn

    from recbench import MetaModel, Reads

    @dataclass(frozen=True)
    class NoConfig:
        pass

    class Means(MetaModel):
        '''Adds what the support's labels have more than the model says, on average.'''
        api = 1
        Config = NoConfig

        def __init__(self, schema, config):
            super().__init__(schema, config)
            self.reads = Reads(recent=0)
            self.items = nn.Embedding(schema["item"].size, 1)
            nn.init.zeros_(self.items.weight)
            self.base = nn.Parameter(torch.zeros(()))

        def forward(self, features):
            return self.base + self.items(features.fields["item"]).squeeze(1)

        def adapt(self, support):
            more = 0.0
            if len(support):
                more = (support.labels - self(support.features)).mean().detach()
            return lambda features: self(features) + more
"""


@pytest.mark.parametrize(
    ("protocol", "states", "metrics"),
    [
        ("states", ("warm", "new-items", "new-users", "new-both"), ("mae", "ndcg@1", "ndcg@3")),
        ("phases", ("cold", "warm-a", "warm-b", "warm-c"), ("auc", "logloss")),
    ],
)
@pytest.mark.parametrize("limit", [0, 1])
def test_a_run_on_episodes_scores_each_state_and_keeps_what_it_takes_to_do_so_again(
    install, cold_folders, tmp_path, protocol, states, metrics, limit
):
    install("learner", {"learner": LEARNER}, models={"means": "learner:Means"})
    run_folders = replace(cold_folders, results=tmp_path / "results")
    data = DataConfig("ml-100k-coldstart", protocol, "simulated", "tiny", limit)
    record = run(RunConfig("means", data, training=TRAINING, device="cpu"), run_folders)
    each = [f"{metric}/{state}" for state in states for metric in metrics]
    assert list(record.scores) == [*metrics, *each]
    for metric in metrics:
        own = [record.scores[f"{metric}/{state}"] for state in states]
        assert record.scores[metric] == pytest.approx(sum(own) / 4)
    assert record.dataset.leakage["training"].startswith("training sees")
    assert record.dataset.attainable is None
    kept = table_beside(record, run_folders).to_pandas()
    columns = ["user", "item", "time", "episode", "state", "label", "prediction"]
    assert list(kept) == columns
    assert set(kept.state) == set(states)
    for state in states:
        rows = kept[kept.state == state]
        rows = {name: rows[name].to_numpy() for name in columns}
        rows["prediction"] = rows["prediction"].astype("float32")
        for metric in metrics:
            assert METRICS[metric](rows) == pytest.approx(record.scores[f"{metric}/{state}"])
    (table,) = tables([RunRecord.load(record.path(run_folders.results))])
    assert {metric.name for metric in table.group.metrics} == set(record.scores)
