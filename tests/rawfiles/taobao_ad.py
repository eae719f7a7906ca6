"""Small files as Ali_Display_Ad_Click has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FIRST, DAY = 1_494_000_000, 86_400  # midnight of 6 May 2017 in Beijing
USERS, ADS = 40, 60
PROFILE = (
    "userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,"
    "occupation,new_user_class_level \n"
)


def write(folder: Path, name: str) -> None:
    """Write the four files: eight days of impressions, 22 of behaviours, some users unknown."""
    random = np.random.default_rng(7)
    shown = [
        f"{random.integers(USERS)},{FIRST + random.integers(8 * DAY)},{random.integers(ADS)},"
        f"43054{8 + random.integers(2)}_100{7 + random.integers(2)},{1 - click},{click}\n"
        for click in random.integers(2, size=600)
    ]
    done = [
        f"{random.integers(USERS + 5)},{FIRST - 14 * DAY + random.integers(22 * DAY)},"
        f"{random.choice(['pv', 'cart', 'fav', 'buy'])},{random.integers(1, 9)},"
        f"{random.integers(1, 6)}\n"
        for _ in range(900)
    ]
    ads = [
        f"{ad},{1 + ad % 8},{ad // 2},{ad // 3},{1 + ad % 5 if ad % 3 else 'NULL'},{1.5 * ad}\n"
        for ad in range(ADS)
    ]
    people = [
        f"{user},{user % 9},{user % 13},{1 + user % 2},{user % 7},"
        f"{user % 3 or ''},3,0,{user % 5 or ''}\n"
        for user in range(2, USERS + 3)
    ]
    files = {
        "raw_sample.csv": ("user,time_stamp,adgroup_id,pid,nonclk,clk\n", shown),
        "behavior_log.csv": ("user,time_stamp,btag,cate,brand\n", done),
        "ad_feature.csv": ("adgroup_id,cate_id,campaign_id,customer,brand,price\n", ads),
        "user_profile.csv": (PROFILE, people),
    }
    for file, (header, rows) in files.items():
        (folder / file).write_text(header + "".join(rows))
