"""Models that explain themselves, each sound but for one fault that `check_explanation` catches."""

from __future__ import annotations

import pytest
import torch
from recbench_models.baselines.logistic_regression import LogisticRegression

from recbench import Model

LENGTH = 10
"""Latest events that are explained."""


class Explains(LogisticRegression):
    """Says by which weights one would take the mean of the latest events."""

    def recent(self, features):
        return features.history.recent(min(LENGTH, features.history.longest))

    def explain(self, features):
        recent = self.recent(features)
        return {"attention": recent.mask / recent.lengths.clamp(min=1)[:, None]}


class ExplainsPadding(Explains):
    def explain(self, features):
        return {name: weights + 0.1 for name, weights in super().explain(features).items()}


class ExplainsTheBatch(Explains):
    def explain(self, features):
        return {name: weights.mean(0) for name, weights in super().explain(features).items()}


class ExplainsEmptyHistoriesByNan(Explains):
    def explain(self, features):
        recent = self.recent(features)
        return {"share": 1 / recent.lengths / recent.lengths.bool()}


class ExplainsAtRandom(Explains):
    def explain(self, features):
        return {"noise": torch.rand(len(features))}


class ExplainsFoundEventsOnly(Explains):
    def explain(self, features):
        return {"found": torch.full((len(features), 1), -1)}


class FindsEventsThatAreNotThere(Explains):
    def explain(self, features):
        found = torch.full((len(features), 1), 10**6)
        return {"found": found, "found_attention": torch.ones(len(features), 1)}


FAULTS: tuple[type[Model], ...] = (
    ExplainsPadding,
    ExplainsTheBatch,
    ExplainsEmptyHistoriesByNan,
    ExplainsAtRandom,
    ExplainsFoundEventsOnly,
    FindsEventsThatAreNotThere,
)


def test_a_sound_model_passes_every_check(failures):
    assert failures(Explains) == set()


@pytest.mark.parametrize("model", FAULTS)
@pytest.mark.usefixtures("without_learning")
def test_a_fault_fails_the_check_of_explanations_and_no_other(model, failures):
    assert failures(model) == {"explanation"}
