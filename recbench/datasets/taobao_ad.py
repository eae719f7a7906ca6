"""Taobao display advertising (Ali_Display_Ad_Click): impressions, and what their users did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import GlobalTime, Protocol
from recbench.data.reading import BOOLEAN, read_csv, whole_number
from recbench.datasets.taobao import BEIJING
from recbench.datasets.taobao_ad_fields import (
    AD_ONLY,
    CITATION,
    LICENCE,
    NOTES,
    PROFILE,
    behaviour_item,
    price_band,
)


class TaobaoAd(Dataset):
    """Four comma-separated files with header; that of users' profiles ends in a blank."""

    api = 1
    card = Card(
        name="taobao-ad",
        version=1,
        title="Taobao display advertising (Ali_Display_Ad_Click)",
        task="ctr",
        files={
            "impressions": "raw_sample.csv",
            "ads": "ad_feature.csv",
            "profiles": "user_profile.csv",
            "behaviours": "behavior_log.csv",
        },
        protocols={
            "time": Protocol(GlobalTime(valid=1, test=1, unit="days", utc_offset_hours=BEIJING))
        },
        departures={
            "time": (
                "The publisher's split is seven days for training and one for test; here the "
                "seventh is validation.",
                "The log of behaviours may overlap the days of the impressions; here a history is "
                "what its user did before the second of the impression.",
            )
        },
        source="tianchi.aliyun.com/dataset/56 (raw_sample.csv, ad_feature.csv, user_profile.csv, "
        "behavior_log.csv; needs a login)",
        licence=LICENCE,
        citation=CITATION,
        counts=({"targets": 26_557_961, "users": 1_141_729},),
        time_range=(1_492_790_400, 1_494_691_199),
        optional=("brand", *AD_ONLY),
        contexts=("pid", "hour"),
        notes=(
            *NOTES,
            "A history goes back to 22 April 2017 at most.",
            "Rows outside 22 April to 13 May 2017 (UTC+8) are dropped, and so are behaviours of "
            "users without an impression. About 7 % of users have no profile.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        numbers = dict.fromkeys
        columns = {
            "impressions": numbers(("user", "time", "item"), "BIGINT")
            | {"pid": "VARCHAR", "nonclk": BOOLEAN, "clk": BOOLEAN},
            "ads": numbers(("item", "category", "campaign", "customer"), "BIGINT")
            | {"brand": "VARCHAR", "price": "DOUBLE"},
            "profiles": {"user": "BIGINT", **numbers(PROFILE, "VARCHAR")},
            "behaviours": {"user": "BIGINT", "time": "BIGINT", "btag": "VARCHAR"}
            | numbers(("category", "brand"), "INTEGER"),
        }
        for role, types in columns.items():
            read_csv(db, f"{role}_file", files[role], types, header=True)
        brand = whole_number("nullif(brand, 'NULL')")
        db.execute(
            f"""CREATE TABLE shown AS SELECT DISTINCT user FROM impressions_file;
            CREATE VIEW deeds AS
            SELECT row, user, {behaviour_item("category", "brand")} AS item, time, btag, category,
                   brand
            FROM behaviours_file WHERE user IS NULL OR user IN (FROM shown);
            CREATE VIEW events AS
            SELECT row, user, item, time, 'impression' AS behaviour, true AS positive,
                   false AS history, clk = '1' AS label, pid,
                   (time // 3600 + {BEIJING}) % 24 AS hour
            FROM impressions_file
            UNION ALL
            SELECT row, user, item, time, btag, false, true, false, NULL, NULL FROM deeds;
            CREATE TABLE items AS
            SELECT item, category, nullif({brand}, 0) AS brand,
                   campaign, customer, {price_band("price")} AS price
            FROM ads_file
            UNION ALL
            SELECT DISTINCT item, category, nullif(brand, 0), NULL, NULL, NULL FROM deeds;
            CREATE VIEW users AS SELECT user, {", ".join(PROFILE)} FROM profiles_file"""  # noqa: S608
        )
