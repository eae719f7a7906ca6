"""oneDNN's AUGRU primitive, in a process of its own that waits for its turn.

It knows no lengths and computes every step of every row. It takes time-major tensors and weights in
an order of its own; both are made before it is measured. Its gate is the released code's.

With gradients it is measured at an attention of zero, where all of them but the attention's own
are the reference's. Elsewhere those of oneDNN 3.2.0 are not the gradients of its results: the
candidate's and the state's are computed with z in place of (1 - a) z, and the attention's has the
factor z (1 - z) too many.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.ops.contender import Arguments, Call, UnavailableError, floating, output_weights

SOURCE = Path(__file__).with_name("onednn_augru.cpp")
PROGRAM = Path("build/benchmarks/onednn_augru")


def onednn_call(root: Path | None, arguments: Arguments, gradient: bool) -> Call:
    """Return oneDNN's call, on as many threads as torch uses.

    Args:
        root: Folder with oneDNN's `include` and `lib`: a virtual environment that has the packages
            `onednn-cpu-gomp` and `onednn-devel-cpu-gomp`.
        arguments: The operator's.
        gradient: Whether gradients are wanted.

    Raises:
        UnavailableError: If there is no oneDNN, or it cannot be built against.
    """
    program = build(root)
    batch, steps, _ = arguments["x"].shape
    same = arguments | {"att_mode": "reference", "lengths": torch.full((batch,), steps)}
    if gradient:
        same["attention"] = torch.zeros(batch, steps)
    process = OneDNN(program, same, gradient)
    return Call(
        process.run,
        same,
        seconds=process.seconds,
        about=process.about,
        close=process.close,
    )


class OneDNN:
    """A running `onednn_augru`, with the arguments of one case.

    Attributes:
        about: Its version and implementation.
        seconds: What each run took.
    """

    def __init__(self, program: Path, arguments: Arguments, gradient: bool) -> None:
        """Start the program and wait for its first results."""
        self.seconds: list[float] = []
        self._arguments = arguments
        self._gradient = gradient
        batch, steps, width = arguments["x"].shape
        self._shape = (batch, steps, width, arguments["w_hh"].shape[1])
        reset_after = arguments.get("reset_after", True)
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "OMP_WAIT_POLICY": "passive"}
        with TemporaryDirectory() as folder:
            _write(Path(folder), arguments, self._shape, reset_after)
            self._process = subprocess.Popen(
                [
                    *map(str, (program, folder, *self._shape)),
                    "linear_before_reset" if reset_after else "vanilla",
                    "both" if gradient else "forward",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | threads,
            )
            about = self._answer()
            self.about = f"{about['version']}, {about['implementation']}"
            self._results = self._read(Path(folder))

    def run(self) -> tuple[Tensor | None, ...]:
        """Run once and return the first run's results, which stand for all."""
        assert self._process.stdin is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        self.seconds.append(self._answer()["seconds"])
        return self._results

    def close(self) -> None:
        """End the program."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise UnavailableError(f"{PROGRAM.name} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _read(self, folder: Path) -> tuple[Tensor | None, ...]:
        batch, steps, width, hidden = self._shape

        def read(name: str, *shape: int) -> Tensor:
            data = bytearray((folder / name).read_bytes())
            return torch.frombuffer(data, dtype=torch.float32).view(shape)

        outputs = read("outputs", steps, batch, hidden).transpose(0, 1)
        last = read("last", batch, hidden)
        if not self._gradient:
            return outputs, last
        bias = read("bias_gradient", -1, hidden)
        gradients: dict[str, Tensor | None] = {
            "x": read("x_gradient", steps, batch, width).transpose(0, 1),
            "attention": None,
            "w_ih": _gates_first(read("w_ih_gradient", width, 3, hidden)),
            "w_hh": _gates_first(read("w_hh_gradient", hidden, 3, hidden)),
            "b_ih": bias[[1, 0, 2]].flatten(),
            "b_hh": bias[[1, 0, -1]].flatten(),
            "h0": read("h0_gradient", batch, hidden),
        }
        return (outputs, last, *(gradients[name] for name in floating(self._arguments)))


@cache
def build(root: Path | None) -> Path:
    """Compile the program against the oneDNN under `root`."""
    if root is None:
        raise UnavailableError("no oneDNN given; see --onednn")
    header = root / "include/oneapi/dnnl/dnnl.hpp"
    if not header.exists():
        raise UnavailableError(f"{header} is missing")
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise UnavailableError("no C++ compiler")
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    library = (root / "lib").resolve()
    subprocess.run(
        [
            *(compiler, "-O2", "-std=c++17", "-I", root / "include", SOURCE, "-o", PROGRAM),
            *("-L", library, "-ldnnl", f"-Wl,-rpath,{library}"),
        ],
        check=True,
    )
    return PROGRAM


def _write(
    folder: Path, arguments: Arguments, shape: tuple[int, int, int, int], reset_after: bool
) -> None:
    """Write the arguments as the program reads them."""
    batch, steps, _, hidden = shape
    h0 = arguments.get("h0")
    at_input, at_state = (arguments[name].view(3, hidden) for name in ("b_ih", "b_hh"))
    both = at_input + at_state
    if reset_after:
        bias = torch.stack([both[1], both[0], at_input[2], at_state[2]])
    else:
        bias = both[[1, 0, 2]]
    outputs_weight, last_weight = output_weights(
        [torch.empty(batch, steps, hidden), torch.empty(batch, hidden)]
    )
    tensors = {
        "x": arguments["x"].transpose(0, 1),
        "attention": arguments["attention"].T,
        "h0": torch.zeros(batch, hidden) if h0 is None else h0,
        "w_ih": arguments["w_ih"].view(3, hidden, -1)[[1, 0, 2]].permute(2, 0, 1),
        "w_hh": arguments["w_hh"].view(3, hidden, -1)[[1, 0, 2]].permute(2, 0, 1),
        "bias": bias,
        "outputs_weight": outputs_weight.transpose(0, 1),
        "last_weight": last_weight,
    }
    for name, tensor in tensors.items():
        (folder / name).write_bytes(tensor.contiguous().numpy().tobytes())


def _gates_first(gradient: Tensor) -> Tensor:
    """Return a weight's gradient [I, 3, H] as torch lays it out, [3 * H, I]."""
    return gradient.permute(1, 2, 0)[[1, 0, 2]].flatten(0, 1)
