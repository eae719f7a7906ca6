"""The raw files of Ali-CCP: rows, what rows of one visit share, and strings of features in both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data.reading import read_csv
from recbench.datasets.ali_ccp_features import require_features, strongest
from recbench.errors import DataError

OF_VISIT = ("101", "121", "122", "124", "125", "126", "127", "128", "129")
"""Fields of the common features, a value each."""
OF_ROW = ("205", "206", "207", "210", "216", "508", "509", "702", "853", "301")
SEVERAL = ("109_14", "110_14", "127_14", "150_14")
"""Fields of the common features that have many values."""
_COMMON = {"common": "VARCHAR", "features": "INTEGER", "text": "VARCHAR"}
_SKELETON = {"sample": "VARCHAR", "click": "TINYINT", "conversion": "TINYINT", **_COMMON}
_PLAUSIBLE = "coalesce(click = 1 OR conversion = 0, true)"
"""Which rows are kept, in DuckDB's words."""


def make_rows(db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make `rows`, in the order of the files, with `testing` and `visit`; and `remarks`.

    Raises:
        DataError: If a file is damaged, or rows and common features do not fit together.
    """
    joined = []
    for part, shift in (("train", "0"), ("test", "(SELECT max(row) FROM skeleton_train)")):
        for kind, columns in (("skeleton", _SKELETON), ("common", _COMMON)):
            read_csv(db, f"{kind}_{part}", files[f"{kind}_{part}"], columns)
            require_features(db, f"{kind}_{part}", files[f"{kind}_{part}"])
        _require_visits(db, part, files[f"common_{part}"])
        shared = strongest(f"common_{part}", (*OF_VISIT, *SEVERAL), ("common", "row AS visit"))
        db.execute(f"CREATE TABLE visits_{part} AS {shared}; DROP TABLE common_{part}")
        own = strongest(
            f"skeleton_{part}", OF_ROW, ("row", "common", "click", "conversion"), _PLAUSIBLE
        )
        names = ", ".join(f'"{name}"' for name in (*OF_VISIT, *OF_ROW, *SEVERAL))
        joined.append(
            f"""SELECT row + {shift} AS row, {part == "test"} AS testing, visit, {names},
                       click, conversion
            FROM ({own}) JOIN visits_{part} USING (common)"""  # noqa: S608
        )
    db.execute(
        f"""CREATE VIEW rows AS {" UNION ALL ".join(joined)};
        CREATE TABLE remarks AS
        SELECT count(*) AS count, 'left out: a conversion without a click' AS what
        FROM (SELECT click, conversion FROM skeleton_train
              UNION ALL SELECT click, conversion FROM skeleton_test)
        WHERE NOT {_PLAUSIBLE}"""  # noqa: S608
    )


def _require_visits(db: duckdb.DuckDBPyConnection, part: str, path: Path) -> None:
    """Raise `DataError` unless the common features of each row are in their file, once."""
    ((row, count),) = db.execute(
        f"SELECT min(row), count(*) FROM skeleton_{part} ANTI JOIN common_{part} USING (common)"  # noqa: S608
    ).fetchall()
    if count:
        raise DataError(
            f"{path} lacks the common features of {count:,} rows of the skeleton, the first in row "
            f"{row}; get both files again"
        )
    twice = db.execute(
        f"SELECT common FROM common_{part} GROUP BY common HAVING count(*) > 1 ORDER BY ALL LIMIT 1"  # noqa: S608
    ).fetchall()
    if twice:
        raise DataError(f"{path} has the index {twice[0][0]} twice; get the file again")
