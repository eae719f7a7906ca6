import dataclasses

import numpy as np
import pytest
from rawfiles import kuairand_1k as raw

from recbench.data import DataConfig, prepare
from recbench.data.columns import read_table
from recbench.datasets.kuairand_1k import KuaiRand1K
from recbench.datasets.kuairand_1k_multitask import KuaiRand1KMultiTask
from recbench.datasets.kuairand_files import LOG, VIDEO
from recbench.errors import DataError
from recbench.folders import Folders

BOTH = (KuaiRand1K, KuaiRand1KMultiTask)


def day(time):
    return (time + 8 * 3600) // 86_400


def shown(user, video, time=1_649_600_000, **others):
    values = dict.fromkeys(LOG, "0") | {"user_id": user, "video_id": video}
    values |= {"time_ms": time * 1000 + 999, "hourmin": 1900} | others
    return ",".join(map(str, values.values())) + "\n"


@pytest.fixture
def folders(tmp_path):
    home = tmp_path / "kuairand-1k"
    home.mkdir()
    raw.write(home, "kuairand-1k")
    return Folders(tmp_path, tmp_path / "cache", tmp_path)


@pytest.fixture
def prepared(folders):
    def make(kind):
        dataset = kind()
        dataset.card = dataclasses.replace(dataset.card, counts=())
        return prepare(dataset, DataConfig(dataset.card.name), folders)

    return make


def test_impressions_are_examples_split_by_days(prepared):
    dataset = prepared(KuaiRand1K)
    assert dataset.manifest.counts["interactions"] == 700
    train, valid, test = dataset.part("train"), dataset.part("valid"), dataset.open_test()
    assert len(train) + len(valid) + len(test) == 700
    assert [set(day(part.time) - day(raw.FIRST)) for part in (valid, test)] == [{29}, {30}]
    assert 0.3 < np.mean(train.labels) < 0.5
    names = {field.name for field in dataset.schema.fields}
    assert {"author", "category", "music_type", "user_active_degree", "onehot_feat17"} <= names
    assert "follow_user_num" not in names
    assert dataset.manifest.leakage["test_before_train_end"] == 0


def test_times_are_whole_seconds_of_the_milliseconds_in_the_file(prepared, folders):
    log = read_table(prepared(KuaiRand1K).folder / "interactions.arrow")
    place, found = list(LOG).index("time_ms"), []
    for path in sorted((folders.data / "kuairand-1k").glob("log_standard_*")):
        found += [int(line.split(",")[place]) // 1000 for line in path.read_text().splitlines()[1:]]
    assert sorted(log["time"].tolist()) == sorted(found)


def test_both_datasets_have_the_same_rows_in_the_same_parts(prepared):
    log, table = (prepared(kind).manifest for kind in BOTH)
    assert all(log.counts[part] == table.counts[part] for part in ("train", "valid", "test"))
    assert table.leakage == {"known": True, "test_before_train_end": 0, "share": 0.0}
    click = [log.characteristics["parts"]["test"]["label_rate"],
             table.characteristics["parts"]["test"]["labels"]["is_click"]]  # fmt: skip
    assert click[0] == click[1]


def files(*rows, videos=""):
    late = "".join(shown(2, 5, 1_650_000_000 + n * 86_400, is_follow=1) for n in range(5))
    header = ",".join(LOG) + "\n"
    return {"early": header + "".join(rows), "late": header + late,
            "videos": ",".join(VIDEO) + "\n" + videos}  # fmt: skip


def test_rows_have_their_videos_fields_and_four_labels(read_rows):
    videos = "".join(
        f"{n},{n + 40},NORMAL,2022-04-08,Kmovie,0,1,1,1,1,4,{tag}\n"
        for n, tag in ((5, '"39,2"'), (6, ""), (7, "2"))
    )
    rows = [shown(1, 7, long_view=1, tab=3), shown(1, 6, hourmin=5), shown(1, 8, is_click=1)]
    columns, rejected = read_rows(
        KuaiRand1KMultiTask(), KuaiRand1KMultiTask.card.protocols["time"],
        **files(*rows, videos=videos),
    )  # fmt: skip
    labels = ["is_click", "is_like", "is_follow", "long_view"]
    fields = ["user_id", "video_id", "author", "category", "tab", "hour"]
    assert list(columns) == ["row", *fields, *labels]
    assert columns["row"] == list(range(1, 9))
    assert columns["author"][:4] == ["47", "46", None, "45"]
    assert columns["category"][:4] == ["2", None, None, "39"]
    assert (columns["tab"][:2], columns["hour"][:3]) == ([3, 0], [19, 0, 19])
    assert [columns[name][0] for name in labels] == [0, 0, 0, 1]
    assert sum(columns["is_follow"]) == 5
    assert rejected.reports == ["1 rows have a video without features"]


def test_rows_of_another_year_or_no_user_are_left_out_and_counted(read_rows):
    columns, rejected = read_rows(
        KuaiRand1KMultiTask(), KuaiRand1KMultiTask.card.protocols["time"],
        **files(shown(1, 5, 1_500_000_000), shown("", 5), videos="5,45,NORMAL,,,,,,,,,2\n"),
    )  # fmt: skip
    assert len(columns["row"]) == 5
    assert rejected.reports == ["2 rows left out: no user, no video or no time of 2022"]


def test_a_video_described_twice_is_an_error(read_rows):
    with pytest.raises(DataError, match=r"video_features_basic_1k.csv has the video 5 twice"):
        read_rows(
            KuaiRand1KMultiTask(), KuaiRand1KMultiTask.card.protocols["time"],
            **files(shown(1, 5), videos="5,45,NORMAL,,,,,,,,,2\n" * 2),
        )  # fmt: skip


def test_the_first_tag_is_the_category(prepared, folders):
    dataset = prepared(KuaiRand1K)
    lines = (folders.data / "kuairand-1k/video_features_basic_1k.csv").read_text().splitlines()[1:]
    tags = {int(line.split(",")[0]): line.split(",", 11)[11].strip('"').split(",")[0]
            for line in lines}  # fmt: skip
    values = [
        None,
        None,
        *read_table(dataset.folder / "fields/category.arrow")["value"].to_pylist(),
    ]
    items = dataset.items
    found = {video: values[code] for video, code in
             zip(items["item"].to_pylist()[2:], items["category"][2:], strict=True)}  # fmt: skip
    assert found == {video: tags[video] or None for video in found}
