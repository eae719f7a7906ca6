"""Suites: many runs, each in a process of its own, so that one that fails stops no other.

`file` reads what a TOML file declares, `settling` makes every choice and prepares the data, and
`runs` makes the runs. Each is a `child` process within `limits`, which runs `worker`; what it tells
is shown by `relay`, and `ledger` keeps what failed.
"""
