"""Statistics that describe a prepared dataset, and how far its protocol leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.card import AnyProtocol
from recbench.data.episode_split import queries
from recbench.data.examples import Examples, SplitLog
from recbench.data.ingest import RawLog
from recbench.data.protocol import PARTS

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
KINDS = ("support", "query")
TIMELESS = {"known": False, "reason": "the raw files carry no time"}
"""The leakage report of data without times."""


def characteristics(log: RawLog, split: SplitLog, protocol: AnyProtocol) -> dict[str, Any]:
    """Return density, inequality of item popularity, and for each part lengths and label rate.

    Of cold start it is, in place of the histories' lengths, what each state has in each part. Where
    items have vectors it is also their widths, and how many items have one.
    """
    per_user = np.bincount(log.spool.columns["user"], minlength=len(log.users))
    per_item = np.bincount(log.spool.columns["item"], minlength=len(log.items))
    parts = {}
    known = _known_users(log, split)
    for part in PARTS:
        examples = split.examples[part]
        parts[part] = {
            **_labels(examples, protocol),
            **_sizes(split, part, protocol),
            "unseen_users": round(float((~known[examples.user]).mean()), 6),
            "unseen_items": round(float((~split.train_items[examples.item]).mean()), 6),
        }
    vectors = {
        name: {"width": own.width, "items": own.known}
        for name, own in log.vectors.items()
        if name not in protocol.left_out
    }
    return {
        **({"vectors": vectors} if vectors else {}),
        "density": float(len(log.spool.columns["user"]) / (len(log.users) * len(log.items))),
        "events_per_user": _quantiles(per_user),
        "item_popularity_gini": round(gini(per_item), 6),
        "parts": parts,
    }


def leakage(protocol: AnyProtocol, split: SplitLog) -> dict[str, Any]:
    """Return how many test targets happened before the training part ended, and what it may see.

    A protocol's caution is part of it.
    """
    caution = {"caution": protocol.caution} if protocol.caution else {}
    if not protocol.timed:
        return TIMELESS | caution
    test = split.examples["test"]
    targets = test.time if test.label is None else test.time[test.label == 1]
    if split.episodes:
        targets = test.time[queries(split.episodes["test"])]
    early = int((targets < split.train_end).sum())
    return {
        "known": True,
        "test_before_train_end": early,
        "share": round(early / max(1, len(targets)), 6),
        **({"training": protocol.seen} if protocol.seen else {}),
        **caution,
    }


def gini(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of `counts`: 0 if all are equal, towards 1 if one has all."""
    ordered = np.sort(counts).astype(np.float64)
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


def _known_users(log: RawLog, split: SplitLog) -> NDArray[np.bool_]:
    """Return of each user whether the training part has an event of the real user."""
    if log.groups is None:
        return split.train_users
    known = np.zeros(int(log.groups.max()) + 1, bool)
    known[log.groups[split.train_users]] = True
    return known[log.groups]


def _labels(examples: Examples, protocol: AnyProtocol) -> dict[str, Any]:
    """Return the share of clicks, or the mean of a real label."""
    if examples.label is None:
        return {}
    mean = round(float(examples.label.mean(dtype=np.float64)), 6)
    if examples.label.dtype == np.int8:
        return {"label_rate": mean}
    return {"labels": dict.fromkeys(protocol.labels, mean)}


def _sizes(split: SplitLog, part: str, protocol: AnyProtocol) -> dict[str, Any]:
    """Return the lengths of histories, or of the episodes of each state the sizes."""
    examples = split.examples[part]
    if not split.episodes:
        return {"history_length": _quantiles(examples.history_stop - examples.history_start)}
    episodes = split.episodes[part]
    support, asked = (episodes[f"{kind}_stop"] - episodes[f"{kind}_start"] for kind in KINDS)
    chosen = {name: episodes["state"] == place for place, name in enumerate(protocol.states)}
    return {
        "states": {
            name: {
                "episodes": int(own.sum()),
                "queries": int(asked[own].sum()),
                "support": _quantiles(support[own]),
            }
            for name, own in chosen.items()
            if own.any()
        }
    }


def _quantiles(values: NDArray[np.int64]) -> dict[str, int]:
    found = np.quantile(values, QUANTILES, method="nearest")
    return {f"{q:g}": int(value) for q, value in zip(QUANTILES, found, strict=True)}
