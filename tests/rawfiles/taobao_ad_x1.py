"""Small files as TaobaoAd_x1 has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = (
    "clk,btag_his,cate_his,brand_his,userid,cms_segid,cms_group_id,final_gender_code,age_level,"
    "pvalue_level,shopping_level,occupation,new_user_class_level,adgroup_id,cate_id,campaign_id,"
    "customer,brand,price,pid,btag\n"
)
ROWS = {"train.csv": 400, "test.csv": 120}
USERS = 40


def write(folder: Path, name: str) -> None:
    """Write train.csv and test.csv; a user has up to three histories, and they may be empty."""
    random = np.random.default_rng(7)
    pasts = [[_past(random) for _ in range(3)] for _ in range(USERS)]
    for file, count in ROWS.items():
        rows = []
        for _ in range(count):
            user, ad = int(random.integers(USERS)), int(random.integers(2, 60))
            profile = f"{user % 7},{user % 13},{1 + user % 2},{user % 6},{user % 4},3,0,{user % 5}"
            about = f"{ad},{1 + ad % 9},{ad // 2},{ad // 3},{ad % 5},{ad / 900}"
            past = pasts[user][random.integers(3)]
            rows.append(
                f"{random.integers(2)},{past},{user + 1},{profile},{about},{random.integers(2)},1\n"
            )
        (folder / file).write_text(HEADER + "".join(rows))


def _past(random: np.random.Generator) -> str:
    length = int(random.integers(8))
    parts = ((1, 5), (1, 12), (0, 6))  # btag, category, brand
    return ",".join("^".join(map(str, random.integers(*span, length))) for span in parts)
