"""Files of a user's own, as drawn frames, and what is to be made of them."""

import numpy as np
import pandas as pd

from recbench.data.columns import read_table
from recbench.data.samples import read_samples

START = 1_704_067_200  # 2024-01-01
BIG = 2**62
PARTS = ("train", "valid", "test")


def samples(dataset, part):
    """Return the columns of a part's examples, labels included."""
    return read_samples(dataset.folder, part, dataset.schema.labels)


def rows(n=300, users=20, items=40, seed=0):
    """Return a drawn log in order of time."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "u": draw.integers(users, size=n),
            "i": draw.integers(items, size=n),
            "t": START + np.sort(draw.integers(30 * 86_400, size=n)),
            "c": draw.choice(["red", "blue"], n),
            "b": draw.choice(["view", "buy"], n),
            "y": draw.integers(2, size=n),
        }
    )


def events(prepared):
    """Return (raw user, raw item, time) of each event of a prepared log, in its order."""
    users, log = read_table(prepared.folder / "users.arrow"), prepared.folder
    log = read_table(log / "interactions.arrow")
    found = []
    raw = prepared.items["item"].to_pylist()
    for user, start, stop in zip(
        users["user"].to_pylist(), users["start"], users["stop"], strict=True
    ):
        found += [
            (user, raw[log["item"][place]], int(log["time"][place])) for place in range(start, stop)
        ]
    return found


def logged(frame):
    ordered = frame.sort_values(["u", "t"], kind="stable")
    return sorted(zip(ordered.u, ordered.i, ordered.t, strict=True))


def sessions(n=600):
    """Return a log whose users come back every day under another name."""
    return rows(n).assign(u=lambda f: f.u.astype(str) + "/" + (f.t // 86_400).astype(str))


def people(n=400, seed=0):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "time": draw.integers(3, size=n),
            "Age": draw.normal(size=n).round(3),
            "city/zone": draw.choice(["a", "b"], n),
            "id": np.arange(n),
            "y1": draw.integers(2, size=n),
            "y 2": draw.normal(size=n).round(3),
        }
    )
    frame.loc[:9, "Age"] = np.nan
    frame.loc[5:19, "y1"] = np.nan
    return frame
