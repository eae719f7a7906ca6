"""All pages: links lead somewhere, both languages have the same, every option is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from recbench.cli import app

ROOT = Path(__file__).parents[2]
ENGLISH = tuple(
    path
    for path in (*ROOT.glob("README.md"), *sorted((ROOT / "docs").glob("*.md")))
    if ".zh-CN" not in path.name
)
PAGES = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("results/*.md"))

WIDTH = 120


def chinese(page: Path) -> Path:
    return page.with_name(f"{page.stem}.zh-CN.md")


def lines(page: Path) -> Iterator[tuple[bool, str]]:
    """Yield each line, and whether it is in a block of code."""
    code = False
    for line in page.read_text("utf-8").splitlines():
        fence = line.startswith("```")
        yield code or fence, line
        code ^= fence


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found = set()
    for code, line in lines(page):
        if not code and (head := re.match(r"#+ (.*)", line)):
            kept = (sign for sign in head[1].lower() if sign.isalnum() or sign in " -_")
            found.add("".join(kept).replace(" ", "-"))
    return found


def sections(page: Path) -> list[tuple[int, int, int]]:
    """Return of each section the depth, the rows of tables and the blocks of code."""
    found: list[list[int]] = []
    for code, line in lines(page):
        if not code and (head := re.match(r"(#+) ", line)):
            found.append([len(head[1]), 0, 0])
        elif found:
            found[-1][1] += line.startswith("|") and not code
            found[-1][2] += line.startswith("```")
    return [tuple(each) for each in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for code, line in lines(page):
        for target in () if code else re.findall(r"\]\(([^)]+)\)", line):
            file, _, anchor = target.partition("#")
            there = page.parent / file if file else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.name)
def test_no_line_is_longer_than_the_limit_but_rows_of_tables_and_code(page):
    for each in (page, chinese(page)):
        for code, line in lines(each):
            assert len(line) <= WIDTH or code or line.startswith("|"), line


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.name)
def test_both_languages_have_the_same_sections_tables_and_blocks(page):
    assert sections(page) == sections(chinese(page))


def test_every_option_is_explained_in_both_languages():
    for pages in (ENGLISH, tuple(map(chinese, ENGLISH))):
        said = set(re.findall(r"--[a-z][a-z-]*", "".join(p.read_text("utf-8") for p in pages)))
        for verb, names in options(typer.main.get_command(app), "recbench"):
            assert names & said, f"{verb}: {names}"


def options(command, verb) -> Iterator[tuple[str, set[str]]]:
    for parameter in command.params:
        if names := {name for name in (*parameter.opts, *parameter.secondary_opts) if "--" in name}:
            yield verb, names
    for name, inner in getattr(command, "commands", {}).items():
        yield from options(inner, f"{verb} {name}")
