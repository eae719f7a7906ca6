from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from recbench.cli import main


@dataclass(frozen=True)
class Done:
    """What a command ended with."""

    status: int
    out: str
    err: str


@pytest.fixture
def recbench(tiny_folders, tmp_path, monkeypatch, capsys):
    """Return a function that runs a command as `recbench` would, on the tiny Taobao's cache.

    Runs are made in this process, unless `isolated`.
    """
    monkeypatch.delenv("RECBENCH_DATA", raising=False)
    monkeypatch.setenv("RECBENCH_CACHE", str(tiny_folders.cache))
    monkeypatch.setenv("RECBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str, isolated: bool = False) -> Done:
        if arguments[:1] == ("run",) and not isolated:
            arguments = (*arguments, "--in-process")
        monkeypatch.setattr(sys, "argv", ["recbench", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return Done(int(end.value.code or 0), said.out, said.err)

    return command
