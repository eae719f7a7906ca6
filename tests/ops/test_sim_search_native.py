"""The native searches against their references, over the operators' own cases."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.soft_search import check_soft, double_keys
from torch import Tensor

from recbench.ops import category_index, native, sim_search_hard, sim_search_soft
from recbench.ops.category_index import OP as INDEX
from recbench.ops.dispatch import Case, Operator, backend, observe
from recbench.ops.sim_search_hard import OP as HARD
from recbench.ops.sim_search_soft import OP as SOFT
from recbench.ops.sim_search_soft_cases import make_case
from recbench.testing.operator_checks import check_compiled, check_determinism, check_equality

pytestmark = pytest.mark.skipif(not native.LOADED, reason=f"no native kernels: {native.REFUSAL}")

CPU = torch.device("cpu")
REFUSAL = (ValueError, IndexError, RuntimeError)
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
SOFT_CASES = [(case, dtype) for dtype in DTYPES for case in SOFT.cases(CPU, dtype)]
INT_CASES = [(op, case) for op in (HARD, INDEX) for case in op.cases(CPU, torch.float32)]


def soft_cases(*dtypes: torch.dtype) -> Any:
    """Parametrise over the soft search's cases."""
    chosen = [(case, dtype) for case, dtype in SOFT_CASES if dtype in dtypes]
    names = [f"{case.name} {str(dtype)[6:]}" for case, dtype in chosen]
    return pytest.mark.parametrize("case", [case for case, _ in chosen], ids=names)


int_cases = pytest.mark.parametrize(
    ("operator", "case"), INT_CASES, ids=[f"{op.name} {case.name}" for op, case in INT_CASES]
)


@soft_cases(*DTYPES)
def test_soft_search_equals_its_reference(case: Case):
    check_soft(case)


@int_cases
def test_hard_search_and_index_equal_their_references(operator: Operator, case: Case):
    check_equality(operator, case)


@soft_cases(torch.float32)
def test_soft_search_does_not_depend_on_threads(case: Case):
    check_determinism(SOFT, case)


@int_cases
def test_hard_search_does_not_depend_on_threads(operator: Operator, case: Case):
    check_determinism(operator, case)


FEW = ("rows of all lengths", "several queries", "no row", "not contiguous", "targets share")
SOME_SOFT = [
    case
    for case, dtype in SOFT_CASES
    if dtype == torch.float32
    and any(few in case.name for few in FEW)
    and "whole numbers" not in case.name
]
SOME_INT = [(op, case) for op, case in INT_CASES if any(f in case.name for f in FEW)]


@pytest.mark.parametrize("case", SOME_SOFT, ids=lambda case: case.name)
def test_soft_search_compiles_whole(case: Case):
    check_compiled(SOFT, case)


@pytest.mark.parametrize(("operator", "case"), SOME_INT, ids=lambda value: value.name)
def test_hard_search_compiles_whole(operator: Operator, case: Case):
    check_compiled(operator, case)


def native_arguments(case: Case) -> tuple[Any, ...]:
    """Return the arguments that the wrapper hands to `torch.ops.recbench.sim_search_soft`."""
    given, none = case.arguments, torch.empty(0, dtype=torch.int64)
    query, keys = given["query"], given["keys"]
    query = query if query.ndim == 3 else query[:, None]
    return (
        query if double_keys(case) else query.float(),
        [keys] if isinstance(keys, Tensor) else keys,
        given.get("tables", []),
        given.get("offsets", none),
        given.get("lengths", none),
        given["k"],
    )


@pytest.mark.parametrize("case", SOME_SOFT, ids=lambda case: case.name)
def test_torch_approves_of_soft_search(case: Case):
    torch.library.opcheck(torch.ops.recbench.sim_search_soft, native_arguments(case))


@pytest.mark.parametrize(("operator", "case"), SOME_INT, ids=lambda value: value.name)
def test_torch_approves_of_hard_search_and_index(operator: Operator, case: Case):
    given, none = case.arguments, torch.empty(0, dtype=torch.int64)
    arguments = [given["category"], given["offsets"]]
    if operator is HARD:
        arguments += [given["target"], given.get("rows", none), given.get("index", none)]
        arguments.append(given["k"])
    torch.library.opcheck(getattr(torch.ops.recbench, operator.name), tuple(arguments))


