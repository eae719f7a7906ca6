"""The command line: one file per verb; each parses and prints, and holds no logic.

Nothing heavy is imported before a verb runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys

import typer

from recbench.cli import data, doctor, leaderboard, listing, run
from recbench.errors import RecbenchError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="recbench",
    help="Train and score recommender models on standardised, hash-locked data and splits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("list")(listing.list_plugins)
app.add_typer(data.app, name="data")
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
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away
        sys.exit(1)
