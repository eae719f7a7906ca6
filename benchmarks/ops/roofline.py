"""`python -m benchmarks.ops.roofline RESULTS`: draw the operators beneath the machine's roof.

A point's height is the work that a case demands, over the time it took; its place to the right is
that work for each byte the case must move. No implementation gets above the roof: on its slope
memory is the bound, on its top the multiplication units.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchmarks.ops.results import Results, Row, median, peak_of

COLOURS = {"din_attention": "#0072b2", "augru": "#d55e00", "sim_search_soft": "#009e73"}
MARKERS = {"native": "o", "reference": "x"}
DIRECTIONS = ("forward", "forward and backward")
INTENSITY = (0.2, 300.0)
"""Additions and multiplications per byte at the left and the right edge."""


def main(
    results: Annotated[Path, typer.Argument(help="What `python -m benchmarks.ops` wrote.")],
    output: Annotated[Path, typer.Option(help="The picture.")] = Path(
        "docs/operators-roofline.svg"
    ),
    threads: Annotated[int, typer.Option(help="Which measurements to draw.")] = 1,
) -> None:
    """Draw native kernels and references, forward on the left and with gradients on the right."""
    data: Results = json.loads(results.read_text())
    if all(peak["threads"] != threads for peak in data["peaks"]):
        raise typer.BadParameter(f"{results} has nothing on {threads} threads of a CPU")
    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "roofline", "svg.fonttype": "none"})
    figure, panels = pyplot.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for axes, direction in zip(panels, DIRECTIONS, strict=True):
        _draw_roof(axes, data, threads)
        for row in data["measurements"]:
            drawn = row["threads"] == threads and row["direction"] == direction
            if drawn and row["operator"] in COLOURS:
                _draw_case(axes, row)
        axes.set(title=direction, xlabel="FLOP per byte that must move")
    # The panels share it, and it fits the points only once all are drawn.
    panels[0].set_ylim(top=2 * peak_of(data, threads)["gflops"])
    panels[0].set_ylabel(f"GFLOP/s on {threads} thread{'s' if threads > 1 else ''}")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(output, metadata={"Date": None})
    typer.echo(f"written to {output}", err=True)


def _draw_roof(axes: Axes, data: Results, threads: int) -> None:
    peak = peak_of(data, threads)
    gflops, read = peak["gflops"], peak["read_gbs"]
    left, right = INTENSITY
    axes.loglog([left, gflops / read, right], [left * read, gflops, gflops], color="black", lw=1)
    axes.annotate(
        f"sgemm {gflops:.0f} GFLOP/s", (right, gflops), (-2, 4), textcoords="offset points",
        ha="right",
    )  # fmt: skip
    axes.annotate(
        f"read {read:.1f} GB/s", (left * 4, left * 4 * read), (8, -8), textcoords="offset points"
    )
    axes.set(xlim=INTENSITY)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.grid(which="major", color="#dddddd", lw=0.5)
    axes.set_axisbelow(True)


def _draw_case(axes: Axes, row: Row) -> None:
    """Draw a case's points, one above the other, and a line from reference to native."""
    colour = COLOURS[row["operator"]]
    reached = {name: row["flops"] / time / 1e9 for name in MARKERS if (time := median(row, name))}
    intensity = row["flops"] / row["bytes"]
    axes.plot([intensity] * len(reached), list(reached.values()), color=colour, lw=0.7, alpha=0.5)
    for name, gflops in reached.items():
        axes.plot(intensity, gflops, MARKERS[name], color=colour, ms=5)


def _legend() -> list[Line2D]:
    operators = [
        Line2D([], [], color=colour, label=operator, lw=4) for operator, colour in COLOURS.items()
    ]
    ways = [
        Line2D([], [], color="black", marker=marker, ls="", label=name)
        for name, marker in MARKERS.items()
    ]
    return operators + ways


if __name__ == "__main__":
    typer.run(main)
