"""The attainable score: what one who knows the latent state would say of an item."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.simulation.archive import read_archive
from recbench.datasets.simulation.behaviour_simulation import VERSION, BehaviourSimulation
from recbench.datasets.simulation.clock import SPAN, START
from recbench.datasets.simulation.walk import NO_INTEREST, Ints
from recbench.datasets.simulation.world import World
from recbench.errors import DataError

Floats = NDArray[np.float64]

ORACLE_FILE = "oracle.npz"
_BLOCK = 8192


class Terms(NamedTuple):
    """The parts of the log odds, one for each draw of a page view; each [N].

    Attributes:
        activity: Of the category; 0 where the strength `activity` is 0.
        order: Of the stage, given the category; 0 where the strength `order` is 0.
        taste: Of the brand, given the category; 0 where the strength `taste` is 0.
        novelty: Of the item within its cell, given what the user has met of it.
    """

    activity: Floats
    order: Floats
    taste: Floats
    novelty: Floats


@dataclass(frozen=True)
class _Code:
    """Where asked items lie: category, stage, brand and rank within the cell, each [N]."""

    category: Ints
    stage: Ints
    brand: Ints
    rank: Ints

    @classmethod
    def of(cls, simulation: BehaviourSimulation, item: Ints) -> _Code:
        cell, rank = np.divmod(item, simulation.items_per_cell)
        rest, brand = np.divmod(cell, simulation.brands)
        category, stage = np.divmod(rest, simulation.stages)
        return cls(category, stage, brand, rank)


class _Past(NamedTuple):
    """What a user has met of an item's surroundings; each [B].

    A cell that is met whole counts as not met at all: the walk starts it again.

    Attributes:
        stage: Stage of the last view of the item's category, -1 where there is none.
        unmet: Popularity of the items of the item's cell that are not met.
        met: Whether the item itself is met.
    """

    stage: Ints
    unmet: Floats
    met: NDArray[np.bool_]


class Oracle:
    """Log odds of any item for the page views of the last two days.

    By Neyman and Pearson's lemma no score separates positives from negatives better than the
    likelihood ratio: its AUC bounds that of every model, which knows no more than this state.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take the arrays that a `Recorder` wrote; `load` reads them."""
        self._arrays = arrays
        self.simulation = BehaviourSimulation(**_json(arrays["simulation"]))
        self._world = World(**{f.name: arrays[f"world.{f.name}"] for f in fields(World)})
        self._first_view = np.cumsum(arrays["views"], dtype=np.int64) - arrays["views"]
        self._event_key = arrays["event_user"].astype(np.int64) * SPAN + arrays["event_time"]
        self._by_id = np.argsort(self._world.item_ids)
        activity, drift = self.simulation.activity, self.simulation.drift
        led = (1 - drift) * arrays["interest_share"] + drift * self._world.categories
        self._categories = activity * led + (1 - activity) * self._world.categories
        views = arrays["item_views"].reshape(self.simulation.cells, -1)
        # One view more, spread by the cell's law, so that an item never seen has odds as well.
        self._ranks = (views + self._world.ranks) / (views.sum(1, keepdims=True) + 1)

    @classmethod
    def load(cls, folder: Path) -> Oracle:
        """Return the oracle of the simulation in `folder`.

        Raises:
            DataError: The oracle is missing, damaged or of another version of the simulator.
        """
        path = folder / ORACLE_FILE
        mend = "simulate the data set again"
        try:
            arrays = read_archive(path)
            version = _json(arrays["version"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: cannot be read as an oracle ({error}); {mend}") from error
        if version != VERSION:
            raise DataError(f"{path}: simulator version {version}, need {VERSION}; {mend}")
        return cls(arrays)

    def log_odds(self, user: Ints, time: Ints, item: Ints) -> Floats:
        """Return log p(item | the state of `user` just before `time`) - log q(item).

        q is the popularity of items among page views; p is over the items that the user has not
        met, and the log odds of one that is met are minus infinity.

        Args:
            user: Raw user ids, [N].
            time: Unix seconds of one of the user's last five page views of the last day or of
                the day before it, [N].
            item: Raw item ids, viewed or not, [N].

        Returns:
            Log odds, [N].

        Raises:
            DataError: The simulation has no such event or item.
        """
        return np.asarray(np.sum(self.terms(user, time, item), axis=0))

    def terms(self, user: Ints, time: Ints, item: Ints) -> Terms:
        """Return the terms whose sum is `log_odds`; arguments and errors are the same."""
        event, code = self._event(user, time), self._code(item)
        blocks = [
            self._block_terms(event[i : i + _BLOCK], code[i : i + _BLOCK])
            for i in range(0, len(event), _BLOCK)
        ]
        return Terms(*np.concatenate(blocks, axis=1)) if blocks else Terms(*np.empty((4, 0)))

    def log_popularity(self, item: Ints) -> Floats:
        """Return log q of each raw item id, [N]; the logarithm of a probability over all items."""
        at = _Code.of(self.simulation, code := self._code(item))
        cell = code // self.simulation.items_per_cell
        q = (
            self._categories[at.category]
            * self._world.brands[at.brand]
            * self._ranks[cell, at.rank]
        )
        return np.asarray(np.log(q / self.simulation.stages))

    def _event(self, user: Ints, time: Ints) -> Ints:
        """Return the index of each event among those kept."""
        who = _find(self._world.user_ids, user)
        key = np.where(who >= 0, who * SPAN + time - START, -1)
        event = _find(self._event_key, key)
        if missing := int((event < 0).sum()):
            raise DataError(
                f"oracle: {missing} of {len(event)} events are not among the last page views of "
                "the simulation's last two days; prepare the data set from the oracle's own folder"
            )
        return event

    def _code(self, item: Ints) -> Ints:
        """Return the code of each raw item id."""
        found = _find(self._world.item_ids[self._by_id], item)
        if missing := int((found < 0).sum()):
            raise DataError(
                f"oracle: {missing} of {len(found)} item ids are not in the simulation; prepare "
                "the data set from the oracle's own folder"
            )
        return self._by_id[found]

    def _block_terms(self, event: Ints, item: Ints) -> Floats:
        """Return the terms of a block, [4, B]."""
        at = _Code.of(self.simulation, item)
        user = self._arrays["event_user"][event]
        with np.errstate(divide="ignore"):  # what cannot happen has log odds of minus infinity
            past = self._past(event, user, at)
            return np.stack(
                [
                    self._activity(event, user, at.category),
                    self._order(past.stage, at.stage),
                    self._taste(user, at),
                    self._novelty(past, item, at.rank),
                ]
            )

    def _activity(self, event: Ints, user: Ints, category: Ints) -> Floats:
        chosen, world = self.simulation, self._world
        active = self._arrays["event_active"][event]
        is_interest = self._arrays["interests"][user] == category[:, None]
        stay = np.where(active == NO_INTEREST, 0.0, chosen.stickiness)
        leave = (1 - chosen.drift) * (is_interest @ world.interests)
        leave += chosen.drift * world.categories[category]
        led = stay * (active == category) + (1 - stay) * leave
        p = chosen.activity * led + (1 - chosen.activity) * world.categories[category]
        return np.asarray(np.log(p / self._categories[category]))

    def _order(self, last: Ints, stage: Ints) -> Floats:
        """`last` is the stage of the user's last view of the category, -1 where there is none."""
        order, stages = self.simulation.order, self.simulation.stages
        follows = (last + 1) % stages == stage
        ratio = np.where(last < 0, 1.0, order * follows * stages + (1 - order))
        return np.asarray(np.log(ratio))

    def _taste(self, user: Ints, at: _Code) -> Floats:
        taste, brands = self.simulation.taste, self._world.brands[at.brand]
        own = self._arrays["tastes"][user, at.category] == at.brand
        return np.asarray(np.log((taste * own + (1 - taste) * brands) / brands))

    def _novelty(self, past: _Past, item: Ints, rank: Ints) -> Floats:
        p = np.where(past.met, 0.0, self._world.ranks[rank]) / past.unmet
        return np.asarray(np.log(p / self._ranks[item // self.simulation.items_per_cell, rank]))

    def _past(self, event: Ints, user: Ints, at: _Code) -> _Past:
        """Return what each user has met by each event of the surroundings of each item."""
        chosen = self.simulation
        length = self._arrays["event_position"][event].astype(np.int64)
        row = np.repeat(np.arange(len(event)), length)
        within = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        seen_item = self._arrays["items"][self._first_view[user][row] + within].astype(np.int64)
        category = seen_item // (chosen.items_per_cell * chosen.cells_per_category)
        near = np.flatnonzero(category == at.category[row])
        row, seen_item = row[near], seen_item[near]
        seen = _Code.of(chosen, seen_item)
        stage = np.full(len(event), -1)
        stage[row] = seen.stage  # rows ascend and events within them: the last one stays
        here = np.flatnonzero((seen.stage == at.stage[row]) & (seen.brand == at.brand[row]))
        row, rank = row[here], seen.rank[here]
        count = np.bincount(row, minlength=len(event))
        visit = np.arange(len(row)) - (np.cumsum(count) - count)[row]
        current = visit >= (count - count % chosen.items_per_cell)[row]
        row, rank = row[current], rank[current]
        unmet = 1 - np.bincount(row, self._world.ranks[rank], minlength=len(event))
        met = np.bincount(row, rank == at.rank[row], minlength=len(event)) > 0
        return _Past(np.asarray(stage), np.asarray(unmet), np.asarray(met))


def _find(values: Ints, wanted: Ints) -> Ints:
    """Return where each of `wanted` stands in ascending `values`, -1 where it does not."""
    index = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[index] == wanted, index, -1)


def _json(array: NDArray[Any]) -> Any:
    return json.loads(array.tobytes())
