from dataclasses import replace

import pytest

from recbench.leaderboard import tables
from recbench.leaderboard.staleness import staleness
from recbench.metrics import METRICS
from recbench.published_pins import pins_of
from recbench.record import Fingerprints


def pinned(name, protocol, size):
    (pin,) = (
        pin for pin in pins_of(name) if (pin["protocol"], pin.get("size")) == (protocol, size)
    )
    return Fingerprints(**{part: pin["fingerprints"][part] for part in ("train", "valid", "test")})


@pytest.fixture
def fresh(make_record):
    """A record as it would be made today on the tiny simulation."""
    record = make_record(dataset="taobao", source="simulated", size="tiny")
    return replace(
        record, dataset=replace(record.dataset, fingerprints=pinned("taobao", "time", "tiny"))
    )


def changed(record, **fields):
    return replace(record, dataset=replace(record.dataset, **fields))


def test_what_is_as_today_is_not_stale(fresh):
    assert staleness(fresh) == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"version": 0}, "the dataset is v1 today"),
        ({"protocol": "users"}, "it has no protocol users today"),
        ({"fingerprints": Fingerprints("a", "b", "c")}, "its rows are not the pinned ones"),
    ],
)
def test_data_that_moved_on_make_a_record_stale(fresh, fields, why):
    assert staleness(changed(fresh, **fields)) == why


def test_a_metric_that_moved_on_makes_a_record_stale_and_is_named_once(fresh):
    old = {"auc": METRICS["auc"].version - 1, "auc/a": METRICS["auc"].version - 1}
    assert staleness(replace(fresh, metric_versions=old)) == "auc is v1 today, v0 there"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "shop", "version": 7},  # nobody has published pins of it
        {"size": "full"},  # too large to pin
        {"source": "real", "size": None},  # files that no maintainer has
    ],
)
def test_what_nobody_pinned_is_not_judged(fresh, fields):
    assert staleness(changed(fresh, **fields)) == ""


def test_real_data_are_held_to_every_pinned_release(fresh):
    real = changed(fresh, name="ml-100k", source="real", size=None)
    assert staleness(real) == "its rows are not the pinned ones"
    assert staleness(changed(real, fingerprints=pinned("ml-100k", "time", None))) == ""
    assert staleness(changed(real, protocol="another")) == ""


def test_stale_records_stand_apart_and_last_and_say_why(fresh, make_record):
    old = changed(make_record("sim", auc=0.9, dataset="taobao"), version=0)
    first, last = tables([old, fresh])
    assert (list(first.rows["model"]), first.group.stale) == (["din"], "")
    assert list(last.rows["model"]) == ["sim"]
    assert last.group.title == "taobao v0 · time · real data · STALE: the dataset is v1 today"
