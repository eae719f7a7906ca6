"""Ali-CCP: 85 million impressions of a shop's recommendations, with clicks and purchases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset
from recbench.data.protocol import PARTS
from recbench.data.reading import read_csv
from recbench.data.table_protocol import OfficialTestKept, PublishedParts, TableProtocol
from recbench.datasets.ali_ccp_raw import OF_ROW, OF_VISIT, SEVERAL, make_rows

FIELDS = (*OF_VISIT, *OF_ROW, *SEVERAL)
LABELS = ("click", "conversion")
WEIGHTS = ("109_14", "110_14", "127_14", "150_14", "508", "509", "702", "853")
ENCODED = {
    "click": "TINYINT",
    "purchase": "TINYINT",
    **dict.fromkeys(FIELDS, "BIGINT"),
    **{f"D{name}": "DOUBLE" for name in WEIGHTS},
}
RAW = tuple(f"{kind}_{part}" for part in ("train", "test") for kind in ("skeleton", "common"))


class AliCCP(Dataset):
    """Two files a part, rows and what rows of one visit share, each with a string of features.

    Or, with the protocol `encoded`, three comma-separated files with a header, all values numbered.
    """

    api = 1
    card = Card(
        name="ali-ccp",
        version=1,
        title="Ali-CCP (Alibaba Click and Conversion Prediction)",
        task="multi-task",
        files={
            "skeleton_train": "sample_skeleton_train.csv",
            "common_train": "common_features_train.csv",
            "skeleton_test": "sample_skeleton_test.csv",
            "common_test": "common_features_test.csv",
            "encoded_train": "ali_ccp_train_sample.csv",
            "encoded_valid": "ali_ccp_val_sample.csv",
            "encoded_test": "ali_ccp_test_sample.csv",
        },
        archives={role: f"sample_{role.partition('_')[2]}.tar.gz" for role in RAW},
        protocols={
            "official": TableProtocol(
                OfficialTestKept(valid=0.1, group="visit"),
                files=RAW,
                source="the official test; validation is a tenth of the training visits, drawn",
            ),
            "encoded": TableProtocol(
                PublishedParts(),
                files=tuple(f"encoded_{part}" for part in PARTS),
                source="the sample of the torch-rechub release, whose parts these are",
            ),
        },
        departures={
            "official": (
                "Conversions without a click are left out: 230 of 42,300,135 rows of the training "
                "file, 226 of 43,016,840 of the test file.",
                "A field with several values in a row keeps the one of largest weight, of these "
                f"the smallest; {', '.join(SEVERAL)} have many. Weights are no inputs.",
            ),
            "encoded": ("The weights of the values (columns D) are left out.",),
        },
        source="tianchi.aliyun.com/dataset/408 (sample_train.tar.gz and sample_test.tar.gz; needs "
        "a login); or, for the protocol encoded, examples/ranking/data/ali-ccp of "
        "github.com/datawhalechina/torch-rechub",
        licence="Tianchi terms, non-commercial research",
        citation="Ma et al., Entire Space Multi-Task Model, SIGIR 2018",
        counts=({"rows": 85_316_519}, {"rows": 200}),
        notes=(
            "Rows of one visit share their user's features, and none is in both train and "
            "validation.",
            "With the protocol encoded all rows stay, and the values are those of its files.",
        ),
        labels=dict.fromkeys(LABELS, "binary"),
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows`, in the order of the files, and `remarks`."""
        if "skeleton_train" not in files:
            _read_encoded(db, files)
            return
        make_rows(db, files)


def _read_encoded(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `rows` of the three numbered files, whose weights (D columns) are left out."""
    names = ", ".join(f'"{name}"' for name in FIELDS)
    parts = []
    for place, part in enumerate(PARTS):
        read_csv(db, f"file_{part}", files[f"encoded_{part}"], ENCODED, header=True)
        parts.append(f"SELECT {place} AS part, * FROM file_{part}")  # noqa: S608
    db.execute(
        f"""CREATE VIEW rows AS
        SELECT row_number() OVER (ORDER BY part, row) AS row, part, {names}, click,
               purchase AS conversion
        FROM ({" UNION ALL ".join(parts)})"""  # noqa: S608
    )
