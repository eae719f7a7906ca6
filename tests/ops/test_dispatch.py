import os
import shutil
import subprocess
import sys

import pytest
import torch

from recbench.ops import OPERATORS, backend, native
from recbench.ops.dispatch import implementation, observe, report_use, runs_native

CPU = torch.device("cpu")
needs_kernels = pytest.mark.skipif(not native.LOADED, reason=f"native kernels: {native.REFUSAL}")


def first_case(operator):
    return next(iter(operator.cases(CPU, torch.float32)))


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_the_reference_runs_where_it_is_asked_for(operator):
    with backend("reference"), observe() as used:
        operator.function(**first_case(operator).arguments)
    assert used == {operator.name: {"reference (asked for)"}}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_without_a_library_the_reference_runs_and_says_why(operator, monkeypatch):
    monkeypatch.setattr(native, "REFUSAL", "not built")
    with backend("auto"), observe() as used:
        operator.function(**first_case(operator).arguments)
    assert used == {operator.name: {"reference (not built)"}}


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
def test_a_library_of_older_sources_is_not_used_and_says_so(tmp_path, monkeypatch):
    source, library = tmp_path / "old.cpp", tmp_path / "_ops.so"
    source.write_text('extern "C" const char* recbench_isa() { return "baseline"; }')
    subprocess.run(["g++", "-shared", "-fPIC", source, "-o", library], check=True)
    monkeypatch.setattr(native, "LIBRARY", library)
    assert native._load() == ("", "built from older sources; install recbench again")


@needs_kernels
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_the_native_kernel_runs_by_itself(operator):
    with backend("auto"), observe() as used:
        operator.function(**first_case(operator).arguments)
    assert used == {operator.name: {f"native ({native.ISA})"}}


@pytest.mark.skipif(
    os.environ.get("RECBENCH_EXT") != "1", reason="native code is not demanded (RECBENCH_EXT=1)"
)
def test_native_code_that_is_demanded_is_loaded():
    # Else every test of a kernel would be skipped, and CI be green for nothing.
    assert native.LOADED, native.REFUSAL


@needs_kernels
def test_a_refusal_is_an_error_where_the_kernel_is_demanded():
    with backend("native"), pytest.raises(RuntimeError, match="cannot run: no kernel for"):
        runs_native("op", [torch.zeros(1, dtype=torch.complex64)])


def test_a_tensor_elsewhere_takes_the_reference():
    with backend("auto"), observe() as used:
        assert not runs_native("op", [torch.zeros(1, device="meta")])
    assert native.LOADED is False or used == {"op": {"reference (no kernel for meta)"}}


def test_observers_nest_and_each_ends_by_itself():
    with observe() as outer:
        with observe() as inner:
            report_use({"op": ["native"]})
        report_use({"op": ["reference (asked for)"]})
    report_use({"op": ["nobody looks"]})
    assert inner == {"op": {"native"}}
    assert outer == {"op": {"native", "reference (asked for)"}}


def test_backends_nest_and_end():
    before = implementation("op", CPU)
    with backend("reference"):
        with backend("auto"):
            assert implementation("op", CPU) != "reference (asked for)"
        assert implementation("op", CPU) == "reference (asked for)"
    assert implementation("op", CPU) == before


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="expected one of .*, got 'fast'"), backend("fast"):
        pass


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RECBENCH_OPS", "fast", "RECBENCH_OPS: expected one of auto, native, reference"),
        pytest.param("RECBENCH_ISA", "avx9", "RECBENCH_ISA=avx9: ", marks=needs_kernels),
    ],
)
def test_an_unknown_setting_is_one_clear_error(name, value, says):
    code = f"import os; os.environ['{name}'] = '{value}'; from recbench.cli import main; main()"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, "ops"], capture_output=True, text=True
    )
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)
