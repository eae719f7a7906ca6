import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import open_loader
from recbench.data.columns import read_table
from recbench.data.gather import window


def test_models_are_asked_for_a_test_part_without_labels(tiny, monkeypatch):
    read = []
    monkeypatch.setattr(
        "recbench.data.samples.read_table", lambda path: read.append(path.name) or read_table(path)
    )
    part = tiny.open_test(labelled=False)
    assert read == ["test.arrow"]
    assert "click" not in read_table(tiny.folder / "samples/test.arrow")
    assert part.oracle is None
    assert np.isnan(part.labels).all()
    batch = next(iter(open_loader(tiny, part, Reads(recent=5), 64)))
    assert batch.labels.isnan().all()
    with pytest.raises(RuntimeError, match="opened before"):
        tiny.open_test()


def test_a_limit_takes_the_same_rows_with_and_without_labels(tiny):
    again = type(tiny)(tiny.folder, limit=50), type(tiny)(tiny.folder, limit=50)
    shown, whole = again[0].open_test(labelled=False), again[1].open_test()
    np.testing.assert_array_equal(shown.columns["time"], whole.columns["time"])
    assert len(shown.labels) == len(whole.labels) == 50


@pytest.mark.parametrize(("protocol", "blank"), [("states", np.nan), ("phases", -1)])
def test_of_episodes_only_the_labels_of_support_are_shown(cold, protocol, blank):
    shown, whole = cold(protocol).open_test(labelled=False), cold(protocol).open_test()
    rows = {
        kind: np.unique(
            window(*(np.asarray(whole.episodes[f"{kind}_{end}"]) for end in ("start", "stop")), -1)[
                1
            ]
        )
        for kind in ("support", "query")
    }
    assert len(rows["support"])
    assert not np.intersect1d(rows["support"], rows["query"]).size
    np.testing.assert_array_equal(shown.labels[rows["support"]], whole.labels[rows["support"]])
    np.testing.assert_array_equal(shown.labels[rows["query"]], blank)
    assert shown.labels.dtype == whole.labels.dtype
