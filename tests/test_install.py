import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
NOT_BUILT = "recbench: native code not built, NumPy and PyTorch take over"
CPU_ONLY = "recbench: CUDA kernels not built, trying CPU only"
NO_COMPILER = {"PATH": str(Path(sys.executable).parent), "CXX": "/nowhere/c++"}


@pytest.fixture
def tree(tmp_path):
    """A clean copy of what a build reads."""
    copy = tmp_path / "tree"
    clean = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    for folder in ("recbench", "plugins", "csrc"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=clean)
    for file in ("setup.py", "pyproject.toml", "CMakeLists.txt", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / file, copy)
    return copy


def pip(python, *arguments, **settings):
    """Run pip as a user without settings of ours would; return its exit status and output.

    But for CUDA, which takes its time to build: only where it is asked for.
    """
    ours = ("RECBENCH_EXT", "PYTHONPATH", "CXX", "CXXFLAGS", "LDFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["RECBENCH_CUDA"] = "0"
    done = subprocess.run(
        [python, "-m", "pip", *arguments, "--no-deps", "-v"],
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def build_wheel(tree, **settings):
    """Return the wheel's name, what is in it, and what the build said."""
    folder = tree.parent / "wheels"
    status, output = pip(sys.executable, "wheel", str(tree), "-w", str(folder), **settings)
    assert status == 0, output
    (wheel,) = folder.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        return wheel.name, archive.namelist(), output


def native_modules(names):
    return [name for name in names if name.startswith(("recbench/_native", "recbench/_ops"))]


def break_cuda(tree):
    with (tree / "CMakeLists.txt").open("a") as file:
        file.write('if(RECBENCH_CUDA)\n  message(FATAL_ERROR "broken CUDA")\nendif()\n')


def test_a_wheel_holds_both_packages_and_a_native_module_built_without_torch(tree):
    wheel, names, output = build_wheel(tree, RECBENCH_EXT="1")
    assert f"cp3{sys.version_info.minor}-" in wheel
    assert "-any" not in wheel
    assert len(native_modules(names)) == 2
    expected = ["recbench/__init__.py", "recbench_models/__init__.py", "recbench/py.typed"]
    expected += ["recbench/skeleton/shared/gitignore.tmpl", "recbench/skeleton/model/test.py.tmpl"]
    assert set(expected) <= set(names)
    assert not [name for name in names if name.startswith(("csrc", "tests", "plugins"))]
    assert "Collecting setuptools" in output
    assert "Collecting torch" not in output


def test_without_a_compiler_a_pure_wheel_says_so_in_one_line(tree):
    wheel, names, output = build_wheel(tree, **NO_COMPILER)
    assert wheel.endswith("-py3-none-any.whl")
    assert native_modules(names) == []
    assert output.count(NOT_BUILT) == 1


def test_a_failed_build_ships_nothing_of_an_earlier_one(tree):
    assert native_modules(build_wheel(tree)[1])
    shutil.rmtree(tree.parent / "wheels")
    wheel, names, _ = build_wheel(tree, **NO_COMPILER)
    assert wheel.endswith("-py3-none-any.whl")
    assert native_modules(names) == []


def test_without_a_compiler_a_demanded_native_module_is_an_error(tree):
    folder = str(tree.parent / "wheels")
    status, output = pip(
        sys.executable, "wheel", str(tree), "-w", folder, RECBENCH_EXT="1", **NO_COMPILER
    )
    assert status != 0
    assert "CXX" in output


def test_an_unwanted_native_module_is_not_built(tree):
    wheel, names, output = build_wheel(tree, RECBENCH_EXT="0")
    assert wheel.endswith("-py3-none-any.whl")
    assert native_modules(names) == []
    assert NOT_BUILT not in output


def test_an_unknown_setting_is_named(tree):
    folder = str(tree.parent / "wheels")
    status, output = pip(sys.executable, "wheel", str(tree), "-w", folder, RECBENCH_EXT="yes")
    assert status != 0
    assert "RECBENCH_EXT must be one of 0, 1, auto; got 'yes'" in output


def test_a_broken_cuda_falls_back_to_the_cpu(tree, tmp_path):
    break_cuda(tree)
    nvcc = tmp_path / "nvcc"
    nvcc.write_text("#!/bin/sh\n")
    nvcc.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    _, names, output = build_wheel(tree, PATH=path, RECBENCH_CUDA="auto")
    assert len(native_modules(names)) == 2
    assert output.count(CPU_ONLY) == 1


def test_a_demanded_cuda_does_not_fall_back(tree):
    break_cuda(tree)
    folder = str(tree.parent / "wheels")
    demands = {"RECBENCH_EXT": "1", "RECBENCH_CUDA": "1"}
    status, output = pip(sys.executable, "wheel", str(tree), "-w", folder, **demands)
    assert status != 0
    assert "broken CUDA" in output
    assert CPU_ONLY not in output


LOAD = """
import torch
from recbench.ops import OPERATORS, cuda, native
from recbench.testing.operator_checks import check_equality
for operator in OPERATORS:
    case = list(operator.cases(torch.device("cpu"), torch.float32))[4]
    check_equality(operator, case)
assert {"din_attention", "sim_search_hard", "sim_search_soft"} <= native.CUDA_KERNELS
print(native.LIBRARY, cuda.kernels())
"""


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
def test_a_library_with_cuda_loads_and_computes_with_a_gpu_or_without(tree, tmp_path):
    wheel, names, output = build_wheel(tree, RECBENCH_EXT="1", RECBENCH_CUDA="1")
    assert len(native_modules(names)) == 2
    with zipfile.ZipFile(tmp_path / "wheels" / wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    library = tmp_path / "unpacked" / "recbench" / "_ops.so"
    symbols = subprocess.run(["nm", "-D", library], check=True, capture_output=True, text=True)
    # Else calls of the CUDA runtime within it could end in torch's, which may be another version.
    assert not re.findall(r" [TUW] (?:cu[A-Z]|cuda)\w*", symbols.stdout)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "unpacked")}
    found = subprocess.run(
        [sys.executable, "-c", LOAD], check=True, capture_output=True, text=True, cwd="/",
        env=environment,
    )  # fmt: skip
    assert found.stdout.startswith(str(library))
    assert "sm_80, sm_90, PTX" in found.stdout


def test_an_editable_install_puts_the_native_module_into_the_source_tree(tree, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    status, output = pip(python, "install", "-e", str(tree), RECBENCH_EXT="1")
    assert status == 0, output
    assert len(list(tree.glob("recbench/_native*.so"))) == 1
    assert (tree / "recbench" / "_ops.so").exists()
    code = "import importlib.util as u; print(*(u.find_spec(n).origin for n in {}))"
    packages = ["recbench", "recbench_models"]
    found = subprocess.run(
        [python, "-c", code.format(packages)], check=True, capture_output=True, text=True, cwd="/"
    )
    assert found.stdout.split() == [
        str(tree / "recbench" / "__init__.py"),
        str(tree / "plugins" / "recbench_models" / "__init__.py"),
    ]
