"""What the files of the BARS leaderboards share: how they are split, and what to know of them."""

from __future__ import annotations

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
UNSEEN = "What the training part lacks, ids and values alike, is one unseen value."
DEPARTURES = {
    "x1": (
        "BARS selects models on the test part; its numbers compare with 'x1-as-published' alone.",
        UNSEEN,
    ),
    "x1-as-published": (UNSEEN,),
}
NOTES = (
    "Rows carry their histories and have an order, but no times. What is counted as a sequence is "
    "a user with one history; rows of the test file have sequences of their own.",
)
