from dataclasses import replace

import numpy as np
import pytest

from recbench.plain import digest
from recbench.provenance import Environment, GitState
from recbench.record import DatasetRecord, Fingerprints, ModelRecord, RunRecord, Seconds
from recbench.scored import rescored


def _make_record(
    model="din",
    seed=1,
    auc=0.7,
    *,
    dataset="shop",
    version=1,
    source="real",
    size=None,
    limit=None,
    train="train-rows-of-shop",
    test="test-rows-of-shop",
    attainable=None,
    model_config=None,
    code="abc",
    dirty=False,
    metric_versions=None,
    cpu="a cpu",
    samples_per_second=20_000.0,
    **scores,
):
    model_config = model_config or {"embedding_dim": 16}
    config = {"models": model, "data": {"limit": limit}, "seed": seed}
    return RunRecord(
        key=digest([config, seed]),
        config=config,
        config_hash=digest([model, model_config, limit, source]),
        seed=seed,
        task="ctr",
        dataset=DatasetRecord(
            dataset, version, "time", source, size, limit,
            Fingerprints(train, "valid", test), attainable, {},
        ),
        model=ModelRecord(model, "recbench", "0.1.0", code, model_config),
        scores={"auc": auc, "gauc": auc - 0.05, "logloss": 1.3 - auc, **scores},
        validation={"auc": auc},
        metric_versions=metric_versions or {"logloss": 1, "gauc": 1, "auc": 1},
        scored_users=10,
        curve=[],
        parameters=1_234_567,
        seconds=Seconds(prepare=1.0, train=12.34, evaluate=2.0),
        train_samples_per_second=samples_per_second,
        peak_memory_mb=None,
        operators={},
        environment=Environment("3.11", "2.13", "0.1.0", "Linux", cpu, 2, "cpu"),
        git=GitState("0" * 40, dirty),
        created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


@pytest.fixture
def make_record():
    """Return a function that makes a record with the given particulars."""
    return _make_record


@pytest.fixture
def make_scored(make_record):
    """Return a function that makes a record with the scores of its predictions."""

    def make(rows, *particulars, **changes):
        record = make_record(*particulars, **changes)
        return replace(record, scores=rescored(record, rows))

    return make


@pytest.fixture
def many_records():
    """Return records of three models, one in two configurations, real, simulated and limited."""
    random = np.random.default_rng(0)
    records = []
    for source, size, limit in (
        ("real", None, None),
        ("simulated", "small", None),
        ("real", None, 1000),
    ):
        ceiling = {"auc": 0.8123} if source == "simulated" else None
        for model, dim, level in (
            ("base", 16, 0.68),
            ("din", 16, 0.70),
            ("din", 32, 0.705),
            ("sim", 16, 0.72),
        ):
            for seed in (1, 2, 3) if model != "sim" else (1,):
                records.append(
                    _make_record(
                        model,
                        seed,
                        level + 0.002 * random.normal(),
                        source=source,
                        size=size,
                        limit=limit,
                        attainable=ceiling,
                        model_config={"embedding_dim": dim, "dropout": 0.1},
                        dirty=model == "sim",
                        test=f"{source}{limit}",
                    )
                )
    return records
