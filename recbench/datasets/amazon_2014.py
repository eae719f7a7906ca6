"""Amazon's reviews of 2014: their files, and how they are split."""

from __future__ import annotations

from recbench.data import Download
from recbench.data.protocol import GlobalTime, LeaveLastTwoOut, Negatives, Protocol, UserShares

FILES = ("reviews", "meta")
FIELDS = ("brand", "price")
"""Item fields beside the category, which the papers do without."""
TIME = Protocol(
    GlobalTime(valid=0.1, test=0.1, unit="share"),
    Negatives("popularity"),
    min_history=1,
    files=FILES,
)
DIN = Protocol(
    LeaveLastTwoOut(),
    Negatives("uniform"),
    min_history=1,
    ties="order",
    source="Zhou et al., Deep Interest Network, KDD 2018, section 6.1; validation added",
    files=FILES,
    left_out=FIELDS,
)
DIEN = Protocol(
    UserShares(valid=0.1, test=0.1),
    Negatives("log", never="target"),
    last_per_user=1,
    min_history=1,
    ties="order",
    source="Zhou et al., Deep Interest Evolution Network, AAAI 2019, and its authors' code; "
    "validation added, of users that would be for training",
    files=FILES,
    left_out=FIELDS,
)
LAST_BUT_ONE = "A user's last event but one is validation; in the paper it trains."
UNSEEN = "An item that training lacks has no vector of its own; in the released code each has one."
FILE_ORDER = "A user's reviews of one day stay in the order of the file."
DEPARTURES = {
    "time": (
        "One moment separates the parts for all; the papers hold out each user's last review (DIN) "
        "or whole users (DIEN).",
        "Reviews of the target's own day are no history.",
        "Negatives are drawn as often as items are targets of the same part, and never from what "
        "the user has reviewed; DIN's are uniform, DIEN's as popular as in the whole log.",
        "Brand and price are inputs too; the papers have the category alone.",
    ),
    "din": (
        LAST_BUT_ONE,
        "An item's category is the last of the first list of its categories; the released code "
        "takes the last of the last list.",
        UNSEEN,
        FILE_ORDER,
    ),
    "dien": (
        "A tenth of the users is test and a tenth validation, no more and no less; in the released "
        "code each user is test with a chance of one in ten, and the best step is picked on the "
        "test part.",
        "Histories are whole, and a model reads as much of them as its options say; the released "
        "code keeps 100 events in training.",
        FILE_ORDER,
    ),
}
SOURCE = "snap.stanford.edu/data/amazon/productGraph/categoryFiles"
LICENCE = "research use"
CITATION = "McAuley et al., Image-based Recommendations on Styles and Substitutes, SIGIR 2015"
NOTES = (
    "A review is a click, whatever its stars. Times are days.",
    "An item's category is the last of the first list of its categories. A price is known by its "
    "power of two.",
    "With the papers' protocols training reviews are as late as test reviews. A negative of 'dien' "
    "may be an item that the user has reviewed, and is drawn by what is popular in the whole log.",
)


def files(category: str) -> dict[str, str]:
    """Return the names of the files of reviews and of items of a category."""
    return {"reviews": f"reviews_{category}_5.json", "meta": f"meta_{category}.json"}


def downloads(category: str) -> tuple[Download, ...]:
    """Return the files of reviews and of items; no checksum of them is published."""
    names = (f"{name}.gz" for name in files(category).values())
    return tuple(
        Download(name, (f"https://{SOURCE}/{name}", f"http://{SOURCE}/{name}")) for name in names
    )
