"""`recbench data`: download, prepare, verify and describe datasets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recbench.cli import options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.data import Card, PreparedDataset

app = typer.Typer(help="Download, prepare, verify and describe datasets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Dataset; `recbench list datasets` shows all.")]


@app.command()
def download(
    dataset: Name, data_dir: options.DataDir = None, cache_dir: options.CacheDir = None
) -> None:
    """Get a dataset's raw files, where that needs no login; `run` and `prepare` do it too."""
    from recbench.cli.progress import progress
    from recbench.data import download_files
    from recbench.folders import Folders
    from recbench.plugins import find, load_dataset

    card = load_dataset(find("dataset", dataset)).card
    folders = Folders.from_environment(data_dir, cache_dir)
    for path in download_files(card, folders, progress()):
        typer.echo(path)


@app.command()
def prepare(
    dataset: Name,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Make a dataset ready to train on; done by `run` too, when it is needed."""
    _, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    counts = prepared.manifest.counts
    typer.echo(f"{prepared.folder}")
    typer.echo("  ".join(f"{name} {count:,}" for name, count in counts.items()))
    for report in prepared.manifest.reports:
        typer.echo(report)


@app.command()
def verify(
    dataset: Name,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Read a prepared dataset again and compare it with its fingerprints; exit 1 if it differs."""
    from recbench.data import verify_prepared

    _, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    differing = verify_prepared(prepared.folder)
    for name in differing:
        typer.echo(f"{name} DIFFERS")
    if differing:
        typer.echo(f"delete {prepared.folder} to prepare it again", err=True)
        raise typer.Exit(1)
    for name, fingerprint in prepared.manifest.fingerprints.items():
        typer.echo(f"{name:<6} {fingerprint[:16]}  agrees")


@app.command()
def describe(
    dataset: Name,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Show a dataset's card, its characteristics and its leakage report."""
    card, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    if as_json:
        typer.echo(json.dumps(vars(prepared.manifest)))
        return
    _print(card, prepared)


def _prepare(
    dataset: str,
    protocol: str,
    source: str,
    size: str,
    data_dir: options.DataDir,
    cache_dir: options.CacheDir,
) -> tuple[Card, PreparedDataset]:
    from recbench.cli.progress import progress
    from recbench.data import DataConfig
    from recbench.data import prepare as prepare_dataset
    from recbench.folders import Folders
    from recbench.plugins import find, load_dataset

    options.one_of("--source", source, ("auto", "real", "simulated"))
    plugin = load_dataset(find("dataset", dataset))
    config = DataConfig(dataset, protocol, source, size)  # type: ignore[arg-type]
    folders = Folders.from_environment(data_dir, cache_dir)
    return plugin.card, prepare_dataset(plugin, config, folders, progress())


def _print(card: Card, prepared: PreparedDataset) -> None:
    from rich.table import Table

    manifest = prepared.manifest
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    origin = f"{manifest.source} {manifest.size}".strip()
    rows = {
        "dataset": f"{card.title} ({card.name}, version {card.version}, {origin})",
        "protocol": f"{manifest.protocol}, from {card.protocols[manifest.protocol].source}",
        "licence": card.licence,
        "citation": card.citation,
        "files": card.source,
        **{name: f"{count:,}" for name, count in manifest.counts.items()},
        **_characteristics(manifest.characteristics),
    }
    rows["leakage"] = _leakage(manifest.leakage)
    for part, fingerprint in manifest.fingerprints.items():
        rows[f"{part} fingerprint"] = fingerprint
    rows["notes"] = "\n".join((*card.notes, *manifest.reports))
    rows["folder"] = str(prepared.folder)
    for name, value in rows.items():
        facts.add_row(name, value)
    print_table(facts)


def _characteristics(about: dict[str, Any]) -> dict[str, str]:
    """Return what is known of a log or a table, and of its parts."""
    rows = {}
    if "density" in about:
        rows["density"] = f"{about['density']:.3g}"
        rows["popularity Gini"] = str(about["item_popularity_gini"])
        rows["events a user"] = _quantiles(about["events_per_user"])
    if correlations := about.get("label_correlation"):
        rows["label correlation"] = ", ".join(f"{k} {v}" for k, v in correlations.items())
    for part, own in about["parts"].items():
        for state, sizes in own.get("states", {}).items():
            counts = f"{sizes['episodes']:,} episodes, {sizes['queries']:,} queries"
            rows[f"{part} {state}"] = f"{counts}, support {_quantiles(sizes['support'])}"
        if "history_length" in own:
            rows[f"{part} histories"] = _quantiles(own["history_length"])
        rows[f"{part} examples"] = ", ".join(_shares(own))
    return rows


def _shares(own: dict[str, Any]) -> list[str]:
    """Return the means of the labels of a part, and what it has that training lacks."""
    shares = [f"{own['label_rate']:.3f} clicks"] if "label_rate" in own else []
    shares += [f"{name} {mean}" for name, mean in own.get("labels", {}).items()]
    return shares + [
        f"{own[f'unseen_{kind}']:.1%} new {kind}"
        for kind in ("users", "items")
        if f"unseen_{kind}" in own
    ]


def _quantiles(values: dict[str, int]) -> str:
    return "  ".join(f"q{q} {value:,}" for q, value in values.items())


def _leakage(report: dict[str, object]) -> str:
    if not report["known"]:
        return f"unknown: {report['reason']}"
    early = f"{report['test_before_train_end']:,} test targets ({report['share']:.1%})"
    seen = f"; {report['training']}" if "training" in report else ""
    return f"{early} precede a training event{seen}"
