"""Cold start: the rows of train, validation and test, and the episodes that are made of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recbench.data.episode_split import EpisodeRows
from recbench.data.examples import Examples, SplitLog
from recbench.data.ingest import RawLog
from recbench.data.phases_protocol import PhasesProtocol
from recbench.data.protocol import PARTS
from recbench.data.states_protocol import StatesProtocol
from recbench.errors import DataError


def split_episodes(log: RawLog, protocol: StatesProtocol | PhasesProtocol) -> SplitLog:
    """Return the parts of `log` under `protocol`.

    Its examples have no history: what may be known of a user or item is the support.

    Raises:
        DataError: If a part has no episode of some state that is judged.
    """
    found = protocol.episodes(log)
    _require_episodes(found.parts, protocol.states)
    columns = log.spool.columns
    train = found.parts["train"].position
    return SplitLog(
        examples={part: _examples(log, found.parts[part].position) for part in PARTS},
        train_users=_present(columns["user"][train], len(log.users)),
        train_items=_present(columns["item"][train], len(log.items)),
        train_end=int(columns["time"][train].max()),
        given_up=0,
        unseen=0,
        episodes={part: dict(found.parts[part].episodes) for part in PARTS},
        new_items=found.new_items,
        reports=found.reports,
    )


def _examples(log: RawLog, position: NDArray[np.int64]) -> Examples:
    columns = log.spool.columns
    nowhere = np.zeros(len(position), np.int64)
    return Examples(
        columns["user"][position].astype(np.int64),
        columns["item"][position].astype(np.int64),
        columns["label"][position],
        columns["time"][position],
        nowhere,
        nowhere,
    )


def _present(numbers: NDArray[np.integer], count: int) -> NDArray[np.bool_]:
    return np.bincount(numbers, minlength=count) > 0


def _require_episodes(parts: Mapping[str, EpisodeRows], states: tuple[str, ...]) -> None:
    """Raise `DataError` if training has no episode, or a state is nowhere asked in a part."""
    for part in PARTS:
        episodes = parts[part].episodes
        found = set(episodes["state"][episodes["query_stop"] > episodes["query_start"]].tolist())
        missing = [name for place, name in enumerate(states) if place not in found]
        if (missing and part != "train") or not found:
            raise DataError(
                f"the {part} part has no episodes of {' and '.join(missing)}; the data have too "
                "few events for this protocol"
            )
