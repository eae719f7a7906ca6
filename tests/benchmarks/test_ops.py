"""`benchmarks.ops` on a GPU, the CPU in its place but for the last test."""

from __future__ import annotations

import json
from dataclasses import asdict
from time import perf_counter
from types import SimpleNamespace

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import clock as clocks
from benchmarks import figures
from benchmarks.card import CardPeak, card_name, higher_card, measure_card
from benchmarks.clock import CardClock, HostClock, clock_of
from benchmarks.machine import Peak
from benchmarks.ops import __main__ as command
from benchmarks.ops import measurement, plan
from benchmarks.ops.augru import gru, ready_gru
from benchmarks.ops.contender import UnavailableError, native_call
from benchmarks.ops.markdown import figures as tables
from benchmarks.ops.measurement import SUBJECTS, measure
from benchmarks.ops.peaks import higher_peaks
from benchmarks.ops.plan import Plan
from benchmarks.ops.results import floor, share
from benchmarks.ops.table import print_tables
from benchmarks.record import record
from recbench.ops import OPERATORS
from recbench.ops.dispatch import Case, backend
from recbench.ops.timing import rows_to_time

CPU = torch.device("cpu")
CARD = torch.device("cuda", 0)
BY_NAME = {operator.name: operator for operator in OPERATORS}


class Event:
    """An event of a stream that runs everything at once."""

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.at = perf_counter()

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end: Event) -> float:
        return 1e3 * (end.at - self.at)


@pytest.fixture
def card_clock(monkeypatch) -> CardClock:
    """The clock of a GPU, with the CPU in the GPU's place."""
    monkeypatch.setattr(clocks, "FLUSHED", 8)
    properties = SimpleNamespace(L2_cache_size=1000)
    for name, value in {
        "get_device_properties": lambda device: properties,
        "Event": Event,
        "synchronize": lambda device: None,
        "memory_allocated": lambda device: 100,
        "reset_peak_memory_stats": lambda device: None,
        "max_memory_allocated": lambda device: 350,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return CardClock(CPU)


def invoke(*arguments: str):
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, list(arguments))


def small(name: str) -> Case:
    """Return an operator's largest small case."""
    found = list(BY_NAME[name].cases(CPU, torch.float32))
    return max(found, key=lambda case: case.arguments["lengths"].sum())


def on_a_card(name: str, monkeypatch, card_clock) -> dict:
    """Return the results of an operator's small case, measured as on a GPU."""
    monkeypatch.setattr(measurement, "clock_of", lambda device: card_clock)
    asked = Plan(0.01, CARD, [], ["compiled"], None, False)
    rows = list(measure(BY_NAME[name], small(name), asked))
    results = record(0.0, 0.01, [CardPeak(1000.0, 100.0)], rows)
    results["environment"]["device"] = "cuda (A card)"
    return results


def test_a_card_s_clock_flushes_its_cache_before_each_run_and_times_the_run(card_clock):
    flushed = card_clock._flushed
    assert len(flushed) == 2000
    flushed.fill_(1)
    assert 0 < card_clock.seconds(lambda: flushed.sum().item(), None) < 1
    assert flushed.max() == 0


def test_a_card_s_memory_is_what_a_run_adds(card_clock):
    assert card_clock.memory(lambda: None) == 250
    assert HostClock().memory(lambda: None) is None


def test_a_short_run_on_the_cpu_follows_one_that_is_not_counted():
    runs = []
    clock = clock_of(CPU)
    clock.seconds(lambda: runs.append(1), 1.0)
    assert len(runs) == 1
    clock.seconds(lambda: runs.append(1), 0.001)
    assert len(runs) == 3


def test_a_card_s_contenders_are_measured_without_threads_and_onednn(monkeypatch, card_clock):
    results = on_a_card("augru", monkeypatch, card_clock)
    forward, backward = results["measurements"]
    assert forward["threads"] is None
    assert {"native", "reference"} <= set(forward["timings"]) <= {
        "native", "reference", "torch.nn.GRU"
    }  # fmt: skip
    assert "oneDNN" not in forward["absent"]
    assert backward["memory"]["native"] == 250
    assert floor(results, forward) == max(forward["flops"] / 1e12, forward["bytes"] / 1e11)
    native = forward["timings"]["native"]["median"]
    assert share(results, forward) == pytest.approx(floor(results, forward) / native)


def test_a_card_s_results_are_shown_with_shares_and_memory(monkeypatch, card_clock, capsys):
    results = on_a_card("din_attention", monkeypatch, card_clock)
    page = "\n".join(tables(results))
    assert "cuda (A card), in a machine with" in page
    assert "1000 GFLOP/s (sgemm), 100 GB/s (copy)." in page
    assert "| case | pass | native | reference | concatenated | floor | share |" in page
    assert "MB of the GPU's memory" in page
    print_tables(results)
    assert "memory, MB" in capsys.readouterr().out


