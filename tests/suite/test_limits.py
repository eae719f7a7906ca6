import pytest

from recbench.errors import UsageError
from recbench.suite.limits import duration, threads_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0.5", 0.5), ("30s", 30), ("45m", 2700), ("2h", 7200), ("1h30m", 5400)],
)
def test_a_time_may_have_units(text, seconds):
    assert duration(text, "--time-limit") == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "2 h", "h", "1x", "2h?", "nan"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="--time-limit: .* is no time"):
        duration(text, "--time-limit")


@pytest.mark.parametrize(
    ("jobs", "threads", "environment", "expected"),
    [(1, 0, "", 8), (2, 0, "", 4), (3, 0, "", 2), (8, 0, "", 1), (2, 3, "", 3), (1, 0, "2", 2)],
)
def test_runs_side_by_side_share_the_cores(monkeypatch, jobs, threads, environment, expected):
    monkeypatch.setattr("recbench.suite.limits.cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", environment)
    assert threads_of(jobs, threads) == expected


@pytest.mark.parametrize(("jobs", "threads"), [(9, 0), (2, 5), (0, 1), (1, -1)])
def test_they_never_use_more_than_there_are(monkeypatch, jobs, threads):
    monkeypatch.setattr("recbench.suite.limits.cores", lambda: 8)
    with pytest.raises(UsageError):
        threads_of(jobs, threads)
