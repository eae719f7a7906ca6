"""The MMoE paper's figure: test loss of shared bottom, one gate and many, by task correlation.

Run it as `python -m benchmarks.mmoe_synthetic`; drawing needs matplotlib, the extra `bench`. Every
repetition draws functions, data and initial weights anew, the same for all models and correlations,
so that they are compared pair by pair. It prints the losses as two Markdown tables.

The paper does not publish alpha, beta and c. Here alpha is normal with a standard deviation of
`--frequency`, beta is standard normal, and c is `--length`; drawbridge/keras-mmoe has 1, and 0.3,
and 12,000 rows.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from recbench_models.multitask.mmoe import MMoE
from recbench_models.multitask.moe import MoE
from recbench_models.multitask.shared_bottom import SharedBottom

from recbench.batch import Features, History, MultiTaskBatch
from recbench.datasets.mmoe_synthetic import SMALL, MMoESynthetic
from recbench.schema import Field, Schema
from recbench.seeding import seed_everything
from recbench.testing.subject import score
from recbench.testing.synthetic import SyntheticSource
from recbench.training import TrainingConfig, TrainingRun

CARD = MMoESynthetic.card
SCHEMA = Schema(
    (
        *(Field(name, "context", 0) for name in CARD.numbers),
        *CARD.label_fields(CARD.protocols["shares"]),
    )
)
MODELS = {"shared-bottom": SharedBottom, "moe": MoE, "mmoe": MMoE}
SHARES = (0.8, 0.1, 0.1)
SINES = 5


@dataclass(frozen=True)
class Experiment:
    """What all models of a figure are given."""

    rows: int = 120_000
    frequency: float = 3.0  # standard deviation of alpha
    length: float = 1.0  # c
    epochs: int = 10

    @property
    def training(self):
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=256,
            learning_rate=3e-3,
            schedule="linear",
            patience=self.epochs,
        )


def draw(experiment, correlation, repetition):
    """Return train, validation and test part of new data."""
    random = np.random.default_rng([repetition, 2])
    alpha = experiment.frequency * random.normal(size=SINES)
    generator = replace(
        SMALL,
        rows=experiment.rows,
        alpha=tuple(alpha.tolist()),
        beta=tuple(random.normal(size=SINES).tolist()),
        length=experiment.length,
    )
    inputs, labels = replace(generator, correlation=correlation, seed=repetition).draw()
    stops = np.cumsum([round(share * len(inputs)) for share in SHARES])[:-1]
    return [
        batch(torch.from_numpy(own).float(), torch.from_numpy(target).float())
        for own, target in zip(np.split(inputs, stops), np.split(labels, stops), strict=True)
    ]


def batch(numbers, labels):
    offsets = torch.zeros(len(labels) + 1, dtype=torch.int64)
    history = History({}, offsets[:0], offsets, 0)
    return MultiTaskBatch(Features({}, history, numbers), labels)


def loss(experiment, kind, parts, repetition):
    """Return the mean squared error on the test part, of the best state on validation."""
    train, valid, test = parts
    seed_everything(repetition)
    model = kind(SCHEMA, kind.Config())
    with tempfile.TemporaryDirectory() as folder:
        source = SyntheticSource(train, experiment.training.batch_size)
        run = TrainingRun(experiment.training, Path(folder))
        model.fit(source, lambda each: {"mse": score(each, valid)}, run)
    return score(model, test)


def measure(experiment, correlations, repetitions):
    """Return the losses of each model, [correlations, repetitions]."""
    losses = {name: np.empty((len(correlations), repetitions)) for name in MODELS}
    for place, correlation in enumerate(correlations):
        for repetition in range(repetitions):
            parts = draw(experiment, correlation, repetition)
            for name, kind in MODELS.items():
                losses[name][place, repetition] = loss(experiment, kind, parts, repetition)
    return losses


def interval(values):
    """Return the half-width of the 95 % interval of means over the last axis, by Student's t."""
    from scipy.stats import t

    n = values.shape[-1]
    return t.ppf(0.975, n - 1) * values.std(-1, ddof=1) / np.sqrt(n)


def compare(correlations, losses):
    """Return the losses as Markdown, and what mmoe gains over each other model, pair by pair."""
    others = [name for name in losses if name != "mmoe"]
    gains = {f"{name} - mmoe": losses[name] - losses["mmoe"] for name in others}
    return table(correlations, {**losses, **gains})


def degrade(correlations, losses):
    """Return as Markdown what each model loses from the last correlation on, pair by pair."""
    found = {name: values - values[-1:] for name, values in losses.items()}
    gains = {f"{name} - mmoe": found[name] - found["mmoe"] for name in found if name != "mmoe"}
    return table(correlations[:-1], {**found, **gains})


def table(correlations, columns):
    """Return means and their intervals over repetitions as Markdown, a row each correlation."""
    lines = ["| correlation | " + " | ".join(columns) + " |", "|--:" * (len(columns) + 1) + "|"]
    for place, correlation in enumerate(correlations):
        cells = [f"{correlation:g}"]
        for values in columns.values():
            cells.append(f"{values[place].mean():.4f} ± {interval(values[place]):.4f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(correlations, losses, path):
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "recbench"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for (name, values), marker, shift in zip(
        losses.items(), "sov", (-0.01, 0.0, 0.01), strict=True
    ):
        places = np.asarray(correlations) + shift  # so that intervals do not hide each other
        axes.errorbar(
            places, values.mean(1), interval(values), marker=marker, capsize=3, label=name
        )
    axes.set(xlabel="correlation of the tasks' weights", ylabel="test loss (mean squared error)")
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--correlations", default="0,0.25,0.5,0.75,1")
    parser.add_argument("--repetitions", type=int, default=20)
    for name, default in vars(Experiment()).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--output", type=Path, default=Path("docs/mmoe-synthetic.svg"))
    parser.add_argument("--losses", type=Path, help="keep every single loss here, as .npz")
    arguments = parser.parse_args()
    correlations = [float(each) for each in arguments.correlations.split(",")]
    own = {name: getattr(arguments, name) for name in vars(Experiment())}
    losses = measure(Experiment(**own), correlations, arguments.repetitions)
    if arguments.losses:
        np.savez(arguments.losses, correlations=correlations, **losses)
    print(compare(correlations, losses), degrade(correlations, losses), sep="\n\n")  # noqa: T201
    plot(correlations, losses, arguments.output)


if __name__ == "__main__":
    main()
