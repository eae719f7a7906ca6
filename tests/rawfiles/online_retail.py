"""Drawn files in the format of the cleaned Online Retail."""

from __future__ import annotations

from pathlib import Path

import numpy as np

INVOICES, USERS, ITEMS = 150, 20, 40
FIRST, SPAN = 1_291_191_960, 373 * 86_400
"""The second of the first invoice, and how many seconds follow."""


def write(folder: Path, name: str) -> None:
    """Write events.npz and items.csv."""
    draw = np.random.default_rng(5)
    users, countries = draw.integers(0, USERS, INVOICES), np.array(["France", "United Kingdom"])
    times = np.sort(draw.integers(0, SPAN // 60, INVOICES)) * 60 + FIRST
    invoice = np.repeat(np.arange(INVOICES), draw.integers(1, 8, INVOICES))
    lines = len(invoice)
    codes = np.array([str(10_000 + item // 2) + "AB"[item % 2] for item in range(ITEMS)])
    np.savez_compressed(
        folder / "events.npz",
        user_ids=np.arange(USERS, dtype=np.int32) * 7 + 12_346,
        item_ids=codes,
        countries=countries,
        user=users[invoice].astype(np.uint16),
        item=(ITEMS * draw.random(lines) ** 2).astype(np.uint16),
        invoice=invoice.astype(np.uint16),
        ts=times[invoice].astype(np.uint32),
        quantity=draw.integers(1, 13, lines).astype(np.uint16),
        price_pence=draw.integers(20, 900, lines).astype(np.uint32),
        country=(users[invoice] % 2).astype(np.uint8),
    )
    rows = ["StockCode,description,price,n,head,category"]
    for item, code in enumerate(codes):
        head = ("BAG", "BOX", "MUG")[item % 3]
        rows.append(f'{code},"{head}, RED",{draw.integers(20, 900) / 100},{item + 1},{head},{head}')
    (folder / "items.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
