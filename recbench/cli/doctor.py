"""`recbench doctor`: what recbench finds on this machine."""

from __future__ import annotations

import json
import shutil

import typer

from recbench.cli import options


def doctor(as_json: options.Json = False) -> None:
    """Show environment, compilers, devices, native code and folders."""
    import torch

    from recbench.device import refusal
    from recbench.folders import Folders
    from recbench.ops import cuda
    from recbench.provenance import environment
    from recbench.recording import implementations

    folders = Folders.from_environment()
    why = refusal("cuda")
    cards = [] if why else [_card(place) for place in range(torch.cuda.device_count())]
    device = "cuda" if cards else "cpu"
    native = implementations(torch.device(device))
    found = {
        **vars(environment(device)),
        "accelerators": ", ".join(cards) or f"none: {why}",
        "CUDA kernels": cuda.kernels(),
        "native code": ", ".join(f"{name}: {how}" for name, how in native.items()),
        **{tool: shutil.which(tool) or "not found" for tool in ("g++", "cmake", "ninja", "nvcc")},
        "raw files": str(folders.raw),
        "prepared data": _room(folders.cache),
        "records": _room(folders.results),
    }
    if as_json:
        typer.echo(json.dumps(found))
        return
    width = max(map(len, found))
    for name, value in found.items():
        typer.echo(f"{name:<{width}}  {value}")


def _card(place: int) -> str:
    """Return what a GPU is: name, memory and what it can compute."""
    import torch

    card = torch.cuda.get_device_properties(place)
    memory = card.total_memory / 2**30
    return f"cuda:{place} {card.name} ({memory:.0f} GiB, compute {card.major}.{card.minor})"


def _room(folder: object) -> str:
    from pathlib import Path

    place = Path(str(folder)).absolute()
    there = next(parent for parent in (place, *place.parents) if parent.exists())
    return f"{place} ({shutil.disk_usage(there).free / 2**30:.0f} GiB free)"
