"""`SessionSimulation`: every constant of one set of simulated sessions."""

from __future__ import annotations

from dataclasses import dataclass

from recbench.datasets.constants import require_ranges

VERSION = 1
"""Version of the simulator: a change of what it draws raises it."""


@dataclass(frozen=True)
class SessionSimulation:
    """The constants of simulated sessions; equal constants give equal bytes.

    Every item belongs to one intent, and has a few successors of its own intent. An intent's
    items, and the intents, are as popular as Zipf's law says.

    Attributes:
        sessions: Number of sessions.
        items: Number of items, at least `intents`.
        intents: Number of intents.
        mean_clicks: Mean clicks of a session, about; above 2, which is the least.
        follow: Probability that a click follows the one before it.
        stay: Probability that it is any item of the session's intent; the rest is any item.
        successors: Items that can follow one; each is half as likely as the one before it.
        test: Share of the sessions, the last ones, that are test.
        seed: Seed of everything random.

    Raises:
        UsageError: A value is outside its range.
    """

    sessions: int
    items: int
    intents: int
    mean_clicks: float = 4.85
    follow: float = 0.45
    stay: float = 0.4
    successors: int = 3
    test: float = 0.08
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse constants that no sessions can have."""
        require_ranges(
            self,
            sessions=self.sessions >= 2,
            items=self.items >= self.intents,
            intents=self.intents >= 1,
            mean_clicks=self.mean_clicks > 2,
            follow=0 <= self.follow <= 1,
            stay=0 <= self.stay <= 1 - self.follow,
            successors=self.successors >= 1,
            test=0 < self.test < 1,
            seed=self.seed >= 0,
        )
