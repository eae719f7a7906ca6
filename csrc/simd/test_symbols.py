"""Fails if objects built for one kind of processor offer symbols that another may take over.

An inline function of a header is a weak symbol, of which the linker keeps one copy: if that is the
one compiled for AVX-512, a processor without it stops with an illegal instruction.

Usage: test_symbols.py NM NAMESPACE OBJECT...
"""

import subprocess
import sys

ALLOWED = ("DW.ref.__gxx_personality_v0",)
"""A pointer to a function of the C++ library, the same whoever compiles it."""


def main(nm: str, namespace: str, *objects: str) -> int:
    """Print every symbol that may cross over; return how the test ends."""
    listing = subprocess.run(
        [nm, "--defined-only", "--demangle", *objects], check=True, capture_output=True, text=True
    )
    found = []
    for line in listing.stdout.splitlines():
        _, _, symbol = line.partition(" ")
        kind, _, name = symbol.partition(" ")
        shared = kind in "WVuvw" if len(kind) == 1 else False
        if shared and name not in ALLOWED and f"recbench::{namespace}::" not in name:
            found.append(f"{kind} {name}")
    print("\n".join(found) or f"no shared symbol in {len(objects)} objects")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
