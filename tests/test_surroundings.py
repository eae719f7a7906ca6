"""Whatever a plugin sets for the whole process is put back."""

import os
import signal
import sys

import numpy as np
import pytest
import torch

from recbench.surroundings import SETTINGS, kept

CHANGES = {
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "whether torch keeps gradients": lambda: torch.set_grad_enabled(False),
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch's deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "torch's precision of products": lambda: torch.set_float32_matmul_precision("medium"),
    "NumPy's errors": lambda: np.seterr(all="raise"),
    "Python's recursion limit": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
    "the current folder": lambda: os.chdir("/"),
    "recbench's environment variables": lambda: os.environ.update(
        RECBENCH_OPS="reference", RECBENCH_NEW="1"
    ),
    "what signals do": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_what_was_changed_within_is_put_back(setting):
    before = setting.get()
    with kept():
        CHANGES[setting.name]()
        assert setting.get() != before
    assert setting.get() == before


def test_it_is_put_back_after_an_error_too():
    with pytest.raises(ZeroDivisionError), kept():
        torch.set_default_dtype(torch.float64)
        raise ZeroDivisionError
    assert torch.get_default_dtype() == torch.float32


def test_what_a_folder_was_that_is_gone_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with kept():
        os.chdir(tmp_path)


def test_what_signals_do_is_left_to_what_has_stopped_it():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt), kept():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise KeyboardInterrupt
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
