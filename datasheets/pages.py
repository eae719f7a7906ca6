"""`python -m datasheets.pages`: write a page on every built-in dataset, their index and a table.

What a card says is written always. What only prepared data can say is written with `--measure`
and kept as it is without, so that `--check` needs no data: it fails if a page is not what the cards
say, lacks a pinned fingerprint or has a sentence that nobody translated, and if a card does not say
how a protocol departs from its source.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from datasheets import table as takes
from datasheets.measurement import empty_process, measure
from datasheets.prepared import built_in
from datasheets.table import Figures, Row
from recbench.data import Dataset, Manifest
from recbench.data.fingerprint_pins import published_pins
from recbench.data.page import card_lines, heading, prepared_lines, table
from recbench.data.words import Words

PAGES = Path("docs/datasets")
FIGURES = PAGES / "preparation.json"
SUFFIXES = {"en": ".md", "zh": ".zh-CN.md"}
OTHERS = {"en": ("zh", "中文"), "zh": ("en", "English")}
SIZE = "small"
"""Which simulation stands in for real files on a page."""
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
MEASURED = re.compile(rf"(?<={BEGIN}\n).*?(?={END})", re.DOTALL)
MADE = "<!-- written by `make pages`: change the card or zh.toml, not this page -->"


def main(
    data_dir: Annotated[Path | None, typer.Option(envvar="RECBENCH_TEST_DATA")] = None,
    anew: Annotated[
        bool, typer.Option("--measure", help="Prepare what is here and show it.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help="Measure just this dataset.")] = None,
    check: Annotated[bool, typer.Option(help="Change nothing; fail if a page is old.")] = False,
) -> None:
    """Write the pages, or check them."""
    datasets, faults, texts = built_in(), [], {}
    whole = anew and not only
    figures = Figures([], {}, empty_process()) if whole else Figures.load(FIGURES)
    for dataset in datasets:
        manifests = None
        if anew and (not only or dataset.card.name in only):
            manifests, rows = _measured(dataset, data_dir)
            figures = figures.with_rows(rows)
        for language, suffix in SUFFIXES.items():
            place, words = PAGES / f"{dataset.card.name}{suffix}", Words(language, dataset)
            texts[place] = _page(dataset, manifests, place, words)
            faults += [f'{language}.toml lacks "{text}" = ""' for text in words.missing]
        faults += untold(dataset)
        faults += _unpinned(dataset, texts[PAGES / f"{dataset.card.name}.md"])
    if not check:
        figures = dataclasses.replace(figures, code=takes.code_lines())
    faults += takes.faults(figures, datasets)
    for language, suffix in SUFFIXES.items():
        texts[PAGES / f"README{suffix}"] = _index(datasets, language)
        texts[PAGES / f"{FIGURES.stem}{suffix}"] = _table(figures, datasets, language)
    if check:
        old = (place for place, text in texts.items() if not _is(place, text))
        faults += [f"{place} is not what the cards say: run `make pages`" for place in old]
        known = {place.name for place in texts}
        over = (place for place in PAGES.glob("*.md") if place.name not in known)
        faults += [f"{place} is of no dataset" for place in over]
    else:
        PAGES.mkdir(exist_ok=True)
        figures.save(FIGURES)
        for place, text in texts.items():
            place.write_text(text, encoding="utf-8")
    for fault in dict.fromkeys(faults):
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)


def _measured(dataset: Dataset, data: Path | None) -> tuple[list[Manifest], list[Row]]:
    """Return the manifests of real and of simulated data, and what all preparations took."""
    manifests, rows = list[Manifest](), list[Row]()
    for measured in measure(dataset, data, SIZE):
        rows.append(takes.row(measured))
        typer.echo(f"{rows[-1].dataset} {rows[-1].protocol} {rows[-1].source}")
        if measured.source in ("real", "simulated"):
            manifests.append(measured.manifest)
    return manifests, rows


def _page(dataset: Dataset, manifests: list[Manifest] | None, place: Path, words: Words) -> str:
    card = dataset.card
    other, name = OTHERS[words.language]
    lines = [f"# {card.title}", "", MADE, ""]
    lines += [f"[{name}]({card.name}{SUFFIXES[other]}) · [{words.label('Datasets')}]"]
    lines[-1] += f"(README{SUFFIXES[words.language]})"
    lines += ["", *card_lines(card, words)]
    lines += [BEGIN, *_prepared(manifests, place, words), END]
    return "\n".join(lines) + "\n"


def _prepared(manifests: list[Manifest] | None, place: Path, words: Words) -> Iterator[str]:
    """Yield what is known of prepared data: newly measured, or as the page has it."""
    if manifests is None:
        kept = MEASURED.search(place.read_text(encoding="utf-8")) if place.exists() else None
        yield from kept[0].splitlines() if kept else []
        return
    if manifests:
        yield from ["", *heading("As prepared", words)]
    for manifest in manifests:
        yield from prepared_lines(manifest, words)


def untold(dataset: Dataset) -> Iterator[str]:
    """Yield the protocols whose departures the card does not tell."""
    for protocol in dataset.card.protocols:
        if not dataset.card.departures.get(protocol):
            yield f"the card of {dataset.card.name} lacks departures of {protocol}"


def _unpinned(dataset: Dataset, text: str) -> Iterator[str]:
    """Yield the pins of real data that the page does not show."""
    pins = published_pins(dataset)
    for pin in pins[1] if pins else ():
        shown = "size" in pin or all(value in text for value in pin["fingerprints"].values())
        if pin["dataset"] == dataset.card.name and not shown:
            yield f"{dataset.card.name}.md lacks the pins of {pin['protocol']}: measure it"


def _index(datasets: list[Dataset], language: str) -> str:
    """Return the index: a table of the datasets."""
    other, name = OTHERS[language]
    words = Words(language, datasets[0])
    head = [words.label(each) for each in ("dataset", "task", "protocols", "simulator", "licence")]
    rows = []
    for dataset in datasets:
        card, own = dataset.card, Words(language, dataset)
        link = f"[{card.name}]({card.name}{SUFFIXES[language]})"
        protocols = ", ".join(f"`{each}`" for each in card.protocols)
        sizes = ", ".join(f"`{each}`" for each in card.simulated_sizes) or words.label("none")
        licence = own.sentence(card.licence)
        rows.append([link, words.label(card.task), protocols, sizes, licence])
    takes_page = f"[{takes.TEXTS[language]['title']}]({FIGURES.stem}{SUFFIXES[language]})"
    lines = [f"# {words.label('Datasets')}", "", MADE, ""]
    lines += [f"[{name}](README{SUFFIXES[other]}) · {takes_page}", ""]
    return "\n".join([*lines, *table(head, rows)])


def _table(figures: Figures, datasets: list[Dataset], language: str) -> str:
    """Return the page of all preparations."""
    other, name = OTHERS[language]
    up = Words(language, datasets[0]).label("Datasets")
    lines = [f"# {takes.TEXTS[language]['title']}", "", MADE, ""]
    lines += [f"[{name}]({FIGURES.stem}{SUFFIXES[other]}) · [{up}](README{SUFFIXES[language]})", ""]
    return "\n".join([*lines, *takes.lines(figures, datasets, language, SIZE)])


def _is(place: Path, text: str) -> bool:
    return place.exists() and place.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    typer.run(main)
