"""docs/plugins.md: every command of it runs, in order, in one shell; so do those in Chinese."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = tuple(ROOT / "docs" / name for name in ("plugins.md", "plugins.zh-CN.md"))
WIDTH = 120
INSTALL = """set -e
pip() {
    python -m pip "$1" --quiet --no-deps --no-index --no-build-isolation --target "$SITE" "${@:2}"
}
"""
"""What the shell of the test begins with: an installation touches no environment."""


def blocks(page):
    """Return the language and text of each block of commands or Python, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [(language, text) for language, text in found if language in ("sh", "python")]


def script(page):
    """Return what a reader types: commands, and Python into the file that its first line names."""
    typed = [INSTALL]
    for language, text in blocks(page):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", text)[1]
            text = f"cat > {name} <<'END_OF_FILE'\n{text}END_OF_FILE\n"
        typed.append(text)
    return "".join(typed)


def test_both_languages_have_the_same_blocks():
    first, second = map(blocks, PAGES)
    assert first == second
    assert len(first) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_no_wider_than_the_limit_but_for_rows_of_tables(page):
    for line in page.read_text("utf-8").splitlines():
        wide = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
        assert wide <= WIDTH or line.startswith("|"), line


@pytest.mark.slow
def test_every_command_runs(tmp_path):
    work, site = tmp_path / "empty", tmp_path / "site"
    work.mkdir()
    paths = (site, ROOT, ROOT / "plugins")
    done = subprocess.run(
        ["bash", "-c", script(PAGES[0])],
        cwd=work,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("RECBENCH_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": ":".join(map(str, paths)),
            "RECBENCH_CACHE": str(tmp_path / "cache"),
            "RECBENCH_OFFLINE": "1",
            "SITE": str(site),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"my-fm\*? +1 +0\.\d", done.stdout), done.stdout
    shown = re.search(r"^model myfm of .*checks: .*$", PAGES[0].read_text("utf-8"), re.MULTILINE)
    assert shown[0] in done.stdout
    assert "model crowd of unpublished crowd:Crowd: " in done.stdout
    assert "FAILED" not in done.stdout
