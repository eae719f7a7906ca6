"""The checks of a plugin as it is found: installed, imported or named by its class."""

from __future__ import annotations

import contextlib
import sys

from recbench.plugins import Plugin, load_dataset, load_model
from recbench.progress import SILENT, Progress
from recbench.testing.check_result import CheckResult
from recbench.testing.conformance import run_checks


def check_plugin(plugin: Plugin, progress: Progress = SILENT) -> list[CheckResult]:
    """Run every check of a plugin's kind; what it prints meanwhile goes to standard error.

    Raises:
        PluginError: If it cannot be loaded.
        DataError: If the card of an imported dataset cannot be read.
    """
    with contextlib.redirect_stdout(sys.stderr):
        if plugin.kind == "model":
            return run_checks(load_model(plugin), progress=progress)
        return run_checks(load_dataset(plugin), progress=progress)
