"""Small files as KuaiVideo_x1 and MicroVideo1.7M_x1 have them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

USERS, VIDEOS, SHOWN, KEPT, WIDTH = 20, 60, 25, 6, 64
KUAI = "timestamp,user_id,item_id,is_click,is_like,is_follow,pos_items,neg_items\n"
MICRO = "user_id,item_id,cate_id,is_click,timestamp,clicked_items,clicked_categories\n"


def write(folder: Path, name: str) -> None:
    """Write train.csv and test.csv: what users were shown, each after what they clicked before.

    And the videos' pictures, an HDF5 file as the publisher's own script writes it.
    """
    random = np.random.default_rng(7)
    kuai = name == "kuaivideo-x1"
    parts: dict[str, list[tuple[int, str]]] = {"train.csv": [], "test.csv": []}
    for user in range(USERS):
        seen: tuple[list[int], list[int]] = ([], [])  # without a click, with one
        for time in np.sort(random.integers(10_000, size=SHOWN)).tolist():
            video, click = int(random.integers(VIDEOS)), int(random.random() < 0.4)
            part = "train.csv" if time < 8000 else "test.csv"
            if kuai:
                row = f"{time},{user},{video},{click},0,0,{_old(seen[1])},{_old(seen[0])}\n"
            else:
                past = seen[1][-KEPT:]
                joined = ",".join("^".join(map(str, each)) for each in (past, map(_kind, past)))
                row = f"{user},{video},{_kind(video)},{click},{time},{joined}\n"
            parts[part].append((time, row))
            if part == "train.csv" or kuai:
                seen[click].append(video)
    for file, rows in parts.items():
        ordered = sorted(rows) if kuai else rows
        (folder / file).write_text((KUAI if kuai else MICRO) + "".join(row for _, row in ordered))
    kind, dtype = ("visual", np.float32) if kuai else ("image", np.float64)
    write_pictures(folder / f"item_{kind}_emb_dim64.h5", pictures().astype(dtype))


def pictures() -> np.ndarray:
    """Return the picture of each video, [VIDEOS, WIDTH]."""
    return np.random.default_rng(8).normal(size=(VIDEOS, WIDTH)).astype(np.float32)


def write_pictures(path: Path, rows: np.ndarray) -> None:
    """Write the vectors of the videos 0, 1, 2, ..."""
    with h5py.File(path, "w") as file:
        file.create_dataset("key", data=list(range(len(rows))))
        file.create_dataset("value", data=rows)


def _old(videos: list[int]) -> str:
    return "^".join(map(str, videos[:KEPT]))


def _kind(video: int) -> int:
    return video % 7
