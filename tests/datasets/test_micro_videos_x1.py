"""The pictures of KuaiVideo_x1 and MicroVideo1.7M_x1, from HDF5 files to a trained model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from rawfiles import micro_videos_x1

from recbench.config import RunConfig, build
from recbench.data import DataConfig, prepare
from recbench.datasets.micro_videos_x1 import KuaiVideoX1, MicroVideoX1
from recbench.errors import DataError, UsageError
from recbench.explanation.kept import open_kept
from recbench.pipeline import run
from recbench.plugins import find, load_model
from recbench.progress import SILENT
from recbench.schema import FIRST_ID
from recbench.testing import parametrize_with_checks

MODEL = {"embedding_dim": 4, "mlp": (8,), "attention_mlp": (4, 4)}


def drawn(kind):
    """Return a dataset of drawn files: the gates of the published ones are off."""
    return type(kind.__name__, (kind,), {"card": dataclasses.replace(kind.card, counts=())})()


@pytest.mark.parametrize("kind", [KuaiVideoX1, MicroVideoX1])
@pytest.mark.parametrize("protocol", ["x1", "x1-as-published"])
def test_every_video_has_its_picture_be_it_new_or_not(folders, kind, protocol):
    name = kind.card.name
    micro_videos_x1.write(folders.data, name)
    schema = prepare(drawn(kind), DataConfig(name, protocol), folders)
    table, items = schema.schema.vectors["picture"], schema.items["item"].to_pylist()
    assert schema.schema["picture"].width == micro_videos_x1.WIDTH
    assert np.array_equal(table[FIRST_ID:], micro_videos_x1.pictures()[items[FIRST_ID:]])
    assert not [each for each in schema.manifest.reports if "picture" in each]


@pytest.mark.parametrize("kind", [KuaiVideoX1, MicroVideoX1])
def test_videos_without_a_picture_are_counted(folders, kind):
    name = kind.card.name
    micro_videos_x1.write(folders.data, name)
    path = folders.data / kind.card.files["pictures"]
    micro_videos_x1.write_pictures(path, micro_videos_x1.pictures()[:-3])
    prepared = prepare(drawn(kind), DataConfig(name), folders)
    assert "items without 'picture': 3; theirs is all zeros" in prepared.manifest.reports
    table, items = prepared.schema.vectors["picture"], prepared.items["item"].to_pylist()
    last = micro_videos_x1.VIDEOS - 3
    assert [bool(row.any()) for row in table[FIRST_ID:]] == [each < last for each in items[2:]]


@pytest.mark.parametrize("kind", [KuaiVideoX1, MicroVideoX1])
def test_pictures_must_be_there_and_whole(folders, kind):
    name, file = kind.card.name, kind.card.files["pictures"]
    micro_videos_x1.write(folders.data, name)
    path = folders.data / file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{file} is damaged"):
        prepare(drawn(kind), DataConfig(name), folders)
    path.unlink()
    with pytest.raises(DataError, match=rf"{file} is missing beside .*train\.csv"):
        prepare(drawn(kind), DataConfig(name), folders)


@pytest.mark.parametrize("kind", [KuaiVideoX1, MicroVideoX1])
def test_without_h5py_no_file_is_read_or_unpacked_first(folders, monkeypatch, kind):
    micro_videos_x1.write(folders.data, kind.card.name)
    monkeypatch.setattr("recbench.data.hdf5.find_spec", lambda _: None)
    for step in ("content_digest", "unpacked"):
        monkeypatch.setattr(f"recbench.data.preparation.{step}", None)
    with pytest.raises(UsageError, match=r"\.h5 needs h5py: pip install 'recbench\[hdf5\]'"):
        prepare(kind(), DataConfig(kind.card.name), folders)


def test_without_h5py_nothing_is_downloaded(folders, monkeypatch):
    monkeypatch.delenv("RECBENCH_OFFLINE", raising=False)
    monkeypatch.setattr("recbench.data.hdf5.find_spec", lambda _: None)
    monkeypatch.setattr("recbench.data.acquisition.fetch", None)
    with pytest.raises(UsageError, match=r"\.h5 needs h5py: pip install 'recbench\[hdf5\]'"):
        prepare(KuaiVideoX1(), DataConfig("kuaivideo-x1"), folders)


class Sampled(KuaiVideoX1):
    def sample(self, folder):
        micro_videos_x1.write(folder, self.card.name)


@parametrize_with_checks([Sampled])
def test_conforms(check):
    check()


def test_a_model_is_trained_on_them_kept_and_opened_again(folders, install):
    source = """
    import dataclasses
    from recbench.datasets.micro_videos_x1 import KuaiVideoX1
    class Videos(KuaiVideoX1):
        card = dataclasses.replace(KuaiVideoX1.card, name="videos", counts=())
    """
    install("videos", {"videos": source}, datasets={"videos": "videos:Videos"})
    micro_videos_x1.write(folders.data, "kuaivideo-x1")
    training = {"epochs": 2, "batch_size": 64}
    config = RunConfig("din", DataConfig("videos"), MODEL, training, device="cpu")
    record = run(config, folders, keep_model=True)
    assert 0 < record.scores["auc"] < 1
    kept = open_kept(record.path(folders.results), folders, SILENT)
    embeddings, schema = kept.model.embeddings, kept.dataset.schema
    (frozen,) = embeddings.frozen
    assert np.array_equal(frozen.vectors, schema.vectors["picture"])
    state = kept.model.state_dict()
    assert "embeddings.frozen.0.weight" in state
    assert not [n for n, each in state.items() if each.shape == frozen.vectors.shape]
    kind = load_model(find("model", "din"))
    fresh = kind(schema, build(kind.Config, MODEL, "din"))
    assert sum(each.numel() for each in fresh.parameters()) == record.parameters
