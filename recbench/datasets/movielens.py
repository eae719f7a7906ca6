"""What the MovieLens datasets have in common."""

from recbench.data.protocol import GlobalTime, Protocol

LIKED = 4
"""The lowest rating that counts as a click."""

PROTOCOLS = {"time": Protocol(GlobalTime(valid=0.1, test=0.1, unit="share"))}
LICENCE = "GroupLens terms: research use, no redistribution"
CITATION = "Harper and Konstan, The MovieLens Datasets, ACM TiiS 2015"
NOTES = (
    "A rating of 4 or more is a click; 3.5 is not.",
    "A movie's category is its first genre.",
    "The history holds every movie rated before, liked or not; ratings of the target's own second "
    "are left out of it.",
)
