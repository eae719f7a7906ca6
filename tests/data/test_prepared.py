import numpy as np
import pytest

from recbench.batch import Reads
from recbench.data import Loader


def test_the_test_part_is_sealed_until_it_is_opened_and_opens_once(tiny):
    with pytest.raises(RuntimeError, match="sealed until training has ended"):
        tiny.part("test")
    part = tiny.open_test()
    assert len(part) == tiny.manifest.counts["test"]
    with pytest.raises(RuntimeError, match="opened before"):
        tiny.open_test()


def test_after_the_test_was_opened_nothing_else_can_be_read(tiny):
    loaders = [Loader(tiny, tiny.part(name), Reads(recent=5), 32) for name in ("train", "valid")]
    epoch = loaders[0].epoch(1)
    next(epoch)
    tiny.open_test()
    for name in ("train", "valid"):
        with pytest.raises(RuntimeError, match=f"the {name} part is closed"):
            tiny.part(name)
    for rows in (iter(loaders[0]), epoch, loaders[1].epoch(2)):
        with pytest.raises(RuntimeError, match="part is closed"):
            next(rows)


def test_parts_come_with_what_no_model_can_beat_only_in_the_simulated_test(tiny):
    assert tiny.part("train").oracle is None
    assert tiny.part("valid").oracle is None
    part = tiny.open_test()
    assert len(part.oracle) == len(part)


def test_an_item_met_before_is_a_certain_click_to_the_oracle(tiny):
    part, log = tiny.open_test(), tiny.interactions["item"]
    slices = zip(part.history_start, part.history_stop, part.item, strict=True)
    met = np.array([item in log[start:stop] for start, stop, item in slices])
    assert met.any()
    assert part.labels[met].all()
    assert (part.oracle[met] == part.oracle.max()).all()
    assert (part.oracle[~met] < part.oracle.max()).all()
