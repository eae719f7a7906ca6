import numpy as np
import pytest
from rawfiles import aliexpress as raw

from recbench.data import DataConfig, prepare
from recbench.datasets.aliexpress import (
    CATEGORIES,
    NUMBERS,
    TYPES,
    AliExpressFrance,
    AliExpressNetherlands,
    AliExpressSpain,
    AliExpressUnitedStates,
)
from recbench.folders import Folders

SAMPLE = "aliexpress__aliexpress_{}_sample.csv"


def line(search, click=0, conversion=0, **others):
    values = dict.fromkeys(TYPES, "0") | {"search_id": str(search), **others}
    values |= {"click": str(click), "conversion": str(conversion)}
    return ",".join(values.values()) + "\n"


HEADER = ",".join(TYPES) + "\n"
TRAIN = HEADER + "".join(line(each, click=each % 2) for each in range(1, 40))
TEST = HEADER + line(81, 1, 1, categorical_2="7", numerical_3="0.25") + line(81)


def test_the_test_file_comes_last_and_the_search_is_no_input(read_rows):
    dataset = AliExpressNetherlands()
    columns, rejected = read_rows(dataset, dataset.card.protocols["official"],
                                  train=TRAIN, test=TEST)  # fmt: skip
    assert rejected.count == 0
    assert columns["row"] == list(range(1, 42))
    assert set(columns) == {"row", *CATEGORIES, *NUMBERS, "click", "conversion"}
    assert (columns["click"][-2:], columns["conversion"][-2:]) == ([1, 0], [1, 0])
    assert columns["categorical_2"][-2:] == [7, 0]
    assert columns["numerical_3"][-2:] == [0.25, 0]


def test_there_is_a_card_for_each_country():
    cards = [each.card for each in (AliExpressNetherlands, AliExpressSpain, AliExpressFrance,
                                    AliExpressUnitedStates)]  # fmt: skip
    assert [card.name.removeprefix("aliexpress-") for card in cards] == ["nl", "es", "fr", "us"]
    assert [card.home for card in cards] == [f"AliExpress_{code}" for code in
                                             ("NL", "ES", "FR", "US")]  # fmt: skip


def test_no_search_is_in_both_train_and_validation(tmp_path):
    home = tmp_path / "AliExpress_ES"
    home.mkdir()
    raw.write(home, "aliexpress-es")
    folders = Folders(tmp_path, tmp_path / "cache", tmp_path)
    dataset = prepare(AliExpressSpain(), DataConfig("aliexpress-es"), folders)
    counts = dataset.manifest.counts
    assert (counts["rows"], counts["test"]) == (520, 120)
    assert 20 <= counts["valid"] <= 80
    searches = np.array([line.split(",")[0] for line in
                         (home / "train.csv").read_text().splitlines()[1:]])  # fmt: skip
    train, valid = ({*searches[dataset.part(part).columns["row"] - 1]} for part in
                    ("train", "valid"))  # fmt: skip
    assert not train & valid


@pytest.mark.data
def test_real_lines_are_read(raw_data, read_rows):
    texts = {part: (raw_data / "format-samples" / SAMPLE.format(part)).read_text()
             for part in ("train", "test")}  # fmt: skip
    dataset = AliExpressFrance()
    columns, rejected = read_rows(dataset, dataset.card.protocols["official"], **texts)
    assert rejected.count == 0
    assert len(columns["row"]) == 120
    assert columns["categorical_7"][0] == 25
    assert columns["numerical_63"][1] == pytest.approx(0.232213)
