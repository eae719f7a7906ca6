"""TaobaoAd_x1: Taobao's display advertising as the BARS leaderboards have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.reading import BOOLEAN, whole_number
from recbench.datasets import bars, own_histories, taobao_ad_fields
from recbench.datasets.taobao_ad_fields import AD_ONLY, PROFILE, behaviour_item, price_band

COLUMNS = {
    "clk": BOOLEAN,
    **dict.fromkeys(("btag_his", "cate_his", "brand_his"), "VARCHAR"),
    "userid": "BIGINT",
    **dict.fromkeys(PROFILE, "VARCHAR"),
    **dict.fromkeys(("adgroup_id", "cate_id", "campaign_id", "customer", "brand"), "INTEGER"),
    "price": "DOUBLE",
    "pid": "VARCHAR",
    "btag": "VARCHAR",
}
CHANGES = (
    "The publisher numbered ids by train and test together.",
    "The target's own btag, which never varies, is no input.",
)
HISTORIES = {"cate_his": "category", "brand_his": "brand", "btag_his": "btag"}


class TaobaoAdX1(Dataset):
    """Comma-separated files with header, a row an impression with its user's last behaviours."""

    api = 1
    card = Card(
        name="taobao-ad-x1",
        version=1,
        title="Taobao display advertising, TaobaoAd_x1",
        task="ctr",
        **bars.release("TaobaoAd_x1"),
        protocols=bars.PROTOCOLS,
        departures=bars.departures(*CHANGES),
        licence=taobao_ad_fields.LICENCE,
        citation=f"{taobao_ad_fields.CITATION}; {bars.BARS}",
        counts=({"targets": 21_929_911 + 3_099_515},),
        checksums={
            "train": "eaabfc8629f23519b04593e26c7522fc",
            "test": "f5ae6197e52385496d46e2867c1c8da1",
        },
        group="member",
        optional=("brand", *AD_ONLY),
        contexts=("pid",),
        notes=(
            *bars.NOTES,
            *taobao_ad_fields.NOTES,
            "The last of eight days is the test file. Histories hold the last 50 behaviours. The "
            "publisher left out impressions without profile or advertisement, and scaled prices.",
            "No column tells the time of an impression.",
        ),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `events`, `items` and `users`."""
        own_histories.read_sequences(db, files, COLUMNS, "userid", HISTORIES)
        category, brand = whole_number("category"), whole_number("brand")
        db.execute(
            f"""CREATE TABLE events AS
            SELECT row, user, adgroup_id::BIGINT AS item, began + 1 AS time, true AS positive,
                   clk = '1' AS label, testing, 'impression' AS behaviour, pid
            FROM lines
            UNION ALL
            SELECT place, user, {behaviour_item(category, brand)}, began, false, false, testing,
                   btag, NULL
            FROM past;
            CREATE TABLE items AS
            SELECT adgroup_id::BIGINT AS item, min(cate_id) AS category,
                   nullif(min(brand), 0) AS brand, min(campaign_id) AS campaign,
                   min(customer) AS customer, min({price_band("price")}) AS price
            FROM lines GROUP BY item
            UNION ALL
            SELECT DISTINCT {behaviour_item(category, brand)}, {category},
                   nullif({brand}, 0), NULL, NULL, NULL
            FROM past;
            CREATE TABLE users AS
            SELECT user, userid AS member, {", ".join(PROFILE)} FROM lines WHERE row = user"""  # noqa: S608
        )
