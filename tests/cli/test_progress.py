import io

import pytest
from rich.console import Console

from recbench.cli.progress import PlainProgress, TerminalProgress, progress


@pytest.fixture(params=[PlainProgress, TerminalProgress])
def shown(request):
    """A progress and what it wrote."""
    terminal = request.param is TerminalProgress
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, color_system=None)
    return request.param(console), out


def test_notes_are_lines_as_they_are(shown):
    said, out = shown
    said.note("[1/2] din on taobao [bold]")
    assert out.getvalue() == "[1/2] din on taobao [bold]\n"


def test_a_warning_is_said_once(shown):
    said, out = shown
    for _ in range(3):
        said.warn("SIMULATED [x]")
    said.warn("another")
    assert out.getvalue().count("SIMULATED [x]") == 1
    assert "another" in out.getvalue()


def test_a_long_note_is_one_line_where_no_terminal_is():
    out = io.StringIO()
    PlainProgress(Console(file=out, width=20)).note("word " * 30)
    assert out.getvalue() == "word " * 30 + "\n"


def test_bars_are_drawn_on_a_terminal_only(shown):
    said, out = shown
    with said.bar("epoch 1/4", 100, "samples") as bar:
        bar.advance(100, loss=0.25)
        if isinstance(said, TerminalProgress):
            bar._drawing.refresh()
    drawn = out.getvalue()
    if isinstance(said, PlainProgress):
        assert drawn == ""
    else:
        assert "epoch 1/4" in drawn
        assert "100%" in drawn
        assert "100/100 samples" in drawn
        assert "/s  loss 0.2500" in drawn


def test_a_pipe_gets_plain_lines(capsys):
    assert isinstance(progress(), PlainProgress)
    progress().warn("careful")
    assert capsys.readouterr().err == "WARNING: careful\n"
