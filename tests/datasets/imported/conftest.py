"""Importing files of a user's own."""

import pytest

from recbench.data import DataConfig, prepare, verify_prepared
from recbench.datasets.imported import Wanted, import_rows
from recbench.folders import Folders
from recbench.plugins import find, load_dataset


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "data", tmp_path / "cache", tmp_path / "results")


@pytest.fixture
def bring(tmp_path, folders):
    """Return a function that writes a frame or text, imports it as `own` and returns what came.

    It takes the frame or text, the name of the file, and whatever `Wanted` takes.
    """

    def make(content, file="log.csv", columns=("user=u", "item=i", "time=t"), **choices):
        path, separator = tmp_path / file, choices.pop("written_with", ",")
        if isinstance(content, str):
            path.write_text(content)
        elif file.endswith(".parquet"):
            content.to_parquet(path, index=False)
        else:
            content.to_csv(path, index=False, sep=separator)
        own = dict(each.split("=") for each in columns)
        wanted = Wanted(path, "own", "recbench data import", columns=own, **choices)
        return import_rows(wanted, folders, force=True)[1]

    return make


@pytest.fixture
def prepared(folders):
    """Return a function that prepares the dataset `own`."""

    def make():
        dataset = load_dataset(find("dataset", "own", folders))
        done = prepare(dataset, DataConfig("own"), folders)
        assert verify_prepared(done.folder) == []
        return done

    return make
