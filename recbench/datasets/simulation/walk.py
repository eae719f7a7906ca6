"""What a chunk of users does: categories, stages, brands and items of every page view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.datasets.simulation.behaviour_simulation import BehaviourSimulation
from recbench.datasets.simulation.clock import draw_times
from recbench.datasets.simulation.world import World

Ints = NDArray[np.int64]

BEHAVIOURS = ("pv", "cart", "fav", "buy")
BEHAVIOUR_SHARES = np.array([0.90, 0.05, 0.03, 0.02])
SHORTEST = 10
"""Fewest events of a user."""
LONGEST = 16
"""Most events of a user, in multiples of the mean."""
NO_INTEREST = -1
"""The active interest before a user's first page view."""


@dataclass(frozen=True)
class Walk:
    """The lives of `U` users, one after another: `N` events, `V` of them page views.

    Attributes:
        interests: The users' interests, heaviest weight first, [U, M].
        tastes: The users' own brand of each category, [U, C].
        lengths: Number of events of each user, [U].
        behaviour: Index into `BEHAVIOURS` of each event, [N].
        time: Seconds since the simulation's start of each event, [N].
        view: The page view that each event belongs to, [N]; other behaviours repeat its item.
        owner: User of each page view, [V].
        active: Interest that is active before each page view, or `NO_INTEREST`, [V].
        item: Item code of each page view, [V].
    """

    interests: Ints
    tastes: Ints
    lengths: Ints
    behaviour: Ints
    time: Ints
    view: Ints
    owner: Ints
    active: Ints
    item: Ints

    @property
    def is_view(self) -> NDArray[np.bool_]:
        """Which events are page views, [N]."""
        return np.equal(self.behaviour, BEHAVIOURS.index("pv"))


def draw_walk(
    simulation: BehaviourSimulation, world: World, users: int, rng: np.random.Generator
) -> Walk:
    """Draw the lives of `users` users."""
    interests = _draw_interests(rng, world, users)
    tastes = _draw(rng, world.brands, (users, simulation.categories))
    lengths = _draw_lengths(rng, simulation, users)
    behaviour = _draw(rng, BEHAVIOUR_SHARES, (int(lengths.sum()),))
    behaviour[np.cumsum(lengths) - lengths] = BEHAVIOURS.index("pv")
    is_view = behaviour == BEHAVIOURS.index("pv")
    owner = np.repeat(np.arange(users), lengths)[is_view]
    category, active = _draw_categories(rng, simulation, world, interests, owner)
    stage = _draw_stages(rng, simulation, owner, category)
    brand = _draw_brands(rng, simulation, world, tastes[owner, category])
    cell = (category * simulation.stages + stage) * simulation.brands + brand
    return Walk(
        interests=interests,
        tastes=tastes,
        lengths=lengths,
        behaviour=behaviour,
        time=draw_times(rng, lengths, is_view),
        view=np.cumsum(is_view) - 1,
        owner=owner,
        active=active,
        item=_draw_items(rng, simulation, world, owner, cell),
    )


def _draw(rng: np.random.Generator, shares: NDArray[np.float64], shape: tuple[int, ...]) -> Ints:
    """Draw indices with probabilities `shares`."""
    drawn = np.searchsorted(np.cumsum(shares), rng.random(shape), side="right")
    return np.minimum(drawn, len(shares) - 1)  # the cumulative sum may end just below 1


def _draw_interests(rng: np.random.Generator, world: World, users: int) -> Ints:
    """Draw distinct categories by popularity: the first arrivals of exponential clocks."""
    arrival = rng.standard_exponential((users, len(world.categories))) / world.categories
    return np.argsort(arrival, axis=1)[:, : len(world.interests)]


def _draw_lengths(rng: np.random.Generator, simulation: BehaviourSimulation, users: int) -> Ints:
    spread, mean = simulation.length_spread, simulation.mean_events
    lengths = rng.lognormal(np.log(mean) - spread**2 / 2, spread, users)
    return np.clip(lengths, min(SHORTEST, mean), LONGEST * mean).astype(np.int64)


def _draw_categories(
    rng: np.random.Generator,
    simulation: BehaviourSimulation,
    world: World,
    interests: Ints,
    owner: Ints,
) -> tuple[Ints, Ints]:
    """Return the category of each page view and the interest active before it.

    A view follows interest with probability `activity`. It then stays with the active one with
    probability `stickiness`, or else makes another category active: with probability `drift`
    any, by popularity, otherwise one of the user's interests, by weight. A view that does not
    follow interest takes any category by popularity and leaves the active interest alone.
    """
    n = len(owner)
    first = _starts(owner)
    led = rng.random(n) < simulation.activity
    opens = led & (rng.random(n) >= simulation.stickiness) | first
    chosen = interests[owner, _draw(rng, world.interests, (n,))]
    drifts = rng.random(n) < simulation.drift
    chosen = np.where(drifts, _draw(rng, world.categories, (n,)), chosen)
    after = chosen[_latest(opens)]
    category = np.where(led, after, _draw(rng, world.categories, (n,)))
    return category, np.where(first, NO_INTEREST, np.roll(after, 1))


def _draw_stages(
    rng: np.random.Generator, simulation: BehaviourSimulation, owner: Ints, category: Ints
) -> Ints:
    """Draw the stage of each view: the next in the user's cycle of the category, or any."""
    group = owner * simulation.categories + category
    by_group = np.argsort(group, kind="stable")
    n = len(group)
    jumps = _starts(group[by_group]) | (rng.random(n) >= simulation.order)
    origin = _latest(jumps)
    steps = np.arange(n) - origin
    stage = np.empty(n, np.int64)
    stage[by_group] = (rng.integers(simulation.stages, size=n)[origin] + steps) % simulation.stages
    return stage


def _draw_brands(
    rng: np.random.Generator, simulation: BehaviourSimulation, world: World, own: Ints
) -> Ints:
    follows = rng.random(len(own)) < simulation.taste
    return np.where(follows, own, _draw(rng, world.brands, (len(own),)))


def _draw_items(
    rng: np.random.Generator, simulation: BehaviourSimulation, world: World, owner: Ints, cell: Ints
) -> Ints:
    """Draw items of each cell without replacement, by popularity (Plackett-Luce).

    The order of arrival of exponential clocks, whose rates are the popularities, is such a draw;
    a user who has met all items of a cell starts it again with a new order.
    """
    group = owner * simulation.cells + cell
    by_group = np.argsort(group, kind="stable")
    opens = _starts(group[by_group])
    visit = np.arange(len(group)) - _latest(opens)
    nth = visit % simulation.items_per_cell
    round_ = np.cumsum(nth == 0) - 1
    shape = (int(round_[-1]) + 1, simulation.items_per_cell)
    arrival = rng.standard_exponential(shape, dtype=np.float32)
    arrival /= world.ranks.astype(np.float32)
    item = np.empty(len(group), np.int64)
    item[by_group] = np.argsort(arrival, axis=1)[round_, nth]
    return cell * simulation.items_per_cell + item


def _starts(group: Ints) -> NDArray[np.bool_]:
    """Return where a value differs from the one before it."""
    return np.asarray(np.r_[True, group[1:] != group[:-1]])


def _latest(marks: NDArray[np.bool_]) -> Ints:
    """Return for each place the index of the latest mark; the first place is marked."""
    return np.maximum.accumulate(np.where(marks, np.arange(len(marks)), 0))
