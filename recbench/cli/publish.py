"""`recbench publish`: the leaderboard as a static site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recbench.cli import options


def publish(
    output: Annotated[
        Path, typer.Option(help="Folder of the site; an earlier site there is replaced.")
    ] = Path("site"),
    results: options.Results = None,
) -> None:
    """Write a static site of all records: an index and a page for each dataset.

    It needs no server: open index.html, or copy the folder to any.
    """
    from recbench.folders import Folders
    from recbench.leaderboard import publish as write_site

    pages = write_site(Folders.from_environment(results=results).results, output)
    typer.echo(f"{len(pages)} pages; open {output / 'index.html'}")