def test_a_card_s_figures_go_to_a_place_of_their_own():
    page = "<!-- figures -->\na\n<!-- end of figures -->\n<!-- figures on a GPU -->\nb\n"
    page += "<!-- end of figures on a GPU -->\n"
    found = [
        figures.place_of({"environment": {"device": device}}).search(page).group()
        for device in ("cpu", "cuda (A card)")
    ]
    assert found == ["a\n", "b\n"]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("too much"), RuntimeError("torch refused: out of memory")]
)
def test_a_card_that_is_out_of_memory_leaves_the_contender_out(error, monkeypatch, card_clock):
    def fail(operator, arguments, gradient):
        raise error

    monkeypatch.setattr(measurement, "reference_call", fail)
    forward, *_ = on_a_card("din_attention", monkeypatch, card_clock)["measurements"]
    assert forward["absent"]["reference"] == "the GPU's memory is too small"


def test_a_kernel_that_fails_leaves_what_was_measured_before_it(monkeypatch, tmp_path):
    asked = []

    def fail_at_last(operator, case, plan):
        asked.append(case.name)
        if len(asked) == 3:
            raise RuntimeError("an illegal memory access was encountered")
        return [measurement.Measurement(operator.name, case.name, 1, "forward", 1.0, 1.0)]

    monkeypatch.setattr(command, "measure_peaks", lambda plan: [Peak(1, 1.0, 1.0)])
    monkeypatch.setattr(command, "measure", fail_at_last)
    monkeypatch.setattr(command, "OPERATORS", [BY_NAME["sim_search_hard"]])
    output = tmp_path / "results.json"
    done = invoke("--output", str(output))
    assert str(done.exception) == "an illegal memory access was encountered"
    assert not output.exists()
    kept = json.loads((tmp_path / "results.json.part").read_text())
    assert [row["case"] for row in kept["measurements"]] == asked[:2]


def test_a_kernel_that_refuses_is_absent_and_says_why(monkeypatch):
    case = small("augru")
    monkeypatch.setattr("recbench.ops.dispatch._refusal", lambda *given: "no kernel for cuda")
    with pytest.raises(UnavailableError, match="no kernel for cuda"):
        native_call(BY_NAME["augru"], case.arguments, False)


def test_the_gru_gets_its_weights_as_they_are_and_lengths_on_the_host():
    given = SUBJECTS["augru"].peers["torch.nn.GRU"].like(small("augru").arguments)
    given |= {"reset_after": True}
    ready = ready_gru(given)
    assert ready["lengths"].device == CPU
    for name in ("w_ih", "w_hh", "b_ih", "b_hh"):
        assert torch.equal(ready[name], given[name])
    with backend("reference"):
        expected, _ = BY_NAME["augru"].function(**given)
    torch.testing.assert_close(gru(**ready)[0], expected)


def test_a_card_s_peak_counts_reading_and_writing(card_clock, monkeypatch):
    monkeypatch.setattr(card_clock, "seconds", lambda run, last: 0.5)
    assert measure_card(CPU, card_clock, 0.0, side=10, copied=1000) == CardPeak(4e-6, 4e-6)
    assert higher_card(CardPeak(1, 4), CardPeak(2, 3)) == CardPeak(2, 4)
    assert higher_peaks([Peak(1, 2, 3)], [Peak(1, 1, 4)]) == [Peak(1, 2, 4)]
    assert asdict(CardPeak(1, 4))["threads"] is None


def test_a_card_names_its_file(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert card_name(CARD) == "nvidia-h100-80gb-hbm3"


def test_a_card_has_more_rows_to_compute():
    assert rows_to_time(CPU, 256) == 256
    assert rows_to_time(CARD, 256) == 4096


@pytest.mark.parametrize("given", [("--threads", "1"), ("--onednn", ".")], ids=" ".join)
def test_what_only_the_cpu_has_is_refused_on_a_card(given, monkeypatch):
    monkeypatch.setattr(plan, "choose", lambda name: name)
    done = invoke("--device", "cuda:0", *given)
    assert done.exit_code == 2
    assert done.output == f"error: {given[0]}: only on the CPU; leave out with --device cuda:0\n"


@pytest.mark.parametrize("name", ["cuda", "cuda:2"])
def test_a_card_becomes_the_current_one_and_rounds_like_the_kernels(name, monkeypatch):
    current = [0]

    def set_device(device: torch.device) -> None:
        assert device.index is not None  # torch wants a number
        current[0] = device.index

    monkeypatch.setattr(plan, "choose", lambda name: name)
    monkeypatch.setattr(torch.cuda, "set_device", set_device)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: current[0])
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert plan.measured_device(name, []) == torch.device("cuda", 2 if ":" in name else 0)
    assert not torch.backends.cudnn.allow_tf32


def test_a_card_that_is_not_there_is_refused_in_one_line():
    done = invoke("--device", "cuda:99")
    assert done.exit_code == 2
    assert done.output.startswith("error: device 'cuda:99' cannot be used: ")
    assert done.output.count("\n") == 1


@pytest.mark.cuda
def test_the_smallest_benchmark_runs_on_a_card(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "OPERATORS", [BY_NAME["sim_search_hard"]])
    output = tmp_path / "results.json"
    done = invoke(
        "--device", "cuda", "--only", "T1000, full", "--without", "compiled",
        "--seconds", "0.01", "--output", str(output),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    results = json.loads(output.read_text())
    assert results["environment"]["device"].startswith("cuda (")
    for row in results["measurements"]:
        assert {"native", "reference"} <= set(row["timings"])
        assert row["timings"]["native"]["median"] > 0
