"""Explanations and state scores as a picture, by matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recbench.errors import UsageError
from recbench.explanation.events import EventWeights
from recbench.explanation.findings import Findings
from recbench.explanation.gates import GateUse
from recbench.explanation.states import StateScores
from recbench.metrics import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".svg", ".png", ".pdf")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart by the colour-blind too (Okabe and Ito)."""
MARKERS = "osv^Dp*"
WIDTH, HEIGHT = 7.2, 3.2
"""Of a panel, in inches."""
DISTANCES = 50
"""Distances from the end that are drawn."""
LABELS = {"attention": "latest events", "found": "events found"}

BESIDE = {"frameon": False, "loc": "upper left", "bbox_to_anchor": (1, 1)}
"""Where legends are: to the right of their panel, where they hide nothing."""

Panel = Callable[["Axes"], None]


def require_drawing(path: Path) -> None:
    """Raise `UsageError` if nothing can be drawn here, or not to a file of this name."""
    if path.suffix not in FORMATS:
        raise UsageError(f"--output {path}: its name must end in {', '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise UsageError("drawing needs matplotlib: pip install 'recbench[plot]'")


def draw(findings: Findings, path: Path) -> None:
    """Draw all there is to see, a panel each, one below the other, and write it to `path`."""
    require_drawing(path)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(findings)
    settings = {"svg.hashsalt": "recbench", "svg.fonttype": "none", "font.size": 9}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(WIDTH, HEIGHT * len(panels)), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, panel in zip(
            figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True
        ):
            panel(axes)
            axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panels(findings: Findings) -> list[Panel]:
    panels: list[Panel] = []
    for each in findings.explanations:
        about = f"{each.record.model.name}, seed {each.record.seed}, on {each.record.dataset.name}"
        panels += [partial(_draw_gates, use, f"{about}: {use.name}") for use in each.gates]
        panels += [
            partial(_draw_events, events, f"{about}: attention to the {LABELS[events.name]}")
            for events in each.events
        ]
    if scores := findings.states:
        title = scores.group.title
        panels += [partial(_draw_states, scores, metric, title) for metric in scores.metrics]
    return panels


def _draw_gates(use: GateUse, title: str, axes: Axes) -> None:
    """Draw a group of bars for each expert, a bar for each gate."""
    width = 0.8 / len(use.columns)
    places = np.arange(len(use.experts))
    for number, (name, column) in enumerate(use.columns.items()):
        at = places + (number - (len(use.columns) - 1) / 2) * width
        entropy = "" if np.isnan(column.entropy) else f", entropy {column.entropy:.2f}"
        axes.bar(
            at, column.mean, width, yerr=column.deviation, label=name + entropy,
            color=COLOURS[number % len(COLOURS)], error_kw={"lw": 0.8, "capsize": 2},
        )  # fmt: skip
    turned = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, use.experts, **(turned if len(use.experts) > 4 else {}))
    axes.set(title=title, ylabel="weight, mean and deviation", ylim=(0, None))
    axes.legend(**BESIDE)


def _draw_events(events: EventWeights, title: str, axes: Axes) -> None:
    """Draw the mean weight by distance from the end, latest event on the right."""
    places = [place for place in events.by_distance(each=True) if place.first <= DISTANCES]
    distance = np.array([place.first for place in places])
    heads = events.weight.shape[1]
    for head in range(heads):
        mean = np.array([place.mean[head] for place in places])
        deviation = np.array([place.deviation[head] for place in places])
        colour = COLOURS[head % len(COLOURS)]
        label = f"head {head + 1}" if heads > 1 else None
        axes.fill_between(
            distance, mean - deviation, mean + deviation, color=colour, alpha=0.15, lw=0
        )
        axes.plot(
            distance, mean, MARKERS[head % len(MARKERS)] + "-", ms=3, color=colour, label=label
        )
    axes.invert_xaxis()
    axes.axhline(0, color="#bbbbbb", lw=0.6, zorder=0)
    axes.set(title=title, xlabel="events from the end of the history, latest on the right")
    axes.set_ylabel("weight, mean ± deviation")
    if heads > 1:
        axes.legend(**BESIDE)


def _draw_states(scores: StateScores, metric: Metric, title: str, axes: Axes) -> None:
    """Draw a line over the states for each model."""
    places = np.arange(len(scores.states))
    for number, curve in enumerate(scores.curves):
        keys = [(metric.name, state) for state in scores.states]
        mean = [curve.mean.get(key, np.nan) for key in keys]
        # Or curves that are nearly the same would hide each other.
        aside = 0.06 * (number - (len(scores.curves) - 1) / 2)
        deviation = np.nan_to_num([curve.deviation.get(key, np.nan) for key in keys])
        axes.errorbar(
            places + aside, mean, deviation, marker=MARKERS[number % len(MARKERS)], ms=4, capsize=3,
            label=curve.model, color=COLOURS[number % len(COLOURS)],
        )  # fmt: skip
    axes.set_xticks(places, scores.states)
    better = "higher" if metric.higher_is_better else "lower"
    axes.set(title=title, ylabel=f"{metric.name} ({better} is better)")
    axes.legend(**BESIDE)
