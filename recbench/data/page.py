"""A dataset's page of documentation: Markdown of its card and of prepared data."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from recbench.data.card import AnyProtocol, Card
from recbench.data.facts import facts
from recbench.data.manifest import Manifest
from recbench.data.words import Words

APART = frozenset({"split", "source", "files", "labels"})
"""Fields of a protocol that are shown in another way than as settings."""
ASIDE, TOLD = " ({aside})", "{label}: {told}"
"""How something is said by the way, and how something is said of a label."""


def page(card: Card, manifests: Iterable[Manifest], words: Words) -> str:
    """Return the text of a page: the card, and each way it was prepared."""
    lines = [f"# {card.title}", "", *card_lines(card, words)]
    for place, manifest in enumerate(manifests):
        lines += [] if place else heading("As prepared", words)
        lines += prepared_lines(manifest, words)
    return "\n".join(lines).rstrip()


def card_lines(card: Card, words: Words) -> Iterator[str]:
    """Yield the lines of a page that a card alone decides, without its title."""
    yield from _about(card, words)
    if card.files:
        yield from heading("Files", words)
        yield from _files(card, words)
    yield from heading("Protocols", words)
    for name in card.protocols:
        yield from _protocol(card, name, words)
    yield from _departures(card, words)
    if card.counts:
        yield from heading("Published counts", words)
        names = list(dict.fromkeys(name for release in card.counts for name in release))
        rows = (
            [f"{release[n]:,}" if n in release else "" for n in names] for release in card.counts
        )
        yield from table([words.label(name) for name in names], rows)
    if card.notes:
        yield from heading("Notes", words)
        yield from (f"- {words.sentence(note)}" for note in card.notes)
        yield ""


def prepared_lines(manifest: Manifest, words: Words) -> Iterator[str]:
    """Yield the lines of a page on one way to prepare the data."""
    origin = words.label("real files")
    if manifest.source == "simulated":
        origin = words.label("simulated, size {size}", size=manifest.size)
    yield f"### `{manifest.protocol}`{words.label(ASIDE, aside=origin)}"
    yield ""
    rows = [[name, text] for name, text in facts(manifest, words).items()]
    left_out = [[words.label("left out"), words.sentence(text)] for text in manifest.reports]
    yield from table(["", ""], [*rows, *left_out])


def table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """Yield a table and an empty line."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"
    yield ""


def heading(text: str, words: Words) -> list[str]:
    """Return the lines of a heading."""
    return [f"## {words.label(text)}", ""]


def _about(card: Card, words: Words) -> Iterator[str]:
    rows = {
        "dataset": f"`{card.name}`",
        "task": words.label(card.task),
        "version": str(card.version),
        "licence": words.sentence(card.licence),
        "citation": words.name(card.citation),
    }
    sizes = words.label(
        "sizes {sizes}", sizes=", ".join(f"`{each}`" for each in card.simulated_sizes)
    )
    if card.files:
        rows["get the files from"] = words.sentence(card.source)
        if not card.paths:
            rows["put them in"] = f"`$RECBENCH_DATA/{card.home}/`"
        rows["simulator"] = sizes if card.simulated_sizes else words.label("none")
    else:
        always = words.label("always simulated: {source}", source=words.sentence(card.source))
        rows["simulator"] = f"{always}; {sizes}"
    yield from table(["", ""], ([words.label(name), text] for name, text in rows.items()))


def _told(label: str, text: str, words: Words) -> str:
    return words.label(TOLD, label=words.label(label), told=text)


def _files(card: Card, words: Words) -> Iterator[str]:
    rows = []
    for role, file in card.files.items():
        readers = [name for name in card.protocols if role in card.files_of(name)]
        by = ", ".join(f"`{name}`" for name in readers)
        by = words.label("all") if len(readers) == len(card.protocols) else by
        rows.append([f"`{file}`", role, by])
    yield from table([words.label(name) for name in ("file", "role", "read by")], rows)


def _protocol(card: Card, name: str, words: Words) -> Iterator[str]:
    protocol = card.protocols[name]
    default = words.label(ASIDE, aside=words.label("default"))
    default = default if name == card.default_protocol else ""
    yield f"### `{name}`{default}"
    yield ""
    rule = getattr(protocol, "split", protocol)
    about = words.sentence(inspect.getdoc(type(rule)).split("\n\n")[0].replace("\n", " "))  # type: ignore[union-attr]
    rows = {"split": about, "settings": ", ".join(_settings(protocol))}
    labels = [field.name for field in card.label_fields(protocol)]
    rows["predicted"] = ", ".join(f"`{label}`" for label in labels)
    rows["judged apart"] = ", ".join(f"`{state}`" for state in protocol.states)
    rows["leakage"] = words.sentence(protocol.seen) if protocol.seen else ""
    yield from (f"- {_told(label, text, words)}" for label, text in rows.items() if text)
    yield ""


def _departures(card: Card, words: Words) -> Iterator[str]:
    """Yield where protocols come from and how they depart from that, those that are alike once."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, protocol in card.protocols.items():
        own = protocol.source, card.departures.get(name, ())
        alike.setdefault(own, []).append(f"`{name}`")
    yield from heading("Where the protocols come from, and what changed", words)
    for (source, changes), names in alike.items():
        yield f"### {', '.join(names)}"
        yield ""
        yield _told("Source", words.name(source), words)
        yield ""
        if changes:
            yield from (f"- {words.sentence(change)}" for change in changes)
            yield ""


def _settings(protocol: AnyProtocol) -> Iterator[str]:
    """Yield the settings of the split, then those of the protocol that are not the usual ones."""
    split = getattr(protocol, "split", None)
    if split is not None:
        yield from _given(split, usual=True)
    yield from _given(protocol, usual=False)


def _given(settings: Any, *, usual: bool) -> Iterator[str]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in APART or (not usual and value == field.default):
            continue
        if dataclasses.is_dataclass(value):
            yield f"{field.name} ({', '.join(_given(value, usual=True))})"
        else:
            yield f"`{field.name} = {value}`"
