"""Builds the native module with CMake; everything else stands in pyproject.toml.

RECBENCH_EXT says whether to build it: `1` (failing is an error), `0` (never) or `auto` (the
default: without it the package installs all the same, and works in NumPy and PyTorch).
RECBENCH_CUDA says whether with CUDA: `1`, `0`, or unset (if nvcc is found, falling back to CPU).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, OptionError

ROOT = Path(__file__).parent.resolve()


def choice(variable: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return the value of an environment variable; raise `OptionError` if it is not allowed."""
    value = os.environ.get(variable, default)
    if value not in allowed:
        raise OptionError(f"{variable} must be one of {', '.join(allowed)}; got '{value}'")
    return value


EXT = choice("RECBENCH_EXT", "auto", ("0", "1", "auto"))
CUDA = choice("RECBENCH_CUDA", "auto", ("0", "1", "auto"))


class CMakeBuild(build_ext):
    """Builds both libraries with CMake at once, first with CUDA where wanted, then without."""

    failure: CompileError | None = None

    def get_ext_filename(self, fullname: str) -> str:
        """Return where `fullname` goes; the operators' name has no Python version in it."""
        name: str = super().get_ext_filename(fullname)
        # setuptools asks by the whole name and by its last part.
        return str(Path(name).with_name("_ops.so")) if fullname.endswith("_ops") else name

    def build_extensions(self) -> None:
        """Build all; where that fails, every optional extension is forgiven."""
        targets = [Path(self.get_ext_fullpath(ext.name)).resolve() for ext in self.extensions]
        for target in targets:
            target.unlink(missing_ok=True)
        try:
            if not (self.wants_cuda() and self.built_with_cuda(targets[0].parent)):
                self.cmake(targets[0].parent, cuda=False)
        except (OSError, subprocess.CalledProcessError) as error:
            self.warn(f"recbench: native code not built, NumPy and PyTorch take over ({error})")
            self.failure = CompileError(str(error))
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        """Raise if the build failed, which setuptools forgives an optional extension."""
        if self.failure:
            raise self.failure

    def wants_cuda(self) -> bool:
        """Return whether to try CUDA."""
        return CUDA == "1" or (CUDA == "auto" and shutil.which("nvcc") is not None)

    def built_with_cuda(self, folder: Path) -> bool:
        """Try to build with CUDA; return False where building without it may follow."""
        try:
            self.cmake(folder, cuda=True)
        except subprocess.CalledProcessError as error:
            if CUDA == "1":
                raise
            self.warn(f"recbench: CUDA kernels not built, trying CPU only ({error})")
            return False
        return True

    def cmake(self, folder: Path, *, cuda: bool) -> None:
        """Configure and build into `folder`."""
        build = Path(self.build_temp, "cuda" if cuda else "cpu").resolve()
        options = {
            "CMAKE_LIBRARY_OUTPUT_DIRECTORY": folder,
            "Python_EXECUTABLE": sys.executable,
            "RECBENCH_CUDA": "ON" if cuda else "OFF",
            "BUILD_TESTING": "OFF",
        }
        definitions = [f"-D{name}={value}" for name, value in options.items()]
        # An isolated build's Python is in a new place each time: nothing cached may outlive it.
        shutil.rmtree(build, ignore_errors=True)
        cmake = shutil.which("cmake") or "cmake"
        subprocess.run([cmake, "-S", ROOT, "-B", build, "-G", "Ninja", *definitions], check=True)
        subprocess.run([cmake, "--build", build], check=True)


class Wheel(bdist_wheel):
    """Tags the wheel by what was built: for this Python and platform, or for any."""

    def run(self) -> None:
        """Build first, then pack as a pure wheel if no native module came of it."""
        self.run_command("build")
        built = self.get_finalized_command("build_ext").get_outputs()
        if not all(Path(path).exists() for path in built):
            self.distribution.ext_modules = []
            self.root_is_pure = True
        self.skip_build = True  # or packing would build a second time
        super().run()


NATIVE = ("recbench._native", "recbench._ops")

setup(
    ext_modules=[Extension(name, sources=[], optional=EXT == "auto") for name in NATIVE]
    if EXT != "0"
    else [],
    cmdclass={"build_ext": CMakeBuild, "bdist_wheel": Wheel},
)
