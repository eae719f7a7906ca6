import importlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data import gather as module

try:
    native = importlib.import_module("recbench._native")
except ImportError:
    native = None

needs_native = pytest.mark.skipif(native is None, reason="the native module is not built")
with_both = pytest.mark.usefixtures("_implementations")
NUMPY = module._NumPy


@pytest.fixture(params=["numpy", pytest.param("native", marks=needs_native)])
def _implementations(request, monkeypatch):
    """Run a test through the public functions, with each implementation behind them."""
    chosen = NUMPY if request.param == "numpy" else native
    monkeypatch.setattr(module, "_kernels", chosen)


def int64(*values):
    return np.array(values, np.int64)


def int32(*values):
    return np.array(values, np.int32)


def assert_identical(got, expected):
    for g, e in zip(got, expected, strict=True):
        assert g.dtype == e.dtype
        np.testing.assert_array_equal(g, e)


@with_both
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_gather_widens_integers_without_changing_them(dtype):
    limits = np.iinfo(dtype)
    column = np.array([limits.min, 0, limits.max], dtype)
    assert_identical(
        [module.gather(column, int64(2, 0, 2))], [int64(limits.max, limits.min, limits.max)]
    )


@with_both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gather_keeps_floats(dtype):
    column = np.array([0.1, np.nan, -np.inf], dtype)
    assert_identical([module.gather(column, int64(1, 0, 2))], [column[[1, 0, 2]]])


@with_both
def test_gather_reads_a_read_only_memory_map(tmp_path):
    np.arange(1000, dtype=np.int16).tofile(tmp_path / "column")
    column = np.memmap(tmp_path / "column", np.int16, mode="r")
    values = module.gather(column, int64(999, 0))
    assert type(values) is np.ndarray
    assert_identical([values], [int64(999, 0)])


@with_both
def test_gather_returns_a_copy():
    column = int64(1, 2, 3)
    module.gather(column, int64(0, 1, 2))[0] = 9
    assert column[0] == 1


@with_both
@pytest.mark.parametrize("rows", [0, 3])
def test_gather_of_no_positions_is_empty(rows):
    assert_identical([module.gather(np.ones(rows, np.int8), int64())], [int64()])


@with_both
@pytest.mark.parametrize("position", [-1, 3, 2**62, -(2**63)])
def test_gather_refuses_positions_outside_the_column(position):
    message = f"position {position} is outside the column, which has 3 rows"
    with pytest.raises(IndexError, match=message):
        module.gather(int32(1, 2, 3), int64(0, position, -7))


@with_both
@pytest.mark.parametrize(
    ("column", "positions", "named"),
    [
        (np.zeros(3, bool), int64(0), "column"),
        (np.zeros(3, ">i4"), int64(0), "column"),
        (np.zeros((3, 1), np.int32), int64(0), "column"),
        (np.zeros(6, np.int32)[::2], int64(0), "column"),
        (np.frombuffer(bytes(13), np.int32, 3, offset=1), int64(0), "column"),
        (int32(1, 2), int32(0), "positions"),
        (int32(1, 2), int64(0, 1)[:, None], "positions"),
    ],
)
def test_gather_names_an_array_it_cannot_read(column, positions, named):
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        module.gather(column, positions)


@with_both
@pytest.mark.parametrize(
    ("recent", "offsets", "positions"),
    [
        (-1, [0, 3, 3, 7], [0, 1, 2, 5, 6, 7, 8]),
        (0, [0, 0, 0, 0], []),
        (2, [0, 2, 2, 4], [1, 2, 7, 8]),
        (4, [0, 3, 3, 7], [0, 1, 2, 5, 6, 7, 8]),
        (2**62, [0, 3, 3, 7], [0, 1, 2, 5, 6, 7, 8]),
    ],
)
def test_window_takes_the_last_positions_of_each_slice(recent, offsets, positions):
    got = module.window(int64(0, 3, 5), int64(3, 3, 9), recent)
    assert_identical(got, (int64(*offsets), int64(*positions)))


@with_both
def test_no_rows_give_one_offset():
    assert_identical(module.window(int64(), int64(), 5), (int64(0), int64()))
    none = module.window_with_category(
        int64(), int64(), 5, 5, int64(), int64(), int64(), int32(), int64()
    )
    assert_identical(none, (int64(0), int64()))
    assert_identical([module.category_index(int64(0), int32())], [int64()])


@with_both
def test_window_names_wrong_arguments():
    with pytest.raises(ValueError, match="recent: expected -1"):
        module.window(int64(0), int64(1), -2)
    with pytest.raises(ValueError, match="starts <= stops, got 4 > 3 in row 1"):
        module.window(int64(0, 4), int64(1, 3), 5)
    with pytest.raises(ValueError, match="stops: expected .* of 2 rows"):
        module.window(int64(0, 4), int64(1), 5)


@with_both
def test_category_index_orders_each_user_by_category_then_position():
    index = module.category_index(int64(0, 4, 4, 7), int32(5, -1, 5, 2, 9, 9, 0))
    assert_identical([index], [int64(1, 3, 0, 2, 6, 4, 5)])


@with_both
@pytest.mark.parametrize("offsets", [[], [0], [1, 3], [0, 2], [0, 4, 3]])
def test_category_index_refuses_offsets_that_do_not_cover_the_log(offsets):
    with pytest.raises(ValueError, match="user_offsets"):
        module.category_index(int64(*offsets), int32(1, 2, 3))


