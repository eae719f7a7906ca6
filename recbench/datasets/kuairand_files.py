"""The files of KuaiRand-1K: two logs of impressions, features of videos and of users."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Download
from recbench.data.protocol import GlobalTime
from recbench.data.reading import read_csv

LABELS = ("is_click", "is_like", "is_follow", "long_view")
LOG = {
    "user_id": "BIGINT",
    "video_id": "BIGINT",
    "date": "INTEGER",
    "hourmin": "INTEGER",
    "time_ms": "BIGINT",
    **dict.fromkeys(("is_click", "is_like", "is_follow"), "TINYINT"),
    **dict.fromkeys(("is_comment", "is_forward", "is_hate"), "VARCHAR"),
    "long_view": "TINYINT",
    **dict.fromkeys(("play_time_ms", "duration_ms", "profile_stay_time"), "VARCHAR"),
    **dict.fromkeys(("comment_stay_time", "is_profile_enter", "is_rand"), "VARCHAR"),
    "tab": "BIGINT",
}
VIDEO = {
    "video_id": "BIGINT",
    **dict.fromkeys(("author_id", "video_type", "upload_dt", "upload_type"), "VARCHAR"),
    **dict.fromkeys(("visible_status", "video_duration", "server_width"), "VARCHAR"),
    **dict.fromkeys(("server_height", "music_id", "music_type", "tag"), "VARCHAR"),
}
RANGES = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
USER = {
    "user_id": "BIGINT",
    "user_active_degree": "VARCHAR",
    **dict.fromkeys(("is_lowactive_period", "is_live_streamer", "is_video_author"), "VARCHAR"),
    **{f"{name}{end}": "VARCHAR" for name in RANGES for end in ("", "_range")},
    **{f"onehot_feat{number}": "VARCHAR" for number in range(18)},
}
BEIJING = 8
DAYS = GlobalTime(valid=1, test=1, unit="days", utc_offset_hours=BEIJING)
FILES = {
    "early": "log_standard_4_08_to_4_21_1k.csv",
    "late": "log_standard_4_22_to_5_08_1k.csv",
    "videos": "video_features_basic_1k.csv",
}
USERS = "user_features_1k.csv"
ARCHIVE = Download(
    "KuaiRand-1K.tar.gz",
    ("https://zenodo.org/records/10439422/files/KuaiRand-1K.tar.gz",),
    md5="6b0b9c8222d67fcd4c676218edca3f1f",
)
CHECKSUMS = {
    "early": "355355897a84baa4df26b78b0271bb9a27b127a39cd7aa4a898cf86db0bc1810",
    "late": "548daf771e54e2b73086cc8e7c6f56787d44421f5026c2100421810e47ae9dd4",
    "videos": "18cb8b9133635a5e53d4e33b1644137b8673b615cc1aaa500b6d3d09695efae3",
    "users": "07813068ac9ca1071dd456c6d84bd20d0dd81a8ff6596a22e1bbe2b12dc5ea6d",
}
SOURCE = "zenodo.org/records/10439422 (KuaiRand-1K.tar.gz, in it the folder data)"
LICENCE = "CC BY-SA 4.0"
CITATION = (
    "Gao et al., KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed "
    "Videos, CIKM 2022"
)
DEPARTURE = "Impressions that were drawn at random, log_random_4_22_to_5_08_1k.csv, are left out."
NOTES = (
    "The last day is test, the one before it validation (UTC+8).",
    "A video's category is the first of its tags.",
    "A click in a feed of one column is a view of 7 seconds, or of the whole if that is shorter.",
)
YEAR_2022 = (1_640_966_400, 1_672_502_399)


def read_files(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `impressions`, with `row` and `time` (seconds), and `videos`."""
    for role in ("early", "late"):
        read_csv(db, role, files[role], LOG, header=True)
    read_csv(db, "features", files["videos"], VIDEO, header=True, quote='"')
    db.execute(
        f"""CREATE VIEW impressions AS
        SELECT row, user_id, video_id, time_ms // 1000 AS time, hourmin // 100 AS hour, tab,
               {", ".join(LABELS)}
        FROM (FROM early UNION ALL
              SELECT * REPLACE (row + (SELECT max(row) FROM early) AS row) FROM late);
        CREATE VIEW videos AS
        SELECT video_id, author_id AS author, nullif(split_part(tag, ',', 1), '') AS category,
               video_type, upload_type, music_type
        FROM features"""  # noqa: S608
    )
