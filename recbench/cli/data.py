"""`recbench data`: download, import, prepare, verify and describe datasets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli import import_data, options
from recbench.cli.table import print_table

if TYPE_CHECKING:
    from recbench.data import Dataset, PreparedDataset

app = typer.Typer(
    help="Download, import, prepare, verify and describe datasets.", no_args_is_help=True
)
app.command("import")(import_data.import_data)

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

    folders = Folders.from_environment(data_dir, cache_dir)
    card = load_dataset(find("dataset", dataset, folders)).card
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
    plugin, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    counts = prepared.manifest.counts
    typer.echo(f"{prepared.folder}")
    typer.echo("  ".join(f"{name} {count:,}" for name, count in counts.items()))
    for report in prepared.manifest.reports:
        typer.echo(report)
    _hold(plugin, prepared)


@app.command()
def verify(
    dataset: Name,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Read a prepared dataset again and compare its fingerprints; exits with 1 if one differs.

    The fingerprints, too, are compared: with those that are pinned for these data.
    """
    from recbench.data import verify_prepared

    plugin, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    differing = verify_prepared(prepared.folder)
    for name in differing:
        typer.echo(f"{name} DIFFERS")
    if differing:
        typer.echo(f"delete {prepared.folder} to prepare it again", err=True)
        raise typer.Exit(1)
    for name, fingerprint in prepared.manifest.fingerprints.items():
        typer.echo(f"{name:<6} {fingerprint[:16]}  agrees")
    _hold(plugin, prepared)


@app.command()
def describe(
    dataset: Name,
    protocol: options.Protocol = "",
    source: options.Source = "auto",
    size: options.Size = "small",
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
    layout: Annotated[
        str, typer.Option("--format", help="text, or md for a page of Markdown.")
    ] = "text",
    language: Annotated[str, typer.Option(help="Of the page: en or zh.")] = "en",
) -> None:
    """Show a dataset's card, its characteristics and its leakage report."""
    options.one_of("--format", layout, ("text", "md"))
    options.one_of("--language", language, ("en", "zh"))
    if language != "en" and layout != "md":
        raise typer.BadParameter("only pages are in other languages; add --format md")
    if layout == "md":
        _print_page(dataset, protocol, source, size, data_dir, cache_dir, language)
        return
    plugin, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
    if as_json:
        typer.echo(json.dumps(vars(prepared.manifest)))
        return
    _print(plugin, prepared)


def _prepare(
    dataset: str,
    protocol: str,
    source: str,
    size: str,
    data_dir: options.DataDir,
    cache_dir: options.CacheDir,
) -> tuple[Dataset, PreparedDataset]:
    from recbench.cli.progress import progress
    from recbench.data import DataConfig
    from recbench.data import prepare as prepare_dataset
    from recbench.folders import Folders
    from recbench.plugins import find, load_dataset

    options.one_of("--source", source, ("auto", "real", "simulated"))
    folders = Folders.from_environment(data_dir, cache_dir)
    plugin = load_dataset(find("dataset", dataset, folders))
    config = DataConfig(dataset, protocol, source, size)  # type: ignore[arg-type]
    return plugin, prepare_dataset(plugin, config, folders, progress())


def _hold(dataset: Dataset, prepared: PreparedDataset) -> None:
    """Say whether the fingerprints are the pinned ones; exit 1 if they are not."""
    from recbench.data.fingerprint_pins import compare

    pin = compare(dataset, prepared.manifest, prepared.folder.parent)
    typer.echo(str(pin), err=bool(pin.differing))
    if pin.differing:
        raise typer.Exit(1)


def _print_page(
    dataset: str,
    protocol: str,
    source: str,
    size: str,
    data_dir: options.DataDir,
    cache_dir: options.CacheDir,
    language: str,
) -> None:
    """Print a page; without data it is that of the card alone, and the reason is told."""
    from recbench.data.page import page
    from recbench.data.words import Words
    from recbench.errors import DataError
    from recbench.folders import Folders
    from recbench.plugins import find, load_dataset

    folders = Folders.from_environment(data_dir, cache_dir)
    plugin, manifests = load_dataset(find("dataset", dataset, folders)), []
    try:
        _, prepared = _prepare(dataset, protocol, source, size, data_dir, cache_dir)
        manifests = [prepared.manifest]
    except DataError as error:
        typer.echo(f"only the card is shown: {error}", err=True)
    typer.echo(page(plugin.card, manifests, Words(language, plugin)))


def _print(dataset: Dataset, prepared: PreparedDataset) -> None:
    from rich.table import Table

    from recbench.data.facts import facts
    from recbench.data.words import Words

    card, manifest = dataset.card, prepared.manifest
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    origin = f"{manifest.source} {manifest.size}".strip()
    rows = {
        "dataset": f"{card.title} ({card.name}, version {card.version}, {origin})",
        "protocol": f"{manifest.protocol}, from {card.protocols[manifest.protocol].source}",
        "what changed": "\n".join(card.departures.get(manifest.protocol, ())),
        "licence": card.licence,
        "citation": card.citation,
        "files": card.source,
        **facts(manifest, Words("en", dataset)),
    }
    if caution := manifest.leakage.get("caution"):
        rows["CAUTION"] = caution
    rows["notes"] = "\n".join((*card.notes, *manifest.reports))
    rows["folder"] = str(prepared.folder)
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    print_table(table)
