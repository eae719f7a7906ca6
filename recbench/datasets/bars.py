"""What the files of the BARS leaderboards share: how they are split, and what to know of them."""

from __future__ import annotations

from typing import Any

from recbench.data import Download
from recbench.data.protocol import OfficialTest, OfficialTestTwice, Protocol

BARS = "Zhu et al., BARS: Towards Open Benchmarking for Recommender Systems, SIGIR 2022"
HONEST = Protocol(
    OfficialTest(valid=0.1),
    timed=False,
    source=f"{BARS}, whose files these are; validation is the last tenth of the training file",
)
AS_PUBLISHED = Protocol(
    OfficialTestTwice(),
    timed=False,
    source=f"{BARS}, whose configurations name the test file as the validation file",
)
PROTOCOLS = {"x1": HONEST, "x1-as-published": AS_PUBLISHED}
SELECTED = "BARS selects models on the test part; its numbers compare with 'x1-as-published' alone."
UNSEEN = "What the training part lacks, ids and values alike, is one unseen value."
NOTES = (
    "Rows carry their histories and have an order, but no times. What is counted as a sequence is "
    "a user with one history; rows of the test file have sequences of their own.",
)


def release(name: str, **others: str) -> dict[str, Any]:
    """Return the fields of a card about a release's files; one archive holds them all.

    Args:
        name: The release, such as `TaobaoAd_x1`; its archive is called like it.
        others: Files beside those of the two parts, by role.
    """
    files = {"train": "train.csv", "test": "test.csv", **others}
    site, archive = f"huggingface.co/datasets/reczoo/{name}", f"{name}.zip"
    return {
        "files": files,
        "archives": dict.fromkeys(files, archive),
        "downloads": (Download(archive, (f"https://{site}/resolve/main/{archive}",)),),
        "source": f"{site} ({archive})",
    }


def departures(*own: str) -> dict[str, tuple[str, ...]]:
    """Return how both protocols depart from BARS, given what a dataset's reader departs in."""
    return {"x1": (SELECTED, UNSEEN, *own), "x1-as-published": (UNSEEN, *own)}
