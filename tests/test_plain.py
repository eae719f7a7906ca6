from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from recbench.plain import canonical_json, digest, finite, from_plain


@dataclass(frozen=True)
class Inner:
    rate: float
    flag: bool


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["a", "b"]
    size: int | None
    inner: Inner
    other: Inner | None
    scores: dict[str, float]
    steps: tuple[int, ...]
    pair: tuple[int, float]
    curve: list[dict[str, float]]
    rest: Any


PLAIN = {
    "name": "n",
    "kind": "a",
    "size": None,
    "inner": {"rate": 1, "flag": True},
    "other": None,
    "scores": {"auc": 0.5},
    "steps": [1, 2],
    "pair": [1, 2],
    "curve": [{"loss": 0.25}],
    "rest": {"any": [None, 1]},
}


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": [1, 2.0], "a": "é"}) == '{"a":"é","b":[1,2.0]}'
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_digest_is_the_sha256_of_the_text():
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest([1]) != digest([1.0])


def test_canonical_json_refuses_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": math.nan})


def test_finite_replaces_only_what_json_cannot_hold():
    assert finite({"a": (1.5, math.nan), "b": [math.inf, "nan", 0]}) == {
        "a": [1.5, None],
        "b": [None, "nan", 0],
    }


def test_from_plain_builds_every_kind_of_field():
    assert from_plain(Outer, PLAIN) == Outer(
        name="n",
        kind="a",
        size=None,
        inner=Inner(1.0, True),
        other=None,
        scores={"auc": 0.5},
        steps=(1, 2),
        pair=(1, 2.0),
        curve=[{"loss": 0.25}],
        rest={"any": [None, 1]},
    )


def test_from_plain_reads_null_as_nan_where_a_float_must_stand():
    read = from_plain(Outer, PLAIN | {"scores": {"auc": None}})
    assert math.isnan(read.scores["auc"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": 3}, "field 'name' must be str, got 3"),
        ({"name": None}, "field 'name' must be str, got null"),
        ({"kind": "c"}, "field 'kind' must be a or b, got \"c\""),
        ({"size": 1.5}, "field 'size' must be int, got 1.5"),
        ({"size": True}, "field 'size' must be int, got true"),
        ({"inner": []}, "field 'inner' must be an object"),
        ({"inner": {"rate": 1.0}}, "field 'inner.flag' is missing"),
        ({"inner": {"rate": "x", "flag": True}}, "field 'inner.rate' must be float, got \"x\""),
        ({"other": {"rate": 1.0, "flag": 1}}, "field 'other.flag' must be bool, got 1"),
        ({"scores": {"auc": "x"}}, "field 'scores.auc' must be float, got \"x\""),
        ({"scores": [1.0]}, "field 'scores' must be dict, got [1.0]"),
        ({"steps": [1, "2"]}, "field 'steps[1]' must be int, got \"2\""),
        ({"steps": {"a" * 50: 1}}, "field 'steps' must be tuple, got {\"" + "a" * 38 + "..."),
        ({"pair": [1]}, "field 'pair' must have 2 values, got [1]"),
        ({"pair": [1, "2"]}, "field 'pair[1]' must be float, got \"2\""),
        ({"pair": [1.5, 2.0]}, "field 'pair[0]' must be int, got 1.5"),
        ({"extra": 1}, "field 'extra' is unknown"),
    ],
)
def test_from_plain_names_the_field_that_is_wrong(change, problem):
    with pytest.raises(ValueError) as caught:
        from_plain(Outer, PLAIN | change)
    assert str(caught.value) == problem


@dataclass(frozen=True)
class Loose:
    either: int | str | None
    sizes: tuple


@pytest.mark.parametrize("either", [3, "auto", None])
def test_from_plain_takes_the_first_of_several_types_that_fits(either):
    assert from_plain(Loose, {"either": either, "sizes": [1, "a"]}) == Loose(either, (1, "a"))


def test_from_plain_names_all_of_several_types_if_none_fits():
    with pytest.raises(ValueError, match="field 'either' must be int or str, got 1.5"):
        from_plain(Loose, {"either": 1.5, "sizes": []})


def test_from_plain_says_the_type_of_what_is_not_plain():
    with pytest.raises(ValueError, match=r"must be int or str, got 1.5 \(float64\)"):
        from_plain(Loose, {"either": np.float64(1.5), "sizes": []})


def test_from_plain_refuses_what_is_no_object():
    with pytest.raises(ValueError, match="it must be an object"):
        from_plain(Outer, [])
