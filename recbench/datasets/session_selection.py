"""Which clicks of a shop's log make its sessions, as the session papers select them."""

from __future__ import annotations

from typing import Literal

import duckdb

SOURCE = (
    "the preprocessing of the session papers (Hidasi et al., ICLR 2016; Wu et al., AAAI 2019): "
    "sessions of one click and items of fewer than five are left out, and so are test clicks on "
    "items that training lacks; validation is the last 5 % of clicks of the training part"
)


LAST = {
    "pairs": """SELECT session, least(size - 1, wanted - later) AS pairs
        FROM (SELECT session, size,
                     sum(size - 1) OVER (ORDER BY ended DESC, session DESC) - (size - 1) AS later,
                     (SELECT sum(size - 1) FROM early) // {share} AS wanted
              FROM early)
        WHERE later < wanted""",
    "clicks": """SELECT session, size - 1 AS pairs
        FROM (SELECT session, size, sum(size) OVER (ORDER BY session DESC) AS taken,
                     ceil((SELECT sum(size) FROM early) / {share}) AS wanted
              FROM early)
        WHERE taken <= wanted""",
}
"""Queries for which sessions of the training part stay, and how many of their pairs."""


def select_sessions(
    db: duckdb.DuckDBPyConnection,
    test_days: int,
    share: int = 1,
    last: Literal["pairs", "clicks"] = "pairs",
) -> None:
    """Make `events` of the table `clicks`, and `remarks` on those that lack something.

    `clicks` has `row`, `session`, `item`, `moment` (milliseconds; clicks of a session are in its
    order) and `date` (milliseconds; a session is as old as its last one says). Sessions of the last
    days are test; what lies on the very boundary is of no part. Of the training sessions the last
    stay.

    Args:
        db: The connection.
        test_days: Days of the test part, which end with the last session.
        share: One in so many of the training part stays.
        last: Of what: the last pairs of a history and its next click by the time at which sessions
            end, rounded down, so that the first session is cut; or the last clicks by session
            number, rounded up, of which the first session is dropped if it is not whole.
    """
    db.execute(
        f"""CREATE VIEW whole AS
        SELECT * FROM clicks
        WHERE session IS NOT NULL AND item IS NOT NULL AND moment IS NOT NULL AND date IS NOT NULL;
        CREATE TABLE remarks AS
        SELECT (SELECT count(*) FROM clicks) - (SELECT count(*) FROM whole) AS count,
               'left out: no session, item or time' AS what;
        CREATE TABLE longer AS SELECT session FROM whole GROUP BY session HAVING count(*) > 1;
        CREATE TABLE supported AS
        SELECT item FROM whole SEMI JOIN longer USING (session) GROUP BY item HAVING count(*) >= 5;
        CREATE VIEW known AS
        SELECT * FROM whole SEMI JOIN longer USING (session) SEMI JOIN supported USING (item);
        CREATE TABLE sessions AS
        SELECT session, max(date) AS ended, count(*) AS size FROM known
        GROUP BY session HAVING size > 1;
        CREATE TABLE early AS
        SELECT * FROM sessions
        WHERE ended < (SELECT max(ended) FROM sessions) - {test_days * 86_400_000};
        CREATE TABLE trained AS
        SELECT DISTINCT item FROM known SEMI JOIN early USING (session);
        CREATE TABLE asked AS
        SELECT known.* FROM known SEMI JOIN trained USING (item)
        WHERE session IN (
            SELECT session FROM sessions
            WHERE ended > (SELECT max(ended) FROM sessions) - {test_days * 86_400_000});
        CREATE TABLE kept AS {LAST[last].format(share=share)};
        CREATE VIEW events AS
        SELECT place AS row, session AS user, item, moment // 1000 AS time, false AS testing
        FROM (SELECT *, row_number() OVER (PARTITION BY session ORDER BY moment, row) AS place
              FROM known SEMI JOIN kept USING (session))
        JOIN kept USING (session) WHERE place <= pairs + 1
        UNION ALL
        SELECT place, session, item, moment // 1000, true
        FROM (SELECT *, row_number() OVER (PARTITION BY session ORDER BY moment, row) AS place,
                     count(*) OVER (PARTITION BY session) AS size FROM asked)
        WHERE size > 1"""  # noqa: S608
    )
