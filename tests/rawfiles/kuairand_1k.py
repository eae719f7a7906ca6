"""Two logs of KuaiRand-1K, and features of its videos and users."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbench.datasets.kuairand_files import LOG, USER, VIDEO

USERS, VIDEOS, EVENTS = 12, 80, 700
FIRST = 1_649_347_200
"""Midnight of 8 April 2022 in Beijing."""
DAYS = {"4_08_to_4_21": range(9, 14), "4_22_to_5_08": range(26, 31)}
TYPES = ("NORMAL", "AD")
UPLOADS = ("ShortImport", "LongImport", "Kmovie")


def write(folder: Path, name: str) -> None:
    """Write the files that both datasets read, and those of users."""
    draw = np.random.default_rng(1000)
    for period, days in DAYS.items():
        moments = draw.choice(len(days) * 86_400, EVENTS // 2, replace=False) + days[0] * 86_400
        rows = [_shown(draw, int(moment)) for moment in moments]
        _save(folder / f"log_standard_{period}_1k.csv", LOG, rows)
    videos = []
    for video in range(VIDEOS):
        tags = draw.choice(20, draw.integers(0, 3), replace=False)
        tag = f'"{",".join(map(str, tags))}"' if len(tags) > 1 else "".join(map(str, tags))
        about = (draw.integers(30), draw.choice(TYPES), "2022-04-08", draw.choice(UPLOADS))
        videos.append((video, *about, 0.0, 9233.0, 720.0, 1280.0, 6_618_412_736 + video, 4.0, tag))
    _save(folder / "video_features_basic_1k.csv", VIDEO, videos)
    users = []
    for user in range(USERS):
        ranges = (9, '"(0,10]"', 312, '"[100,1k)"', 0, "0", 3624, "730+")
        hidden = ["" if user % 5 == 0 else "1.0", *draw.integers(0, 5, 17)]
        users.append((user, "full_active", 0, 0, user % 2, *ranges, *hidden))
    _save(folder / "user_features_1k.csv", USER, users)


def _shown(draw: np.random.Generator, moment: int) -> tuple[object, ...]:
    day, second = divmod(moment, 86_400)
    date = 20_220_408 + day if day < 23 else 20_220_501 + day - 23
    click, like = draw.random(2) < (0.4, 0.1)
    return (
        draw.integers(USERS), int(VIDEOS * draw.random() ** 2), date, second // 3600 * 100,
        (FIRST + moment) * 1000 + 301, int(click), int(like), int(draw.random() < 0.1), 0, 0, 0,
        int(click and draw.random() < 0.6), 1385, 209_900, 0, 0, 0, 0, draw.integers(15),
    )  # fmt: skip


def _save(path: Path, columns: object, rows: list[tuple[object, ...]]) -> None:
    lines = [",".join(columns), *[",".join(map(str, row)) for row in rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
