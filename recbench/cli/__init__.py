"""The command line: one file per verb; each parses and prints, and holds no logic.

Nothing heavy is imported before a verb runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recbench.cli import (
    checking,
    compare,
    data,
    doctor,
    explain,
    leaderboard,
    listing,
    operators,
    plugin,
    publish,
    run,
    suite,
    tune,
)
from recbench.cli.stopping import stopped_by_signals
from recbench.errors import RecbenchError, UsageError

RUNS, RESULTS, PARTS, MACHINE = "Runs", "Results", "Models and data", "This machine"
"""Headings of the verbs in --help."""


class _Verbs(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a verb; Typer would end an interrupt without a word."""
        with stopped_by_signals():
            return super().invoke(ctx)


app = typer.Typer(
    name="recbench",
    cls=_Verbs,
    help="Train and score recommender models on standardised, hash-locked data and splits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from recbench.provenance import version

        typer.echo(f"recbench {version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take what stands before a verb."""


app.command("run", rich_help_panel=RUNS)(run.run)
app.command("suite", rich_help_panel=RUNS)(suite.suite)
app.command("tune", rich_help_panel=RUNS)(tune.tune)
app.command("leaderboard", rich_help_panel=RESULTS)(leaderboard.leaderboard)
app.command("compare", rich_help_panel=RESULTS)(compare.compare)
app.command("publish", rich_help_panel=RESULTS)(publish.publish)
app.command("verify", rich_help_panel=RESULTS)(checking.verify)
app.command("reproduce", rich_help_panel=RESULTS)(checking.reproduce)
app.command("explain", rich_help_panel=RESULTS)(explain.explain)
app.command("list", rich_help_panel=PARTS)(listing.list_plugins)
app.add_typer(data.app, name="data", rich_help_panel=PARTS)
app.add_typer(plugin.app, name="plugin", rich_help_panel=PARTS)
app.command("doctor", rich_help_panel=MACHINE)(doctor.doctor)
app.command("ops", rich_help_panel=MACHINE)(operators.operators)


def main() -> None:
    """Run the command line; a user's mistake ends in one message, never in a traceback."""
    try:
        app()
    except RecbenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        if isinstance(error, UsageError):
            print("see recbench --help", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
