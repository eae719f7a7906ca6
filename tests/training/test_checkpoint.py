from pathlib import Path

import pytest
import torch
from torch import nn

from recbench.errors import RecbenchError
from recbench.training import checkpoint_notes, load_checkpoint, save_checkpoint


class Tied(nn.Module):
    """A model with tied weights, a buffer and a view that is not contiguous."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.output = nn.Linear(3, 5, bias=False)
        self.output.weight = self.embedding.weight
        self.register_buffer("counts", torch.arange(4))
        self.turned = nn.Parameter(torch.rand(3, 4).T)


def test_a_state_comes_back_as_it_was(tmp_path):
    model = Tied()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_checkpoint(model, tmp_path / "deep" / "best.safetensors")
    with torch.no_grad():
        for value in model.state_dict().values():
            value.add_(1)
    load_checkpoint(model, tmp_path / "deep" / "best.safetensors")
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert model.output.weight is model.embedding.weight
    assert model.turned.requires_grad


def test_a_second_state_replaces_the_first_and_leaves_nothing_else(tmp_path):
    model, path = nn.Linear(2, 2), tmp_path / "best.safetensors"
    save_checkpoint(model, path)
    nn.init.ones_(model.weight)
    save_checkpoint(model, path)
    nn.init.zeros_(model.weight)
    load_checkpoint(model, path)
    assert torch.equal(model.weight, torch.ones(2, 2))
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_earlier_state(tmp_path, monkeypatch):
    model, path = nn.Linear(2, 2), tmp_path / "best.safetensors"
    save_checkpoint(model, path)
    whole = path.read_bytes()

    def full(_, file, *args):
        Path(file).write_bytes(whole[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr("recbench.training.checkpoint.save_file", full)
    with pytest.raises(RecbenchError, match=r"cannot write the checkpoint .*No space left"):
        save_checkpoint(model, path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_notes_lie_beside_the_state(tmp_path):
    path = tmp_path / "best.safetensors"
    save_checkpoint(nn.Linear(2, 2), path, {"key": "abc"})
    assert checkpoint_notes(path)["key"] == "abc"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(RecbenchError, match="cannot read the checkpoint"):
        checkpoint_notes(path)
    with pytest.raises(RecbenchError, match="cannot read the checkpoint"):
        checkpoint_notes(tmp_path / "none.safetensors")
