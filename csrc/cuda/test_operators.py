"""Runs the tests of operators on a GPU on the host: with CUDA kernels emulated, and through torch.

Usage: test_operators.py LIBRARY PROJECT [PYTEST ARGUMENT...]

The library has all operators, those for CUDA emulated. Here torch's dispatcher gives tensors on the
CPU to the latter, which take them for the device's: so sizes, memory, options and gradients are
tried, all but what goes by the name of the device.
"""

import os
import sys
import tempfile
from pathlib import Path

TESTS = ("tests/ops/test_cuda.py", "tests/ops/test_cuda_large.py")


def use(library: Path, project: Path, folder: Path) -> None:
    """Make `recbench` the project's, with another library in its library's place."""
    package = folder / "recbench"
    package.mkdir()
    for path in (project / "recbench").iterdir():
        if path.name not in ("_ops.so", "__pycache__"):
            (package / path.name).symlink_to(path)
    (package / "_ops.so").symlink_to(library)
    sys.path.insert(0, str(folder))


def main(library: str, project: str, *arguments: str) -> int:
    """Run the tests, and return pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        use(Path(library), Path(project), Path(folder))
        import pytest
        import torch

        from recbench.ops import native

        device = torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)
        host = torch.library.Library("recbench", "IMPL")
        for name in native.CUDA_KERNELS:
            function = getattr(torch.ops.recbench, name).default
            host.impl(
                name,
                lambda *given, function=function: function.redispatch(device, *given),
                "CPU",
                allow_override=True,
            )
        os.environ["RECBENCH_TEST_EMULATED"] = library
        os.chdir(project)
        tests = ["-p", "no:cacheprovider", "-q", *TESTS]
        return pytest.main([*tests, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
