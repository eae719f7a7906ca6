"""The command line: one file per verb; each parses and prints, and holds no logic.

Nothing heavy is imported before a verb runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Any

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
app.command("run")(run.run)
app.command("suite")(suite.suite)
app.command("tune")(tune.tune)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("publish")(publish.publish)
app.command("compare")(compare.compare)
app.command("verify")(checking.verify)
app.command("reproduce")(checking.reproduce)
app.command("explain")(explain.explain)
app.command("list")(listing.list_plugins)
app.add_typer(data.app, name="data")
app.add_typer(plugin.app, name="plugin")
app.command("ops")(operators.operators)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; a user's mistake ends in one message, never in a traceback."""
    try:
        app()
    except RecbenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        if isinstance(error, UsageError):
            print("see recbench --help", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