# One user's log in rows 2 to 9; before it, another's in the same category.
CATEGORY = int32(7, 7, 7, 1, 7, 7, 2, 7, 1, 1)
OFFSETS = int64(0, 2, 10)


def search(start, stop, **changed):
    arguments = {
        "starts": int64(start),
        "stops": int64(stop),
        "recent": 3,
        "same_category": 3,
        "user_starts": int64(2),
        "user_stops": int64(10),
        "index": module.category_index(OFFSETS, CATEGORY),
        "category": CATEGORY,
        "wanted": int64(7),
    }
    return module.window_with_category(**arguments | changed)


@with_both
@pytest.mark.parametrize(
    ("start", "stop", "recent", "same_category", "wanted", "expected"),
    [
        (2, 10, 2, 2, 7, [5, 7, 8, 9]),  # both, apart
        (2, 10, 4, 2, 7, [5, 6, 7, 8, 9]),  # a match among the latest is not doubled
        (2, 10, 5, 2, 7, [5, 6, 7, 8, 9]),  # all matches among the latest
        (2, 10, 0, 9, 7, [2, 4, 5, 7]),  # only this user's
        (3, 7, 0, 9, 7, [4, 5]),  # only the slice's
        (2, 10, 1, 0, 7, [9]),  # no search
        (2, 10, 1, 5, 3, [9]),  # no match
        (2, 10, 1, 5, 2**32 + 7, [9]),  # a category that no int32 holds
        (2, 10, -1, 1, 7, [2, 3, 4, 5, 6, 7, 8, 9]),  # all
        (5, 5, 3, 3, 7, []),  # no history
    ],
)
def test_window_with_category_joins_the_latest_and_the_matching(
    start, stop, recent, same_category, wanted, expected
):
    got = search(start, stop, recent=recent, same_category=same_category, wanted=int64(wanted))
    assert_identical(got, (int64(0, len(expected)), int64(*expected)))


@with_both
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"same_category": -1}, "same_category: expected 0 or more, got -1"),
        ({"recent": -2}, "recent: expected -1"),
        ({"user_starts": int64(3)}, "user_starts <= starts, got 3 > 2 in row 0"),
        ({"user_starts": int64(-1)}, "0 <= user_starts, got 0 > -1 in row 0"),
        ({"user_stops": int64(9)}, "stops <= user_stops, got 10 > 9 in row 0"),
        ({"user_stops": int64(11)}, "user_stops <= the log's length, got 11 > 10 in row 0"),
        ({"index": int64(1)}, "index: expected .* of 10 rows"),
        ({"category": CATEGORY.astype(np.int64)}, "category: expected .* int32"),
        ({"wanted": int32(7)}, "wanted: expected .* int64"),
        ({"wanted": int64(7, 7)}, "wanted: expected .* of 1 rows"),
    ],
)
def test_window_with_category_names_wrong_arguments(changed, message):
    with pytest.raises(ValueError, match=message):
        search(2, 10, **changed)


@needs_native
def test_a_damaged_index_does_not_lead_outside_the_log(monkeypatch):
    monkeypatch.setattr(module, "_kernels", native)
    for outside in (-1, 10, 2**62):
        with pytest.raises(IndexError, match="not in the log"):
            search(2, 10, index=np.full(10, outside, np.int64))


@needs_native
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(0, 12), max_size=5),
    recent=st.integers(-1, 8),
    same_category=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_implementations_agree_on_any_log(lengths, recent, same_category, seed):
    random = np.random.default_rng(seed)
    offsets = np.concatenate([int64(0), np.cumsum(lengths, dtype=np.int64)])
    category = random.integers(-2, 3, offsets[-1], dtype=np.int32)
    index = native.category_index(offsets, category)
    assert_identical([index], [NUMPY.category_index(offsets, category)])

    rows = random.integers(0, len(lengths), 6) if lengths else np.zeros(0, np.int64)
    user_starts, user_stops = offsets[:-1][rows], offsets[1:][rows]
    starts = random.integers(user_starts, user_stops + 1)
    stops = random.integers(starts, user_stops + 1)
    wanted = random.integers(-3, 4, len(rows))
    window = native.window(starts, stops, recent)
    assert_identical(window, NUMPY.window(starts, stops, recent))

    log = (user_starts, user_stops, index, category, wanted)
    chosen = native.window_with_category(starts, stops, recent, same_category, *log)
    expected = NUMPY.window_with_category(starts, stops, recent, same_category, *log)
    assert_identical(chosen, expected)
    values = native.gather(category, chosen[1])
    assert_identical([values], [NUMPY.gather(category, chosen[1])])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("0", "numpy (RECBENCH_NATIVE is 0)"), pytest.param("1", "native", marks=needs_native)],
)
def test_the_environment_chooses_the_implementation(setting, expected, monkeypatch):
    monkeypatch.setenv("RECBENCH_NATIVE", setting)
    assert module._choose()[1] == expected


def test_without_the_native_module_the_reason_is_told(monkeypatch):
    monkeypatch.delenv("RECBENCH_NATIVE", raising=False)
    monkeypatch.setitem(sys.modules, "recbench._native", None)
    kernels, name = module._choose()
    assert kernels is NUMPY
    assert name.startswith("numpy (")


@needs_native
def test_the_native_module_needs_no_torch():
    code = "import sys, recbench._native; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
