import platform
import subprocess
import sys

import pytest
import torch

from recbench.provenance import environment, git_state


@pytest.fixture
def repository(tmp_path):
    """A repository whose folder `package` holds one committed file."""

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)  # noqa: S603, S607

    git("init", "--quiet")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("a = 1\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path


def test_environment_describes_this_process():
    here = environment("cpu")
    assert here.python == platform.python_version()
    assert here.torch == torch.__version__
    assert here.threads == torch.get_num_threads()
    assert here.device == "cpu"
    assert here.cpu


VERSIONS = {
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"
    "GCC version:  gcc version 12.2.0 (Debian)": "; driver 535.129.03",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n": (
        "; driver 550.54.15"
    ),
    "another text": "",
}


@pytest.mark.parametrize("listing", VERSIONS)
def test_a_gpu_is_told_with_its_name_driver_and_precision(listing, tmp_path, monkeypatch):
    path = tmp_path / "version"
    path.write_text(listing)
    monkeypatch.setattr("recbench.provenance._DRIVER", path)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card {device.index}")
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "high")
    told = environment("cuda:1").device
    assert told == f"cuda (Card 1{VERSIONS[listing]}; float32_matmul_precision high)"
    monkeypatch.setattr("recbench.provenance._DRIVER", tmp_path / "absent")
    assert environment("cuda:1").device == "cuda (Card 1; float32_matmul_precision high)"


def test_git_state_of_committed_code(repository):
    state = git_state(repository / "package")
    assert len(state.commit) == 40
    assert not state.dirty


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        ("package/code.py", True),
        ("package/new.py", True),
        ("kernel.cpp", True),
        ("results.json", False),
        ("notes.md", False),
    ],
)
def test_git_state_is_dirty_when_code_changed_but_not_when_results_did(repository, changed, dirty):
    (repository / changed).write_text("a = 2\n")
    assert git_state(repository / "package").dirty is dirty


def test_git_state_is_none_for_code_that_git_does_not_track(repository, tmp_path_factory):
    installed = repository / "site-packages"
    installed.mkdir()
    (installed / "code.py").write_text("a = 1\n")
    assert git_state(installed) is None
    assert git_state(tmp_path_factory.mktemp("elsewhere")) is None


def test_git_state_is_none_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state(repository / "package") is None


def test_importing_provenance_does_not_import_torch():
    code = "import sys, recbench.provenance; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