def test_tensors_that_require_gradients_are_searched_without_a_word():
    for layout in ("dense", "jagged", "tables"):
        case = make_case("", [4, 9], 3, layout=layout, device=CPU, dtype=torch.float32)
        for name in ("query", "keys", "tables"):
            tensors = case.arguments.get(name, [])
            for tensor in [tensors] if isinstance(tensors, Tensor) else tensors:
                if tensor.is_floating_point():
                    tensor.requires_grad_()
        with warnings.catch_warnings(), backend("native"):
            warnings.simplefilter("error")
            _, scores = sim_search_soft(**case.arguments)
            if layout == "jagged":
                check_compiled(SOFT, case)
        assert not scores.requires_grad
        weight = torch.ones((), requires_grad=True)
        (weight * scores.sum()).backward()


@pytest.mark.parametrize("layout", ["dense", "jagged", "tables"])
@pytest.mark.parametrize("low", ["query", "keys", "both"])
def test_autocast_keeps_the_meaning(layout: str, low: str):
    case = make_case("", [40, 3], 6, layout=layout, device=CPU, dtype=torch.float32)
    arguments = dict(case.arguments)
    if low in ("query", "both"):
        arguments["query"] = arguments["query"].bfloat16()
    if low in ("keys", "both"):
        stored = "tables" if layout == "tables" else "keys"
        value = arguments[stored]
        halves = value.bfloat16() if isinstance(value, Tensor) else [t.bfloat16() for t in value]
        arguments[stored] = halves
    with torch.autocast("cpu", dtype=torch.bfloat16):
        check_soft(Case(layout, arguments))


def test_what_ran_is_observed():
    soft = make_case("", [4], 3, layout="jagged", device=CPU, dtype=torch.float32).arguments
    offsets, category = torch.tensor([0, 4]), torch.zeros(4, dtype=torch.int64)
    with observe() as used:
        sim_search_soft(**soft)
        index = category_index(category, offsets)
        sim_search_hard(category, offsets, torch.zeros(1, dtype=torch.int64), 2, index=index)
    ran = {f"native ({native.ISA})"}
    assert used == dict.fromkeys(("sim_search_soft", "category_index", "sim_search_hard"), ran)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(0, 200), max_size=5),
    k=st.integers(1, 220),
    width=st.integers(1, 40),
    queries=st.one_of(st.none(), st.integers(1, 18)),
    layout=st.sampled_from(["dense", "jagged", "tables"]),
    whole=st.booleans(),
    dtype=st.sampled_from(DTYPES),
)
def test_any_soft_search_equals_its_reference(
    lengths: list[int], k: int, width: int, queries: int | None, layout: str, whole: bool,
    dtype: torch.dtype,
):  # fmt: skip
    case = make_case(
        "", lengths, k, layout=layout, width=width, queries=queries, device=CPU, dtype=dtype,
        whole=whole,
    )  # fmt: skip
    check_soft(case)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), rows=st.lists(st.lists(st.integers(-2, 3), max_size=120), max_size=4))
def test_any_hard_search_equals_its_reference(data: st.DataObject, rows: list[list[int]]):
    category = torch.tensor([c for row in rows for c in row], dtype=torch.int64)
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    arguments = {"category": category, "offsets": offsets, "k": data.draw(st.integers(1, 130))}
    targets = data.draw(st.integers(0, 9)) if rows else 0
    if data.draw(st.booleans()):
        draw = st.lists(st.integers(0, len(rows) - 1), min_size=targets, max_size=targets)
        arguments["rows"] = torch.tensor(data.draw(draw) if targets else [], dtype=torch.int64)
    else:
        targets = len(rows)
    wanted = data.draw(st.lists(st.integers(-3, 4), min_size=targets, max_size=targets))
    arguments["target"] = torch.tensor(wanted, dtype=torch.int64)
    check_equality(HARD, Case("scan", arguments))
    with backend("native"):
        index = category_index(category, offsets)
    check_equality(HARD, Case("index", arguments | {"index": index}))


def soft_call(**changes: Any) -> None:
    """Call the native soft search of 2 rows of 3 events of width 4, with something changed."""
    arguments = {
        "query": torch.zeros(2, 1, 4), "keys": [torch.zeros(6, 4)], "tables": [],
        "offsets": torch.tensor([0, 3, 6]), "lengths": torch.empty(0, dtype=torch.int64), "k": 2,
    }  # fmt: skip
    torch.ops.recbench.sim_search_soft(*(arguments | changes).values())


def describe(changes: dict[str, Any]) -> str:
    """Return names and shapes of what is changed."""
    shape = {k: [*v.shape] if isinstance(v, Tensor) else "" for k, v in changes.items()}
    return " ".join(f"{name}{value}" for name, value in shape.items())


INTS = torch.zeros(6, dtype=torch.int64)


