"""Which settings a study tries next, by Optuna's tree-structured Parzen estimator.

Nothing but the study decides: its seed, its space and its trials. Optuna keeps no state of its own
between two trials, so a study that was broken off goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recbench.plain import digest
from recbench.tuning.study import Study, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

SAMPLER = "defaults first, then TPE, seeded anew for each trial"
"""What this file does, in the words of a study; another text makes other studies."""

Domains = Mapping[str, Mapping[str, list[Any]]]


def propose(study: Study) -> dict[str, Any]:
    """Return the settings of the study's next trial; the first has the defaults."""
    if not study.trials:
        return _defaults(study)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = int(digest([study.seed, len(study.trials)])[:8], 16)
    sampler = optuna.samplers.TPESampler(seed=seed)
    way = optuna.study.StudyDirection
    direction = way.MAXIMIZE if study.higher_is_better else way.MINIMIZE
    search = optuna.create_study(sampler=sampler, direction=direction)
    space = {name: _distribution(domain) for name, domain in study.space.items()}
    for trial in study.trials:
        if told := _told(trial, study, space):
            search.add_trial(told)
    drawn = search.ask(space).params
    return {name: _value(domain, drawn[name]) for name, domain in study.space.items()}


def _defaults(study: Study) -> dict[str, Any]:
    own, training = study.config["model_config"], study.config["training"]
    values = {**own, **{f"training.{name}": value for name, value in training.items()}}
    return {name: values[name] for name in study.space}


def _distribution(domain: Mapping[str, list[Any]]) -> BaseDistribution:
    """Return a domain as Optuna has it; of a choice, the places of its values."""
    from optuna import distributions

    ((kind, values),) = domain.items()
    if kind == "choice":
        return distributions.CategoricalDistribution(range(len(values)))
    low, high = values
    log = kind == "log_range"
    if isinstance(low, int) and isinstance(high, int):
        return distributions.IntDistribution(low, high, log=log)
    return distributions.FloatDistribution(low, high, log=log)


def _told(trial: Trial, study: Study, space: Mapping[str, BaseDistribution]) -> FrozenTrial | None:
    """Return a trial as Optuna has it; a failed one is worse than any. None if out of the space."""
    import optuna

    drawn = {}
    for name, value in trial.settings.items():
        choices = study.space[name].get("choice")
        if choices is None:
            drawn[name] = value
        elif value in choices:
            drawn[name] = choices.index(value)
        else:
            return None
    worst = -math.inf if study.higher_is_better else math.inf
    value = trial.validation.get(study.monitor, worst)
    try:
        return optuna.trial.create_trial(params=drawn, distributions=dict(space), value=value)
    except ValueError:  # defaults beyond a range
        return None


def _value(domain: Mapping[str, list[Any]], drawn: Any) -> Any:
    return domain["choice"][drawn] if "choice" in domain else drawn
