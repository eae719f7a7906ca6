"""Compiles a CUDA source for every card that we build for; fails where a kernel spills registers.

Usage: test_compile.py NVCC SOURCE INCLUDE MOST_SPILLED

NVCC may name a file that is not there: the test is then skipped. What each kernel takes of a card
is printed as a table: registers of a thread, bytes of its stack, bytes that it spills, and bytes of
shared memory beside what a launch adds.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CARDS = (("80", "sm_80"), ("90", "[sm_90,compute_90]"))
"""Each card's virtual architecture and what is made for it; the last PTX serves later cards."""

SKIPPED = 77

KERNEL = re.compile(
    r"Compiling entry function '(?P<kernel>\w+)' for '(?P<card>\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stored>\d+) bytes spill stores, "
    r"(?P<loaded>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Use:
    """What a kernel takes of a card."""

    card: str
    kernel: str
    registers: int
    stack: int
    spilled: int
    shared: int


def parse(log: str) -> list[Use]:
    """Return what ptxas says of each kernel."""
    uses = []
    for found in KERNEL.finditer(log):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        uses.append(
            Use(
                found["card"],
                found["kernel"],
                int(found["registers"]),
                int(found["stack"]),
                int(found["stored"]) + int(found["loaded"]),
                int(shared[1]) if shared else 0,
            )
        )
    return uses


def readable(names: list[str]) -> list[str]:
    """Return kernels' names as they stand in the source, without arguments and our namespace."""
    filt = ["c++filt"]  # beside g++, wherever that is
    listing = subprocess.run(
        filt, input="\n".join(names), check=True, capture_output=True, text=True
    )
    ours = re.compile(r"recbench::cuda::|\(anonymous namespace\)::")
    return [re.sub(r"^void |\(.*$", "", ours.sub("", name)) for name in listing.stdout.splitlines()]


def main(nvcc: str, source: str, include: str, most_spilled: str) -> int:
    """Compile, print the table, and return how the test ends."""
    if not Path(nvcc).exists():
        print(f"skipped: no nvcc here, {source} is not compiled")
        return SKIPPED
    cards = [f"-gencode=arch=compute_{virtual},code={made}" for virtual, made in CARDS]
    strict = ["-Werror", "all-warnings", "-Xcompiler", "-Wall,-Wextra,-Werror"]
    command = [nvcc, "-std=c++17", "-I", include, *cards, *strict, "-Xptxas", "-v"]
    done = subprocess.run(
        [*command, "-c", source, "-o", "/dev/null"], capture_output=True, text=True
    )
    uses = parse(done.stderr)
    if done.returncode or len(uses) != done.stderr.count("Compiling entry function"):
        print(done.stderr)
        return 1
    if not uses:
        print(f"no kernel in {source}")
        return 0
    print(f"{'card':6}{'registers':>10}{'stack':>7}{'spilled':>9}{'shared':>8}  kernel")
    for use, name in zip(uses, readable([use.kernel for use in uses]), strict=True):
        numbers = f"{use.registers:10}{use.stack:7}{use.spilled:9}{use.shared:8}"
        print(f"{use.card:6}{numbers}  {name}")
    spilling = [use for use in uses if use.spilled > int(most_spilled)]
    for use in spilling:
        print(f"{use.kernel} on {use.card} spills {use.spilled} bytes, more than {most_spilled}")
    return 1 if spilling else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
