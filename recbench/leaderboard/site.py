"""A static site of the leaderboard: an index, and a page for each dataset, in two languages.

Every page stands alone, style and script included; the records that it shows lie beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from recbench.errors import RecbenchError, UsageError
from recbench.leaderboard.cells import Cell, Column, blocks, notes
from recbench.leaderboard.group import Group
from recbench.leaderboard.loading import load_records
from recbench.leaderboard.site_words import LANGUAGES, WORDS
from recbench.leaderboard.table import Table, tables
from recbench.record import RunRecord
from recbench.tuning.study import Studies, load_studies

RECORDS = "records"
"""The folder of the site that has the records, laid out as the results folder."""
GENERATOR = '<meta name="generator" content="recbench publish">'


@dataclass(frozen=True)
class Site:
    """What a site shows.

    Attributes:
        boards: Tables of each dataset, by its name.
        records: The records of each group.
        studies: What tuning has tried for those that were tuned.
        root: The results folder.
    """

    boards: Mapping[str, Sequence[Table]]
    records: Mapping[Group, Sequence[RunRecord]]
    studies: Studies
    root: Path


def publish(root: Path, output: Path) -> list[Path]:
    """Write the site of a results folder, and return its pages.

    Args:
        root: The results folder.
        output: The site's folder. An earlier site in it is replaced; the folder itself stays.

    Raises:
        UsageError: If there is no record, or the folder has something else in it.
        RecbenchError: If a record, its predictions or a study are damaged or missing, a score is
            not that of the predictions, or the site cannot be written.
    """
    records, problems = load_records(root)
    if problems:
        raise RecbenchError("\n".join(problems))
    if not records:
        raise UsageError(f"there is no record in {root}; `recbench run` makes some")
    folder = output.resolve()
    if root.resolve().is_relative_to(folder):
        raise UsageError(
            f"the records in {root} would be part of the site in {output}; choose another"
        )
    try:
        if folder.exists() and (foreign := _foreign(folder)):
            raise UsageError(
                f"{foreign} is no part of a site that recbench made, and would be lost; "
                "choose another folder, or move it"
            )
        site = _site(records, root)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as draft:
            pages = _write(site, Path(draft))
            _replace(folder, Path(draft))
    except OSError as error:
        raise RecbenchError(f"cannot write {output}: {error.strerror or error}") from error
    return [output / page for page in pages]


def _foreign(folder: Path) -> Path | None:
    """Return what keeps a folder from being a site, or an empty folder, if anything does."""
    if not folder.is_dir():
        return folder
    site = _is_page(folder / "index.html")
    for entry in sorted(folder.iterdir()):
        if site and entry.name == RECORDS and entry.is_dir() and not entry.is_symlink():
            files = (each for each in sorted(entry.rglob("*")) if not each.is_dir())
            if other := next((each for each in files if each.suffix != ".json"), None):
                return other
        elif not _is_page(entry):
            return entry
    return None


def _is_page(path: Path) -> bool:
    if path.suffix != ".html" or not path.is_file():
        return False
    return GENERATOR in path.read_text(encoding="utf-8", errors="replace")


def _replace(folder: Path, draft: Path) -> None:
    """Put a draft in the place of what a site's folder has.

    The folder stays the same one, for a shell or a server may be in it. Pages go last and come
    first, so that what an interrupted call leaves is still known as a site.
    """
    folder.mkdir(exist_ok=True)
    if (folder / RECORDS).exists():
        shutil.rmtree(folder / RECORDS)
    for page in folder.iterdir():
        page.unlink()
    for entry in sorted(draft.iterdir(), key=Path.is_dir):
        shutil.move(entry, folder)


def _site(records: Sequence[RunRecord], root: Path) -> Site:
    shown = sorted(records, key=lambda record: Group.of(record).sort_key())
    made = tables(records, root=root)
    for table in made:
        table.require_sound()
    names = sorted({table.group.dataset for table in made})
    boards = {name: [each for each in made if each.group.dataset == name] for name in names}
    grouped = {group: list(own) for group, own in groupby(shown, key=Group.of)}
    return Site(boards, grouped, load_studies(root)[0], root)


def _write(site: Site, folder: Path) -> list[str]:
    """Write the pages and copy the records; return the pages' names."""
    paths = [each.path(site.root) for own in site.records.values() for each in own]
    paths += [each.path(site.root) for each in site.studies.values()]
    for path in paths:
        target = folder / RECORDS / path.relative_to(site.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    pages = {}
    for language in LANGUAGES:
        pages[_name("index", language)] = _index(site, language)
        for name, own in site.boards.items():
            pages[_name(name, language)] = _dataset(name, own, site, language)
    for page, text in pages.items():
        (folder / page).write_text(text, encoding="utf-8")
    return list(pages)


def _name(page: str, language: str) -> str:
    return f"{page}.html" if language == LANGUAGES[0] else f"{page}.{language}.html"


def _index(site: Site, language: str) -> str:
    words = WORDS[language]
    heads = ("dataset", "split", "data", "models", "best", "score")
    rows = []
    for name, own in site.boards.items():
        link = f'<a href="{_name(name, language)}">{escape(name)}</a>'
        for table in own:
            group, first = table.group, table.group.metrics[0]
            best = table.rows[table.rows["rank"] == 1]
            score = f"{first.name} {best[f'{first.name}_mean'].iloc[0]:.4f}" if len(best) else "—"
            flags = [words[each] for each in ("limit", "caution", "stale") if getattr(group, each)]
            source = ", ".join((words[group.source], *flags))
            texts = (f"v{group.version} · {group.protocol}", source, str(len(table.rows)),
                     ", ".join(dict.fromkeys(best["model"])) or "—", score)  # fmt: skip
            rows.append(
                f"<tr><td>{link}</td>{''.join(f'<td>{escape(t)}</td>' for t in texts)}</tr>"
            )
    head = "".join(f"<th>{words[each]}</th>" for each in heads)
    body = (
        f"<h1>{words['title']}</h1>\n<p>{words['intro']}</p>\n"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    return _page("index", words["title"], body, site, language)


def _dataset(name: str, own: Sequence[Table], site: Site, language: str) -> str:
    words = WORDS[language]
    parts = [f"<h1>{escape(name)}</h1>", f"<p>{words['reading']}</p>"]
    for table in own:
        apart = ' class="apart"' if _apart(table.group) else ""
        parts.append(f"<h2{apart}>{escape(table.group.title)}</h2>")
        parts += [_grid(block, words) for block in blocks(table)]
        parts += [
            f'<p class="note">{escape(each)}</p>' for each in (table.group.caption, *notes(table))
        ]
        parts.append(_sources(site.records[table.group], site, words))
    return _page(name, name, "\n".join(parts), site, language)


def _apart(group: Group) -> bool:
    """Return whether a title warns of what stands below it."""
    return bool(group.source != "real" or group.limit or group.caution or group.stale)


def _grid(shown: Sequence[Column], words: Mapping[str, str]) -> str:
    def kind(column: Column) -> str:
        return ' class="number"' if column.numeric else ""

    head = "".join(
        f'<th{kind(each)} scope="col"><button type="button">'
        f"{escape(words.get(each.header, each.header))}</button></th>"
        for each in shown
    )
    rows = zip(*(column.cells for column in shown), strict=True)
    body = "\n".join("<tr>" + "".join(map(_cell, row, map(kind, shown))) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="board"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(cell: Cell, kind: str) -> str:
    text = f'<span class="best">{escape(cell.text)}</span>' if cell.best else escape(cell.text)
    detail = f' <span class="detail">{escape(cell.detail)}</span>' if cell.detail else ""
    return f'<td{kind} data-text="{escape(cell.text)}">{text}{detail}</td>'


def _sources(own: Sequence[RunRecord], site: Site, words: Mapping[str, str]) -> str:
    """Return links to the records of a table, and to the studies of those that were tuned."""
    ordered = sorted(own, key=lambda record: (record.model.name, record.seed))
    links = [
        _link(each.path(site.root), site.root, f"{each.model.name}, {words['seed']} {each.seed}")
        for each in ordered
    ]
    names = dict.fromkeys((each.model.name, each.config_hash) for each in ordered)
    studies = [site.studies[name] for name in names if name in site.studies]
    links += [
        _link(each.path(site.root), site.root, f"{each.model.name}, {words['study']}")
        for each in studies
    ]
    head = f"{words['records']} ({len(own)})"
    return f"<details><summary>{head}</summary><ul>{''.join(links)}</ul></details>"


def _link(path: Path, root: Path, label: str) -> str:
    target = f"{RECORDS}/{path.relative_to(root).as_posix()}"
    return f'<li><a href="{escape(target)}">{escape(label)}</a></li>'


def _page(name: str, title: str, body: str, site: Site, language: str) -> str:
    words = WORDS[language]
    other = next(each for each in LANGUAGES if each != language)
    home = f'<a href="{_name("index", language)}">{words["title"]}</a>' if name != "index" else ""
    switch = f'<a href="{_name(name, other)}" lang="{other}">{WORDS[other]["name"]}</a>'
    count = sum(map(len, site.records.values()))
    assets = resources.files(__package__)
    style, script = (assets.joinpath(f"site.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{GENERATOR}
<title>{escape(title)} · recbench</title>
<style>
{style}</style>
</head>
<body>
<nav><span>{home}</span>{switch}</nav>
<main>
{body}
</main>
<footer>{words["footer"].format(count=count)}</footer>
<script>
{script}</script>
</body>
</html>
"""