@pytest.mark.parametrize(
    "changes",
    [
        {"query": torch.zeros(2, 4)},
        {"query": torch.zeros(3, 1, 4)},
        {"query": torch.zeros(2, 1, 5)},
        {"query": torch.zeros(2, 1, 4, dtype=torch.float64)},
        {"query": torch.zeros(2, 1, 4, dtype=torch.bfloat16)},
        {"keys": []},
        {"keys": [torch.zeros(6, 4), torch.zeros(6, 4)]},
        {"keys": [torch.zeros(5, 4)]},
        {"keys": [torch.zeros(6)]},
        {"keys": [torch.zeros(6, 4, dtype=torch.int64)]},
        {"keys": [torch.zeros(2, 3, 4)]},
        {"keys": [torch.zeros(2, 3, 4)], "lengths": torch.tensor([4, 0])},
        {"keys": [torch.zeros(2, 3, 4)], "lengths": torch.tensor([-1, 0])},
        {"keys": [torch.zeros(2, 3, 4)], "lengths": torch.tensor([1.0, 0.0])},
        {"keys": [torch.zeros(1, 3, 4)], "lengths": torch.tensor([1])},
        {"offsets": torch.tensor([0, 4, 3, 6])},
        {"offsets": torch.tensor([0, 7, 6])},
        {"offsets": torch.tensor([1, 3, 6])},
        {"offsets": torch.tensor([0, 3, 7])},
        {"offsets": torch.tensor([0, 6])},
        {"offsets": torch.empty(0, dtype=torch.int64)},
        {"offsets": torch.tensor([0.0, 3, 6])},
        {"k": 0},
        {"keys": [INTS], "tables": [torch.zeros(0, 4)]},
        {"keys": [INTS - 1], "tables": [torch.zeros(3, 4)]},
        {"keys": [INTS + 3], "tables": [torch.zeros(3, 4)]},
        {"keys": [INTS], "tables": [torch.zeros(3, 5)]},
        {"keys": [INTS], "tables": [torch.zeros(3, 2), torch.zeros(3, 2)]},
        {"keys": [INTS, INTS[1:]], "tables": [torch.zeros(3, 2), torch.zeros(3, 2)]},
        {"keys": [INTS.float()], "tables": [torch.zeros(3, 4)]},
    ],
    ids=describe,
)
def test_wrong_soft_calls_are_refused(changes: dict[str, Any]):
    soft_call()
    with pytest.raises(REFUSAL, match="recbench: expected"):
        soft_call(**changes)


def hard_call(**changes: Any) -> None:
    """Call the native hard search of 2 rows of 3 events, with something changed."""
    arguments = {
        "category": torch.tensor([1, 2, 1, 3, 3, 1]), "offsets": torch.tensor([0, 3, 6]),
        "target": torch.tensor([1, 3]), "rows": torch.tensor([0, 1]),
        "index": torch.tensor([0, 2, 1, 5, 3, 4]), "k": 2,
    }  # fmt: skip
    torch.ops.recbench.sim_search_hard(*(arguments | changes).values())


@pytest.mark.parametrize(
    "changes",
    [
        {"category": torch.zeros(6)},
        {"category": torch.zeros(5, dtype=torch.int64)},
        {"offsets": torch.tensor([0, 4, 3, 6])},
        {"target": torch.zeros(2)},
        {"target": torch.zeros(3, dtype=torch.int64)},
        {"target": torch.zeros(3, dtype=torch.int64), "rows": torch.empty(0, dtype=torch.int64)},
        {"rows": torch.tensor([0, 2])},
        {"rows": torch.tensor([-1, 1])},
        {"rows": torch.zeros(2)},
        {"index": torch.tensor([0, 2, 1, 5, 3])},
        {"index": torch.tensor([0, 2, 1, 5, 3, 4.0])},
        {"index": torch.tensor([0, 2, 1, 5, 3, 0]), "category": torch.tensor([3, 2, 1, 3, 3, 1])},
        {"k": 0},
    ],
    ids=describe,
)
def test_wrong_hard_calls_are_refused(changes: dict[str, Any]):
    hard_call()
    with pytest.raises(REFUSAL, match="recbench: expected"):
        hard_call(**changes)


def test_an_index_that_leads_outside_is_refused():
    for outside in (-1, 6, 2**62):
        with pytest.raises(REFUSAL, match="names a position not in the log"):
            hard_call(index=torch.full((6,), outside))
    with pytest.raises(REFUSAL, match="recbench: expected"):
        torch.ops.recbench.category_index(torch.zeros(3, dtype=torch.int64), torch.tensor([0, 2]))
