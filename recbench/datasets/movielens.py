"""What the MovieLens datasets have in common."""

from collections.abc import Mapping
from typing import Any

from recbench.data import Download
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
SITE = "https://files.grouplens.org/datasets/movielens/"


def archived(files: Mapping[str, str], download: Download) -> dict[str, Any]:
    """Return the fields of a card, all of whose files lie in one archive that can be downloaded."""
    archives = dict.fromkeys(files, download.file)
    return {"files": files, "archives": archives, "downloads": (download,)}


def archive(file: str, size: int, sha256: str) -> Download:
    """Return one of GroupLens' archives; the checksums are those of TensorFlow Datasets."""
    return Download(file, (SITE + file,), sha256=sha256, bytes=size)
