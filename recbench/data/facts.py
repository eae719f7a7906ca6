"""What a manifest says of prepared data, as short texts under labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recbench.data.manifest import Manifest
from recbench.data.words import Words


def facts(manifest: Manifest, words: Words) -> dict[str, str]:
    """Return counts, characteristics, leakage and fingerprints, in the order to show them."""
    rows = {words.label(name): f"{count:,}" for name, count in manifest.counts.items()}
    rows |= _characteristics(manifest.characteristics, words)
    rows[words.label("leakage")] = _leakage(manifest.leakage, words)
    for part, fingerprint in manifest.fingerprints.items():
        rows[words.label("{part} fingerprint", part=words.label(part))] = fingerprint
    return rows


def _characteristics(about: dict[str, Any], words: Words) -> dict[str, str]:
    """Return what is known of a log or a table, and of its parts."""
    rows = {}
    if "density" in about:
        rows[words.label("density")] = f"{about['density']:.3g}"
        rows[words.label("popularity Gini")] = str(about["item_popularity_gini"])
        rows[words.label("events a user")] = _quantiles(about["events_per_user"])
    if vectors := about.get("vectors"):
        texts = (
            words.label(
                "`{name}`: {width} wide, of {items} items",
                name=name,
                width=own["width"],
                items=f"{own['items']:,}",
            )
            for name, own in vectors.items()
        )
        rows[words.label("vectors")] = ", ".join(texts)
    if correlations := about.get("label_correlation"):
        text = ", ".join(f"{pair} {value}" for pair, value in correlations.items())
        rows[words.label("label correlation")] = text
    for name, own in about["parts"].items():
        part = words.label(name)
        for state, sizes in own.get("states", {}).items():
            rows[words.label("{part} {state}", part=part, state=state)] = words.label(
                "{episodes} episodes, {queries} queries, support {support}",
                episodes=f"{sizes['episodes']:,}",
                queries=f"{sizes['queries']:,}",
                support=_quantiles(sizes["support"]),
            )
        if "history_length" in own:
            rows[words.label("{part} histories", part=part)] = _quantiles(own["history_length"])
        rows[words.label("{part} examples", part=part)] = ", ".join(_shares(own, words))
    return rows


def _shares(own: dict[str, Any], words: Words) -> Iterator[str]:
    """Yield the means of the labels of a part, and what it has that training lacks."""
    if "label_rate" in own:
        yield words.label("{share} clicks", share=f"{own['label_rate']:.3f}")
    yield from (f"{name} {mean}" for name, mean in own.get("labels", {}).items())
    for kind in ("users", "items"):
        if f"unseen_{kind}" in own:
            yield words.label(f"{{share}} new {kind}", share=f"{own[f'unseen_{kind}']:.1%}")


def _quantiles(values: dict[str, int]) -> str:
    return "  ".join(f"q{q} {value:,}" for q, value in values.items())


def _leakage(report: dict[str, Any], words: Words) -> str:
    if not report["known"]:
        return words.label("unknown: {reason}", reason=words.label(report["reason"]))
    early = words.label(
        "{count} test targets ({share}) precede a training event",
        count=f"{report['test_before_train_end']:,}",
        share=f"{report['share']:.1%}",
    )
    return f"{early}; {words.sentence(report['training'])}" if "training" in report else early
