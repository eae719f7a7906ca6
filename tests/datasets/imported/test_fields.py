"""Tables, and files about users and items."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rawfiles.own import PARTS, people, rows, samples

from recbench.data import DataConfig, prepare
from recbench.data.columns import read_table
from recbench.datasets.imported import Wanted, import_rows
from recbench.datasets.ml_100k import MovieLens100K
from recbench.plugins import find, load_dataset


def test_a_table_has_labels_numbers_and_categories(bring, prepared):
    frame = people()
    found = bring(
        frame, columns=(), labels=["y1", "y 2"], numbers=["Age"], leave_out=["id"], valid=0.2
    )
    assert found.facts["renamed"] == "y 2 is y_2, time is time_, city/zone is city_zone"
    done = prepared()
    names = [field.name for field in done.schema.of("context")]
    assert (done.schema.labels, names) == (("y1", "y_2"), ["time_", "Age", "city_zone"])
    assert (done.schema["y1"].size, done.schema["y_2"].size) == (2, 0)
    assert done.manifest.counts == {"rows": 400, "train": 280, "valid": 80, "test": 40}
    parts = [samples(done, part) for part in PARTS]
    order = np.argsort(np.concatenate([part["row"] for part in parts]))
    for field, column in (("Age", "Age"), ("y1", "y1"), ("y_2", "y 2")):
        values = np.concatenate([part[field] for part in parts])[order]
        np.testing.assert_array_equal(values, frame[column].to_numpy(np.float32))


def test_files_about_users_and_items_give_fields(bring, prepared, tmp_path):
    frame = rows()
    about = pd.DataFrame({"u": range(18), "age group": "x", "time": "y"})
    about.to_csv(tmp_path / "users.csv", index=False)
    goods = pd.DataFrame({"i": range(40), "kind": list("ab") * 20, "Brand": range(40)})
    goods.to_csv(tmp_path / "items.tsv", index=False, sep="\t")
    found = bring(
        frame,
        columns=("user=u", "item=i", "time=t", "category=kind"),
        users=tmp_path / "users.csv",
        items=tmp_path / "items.tsv",
    )
    assert found.facts["user fields"] == "age_group, time_; 2 users have none"
    assert found.facts["item fields"] == "category, Brand; 0 items have none"
    done = prepared()
    ids = read_table(done.folder / "items.arrow")["category"]
    names = read_table(done.folder / "fields/category.arrow")["value"].to_pylist()
    raw = done.items["item"].to_pylist()
    for item, category in list(zip(raw, ids, strict=True))[2:]:
        assert names[category - 2] == "ab"[item % 2]


@pytest.mark.parametrize("other", ["7.4", "6.5", "7e0", "007", "+7", "0x7", "seven"])
def test_an_id_of_a_side_file_is_that_of_the_log_or_of_nobody(bring, prepared, tmp_path, other):
    (tmp_path / "users.csv").write_text(f"u,kind\n{other},wrong\n3.0,right\n")
    found = bring(rows(), users=tmp_path / "users.csv")
    assert found.facts["user fields"] == "kind; 19 users have none"
    done = prepared()
    kinds = read_table(done.folder / "fields/kind.arrow")["value"].to_pylist()
    assert kinds == ["right"]


def test_a_category_of_users_is_none_of_items(bring, prepared, tmp_path):
    pd.DataFrame({"u": range(20), "Category": "x"}).to_csv(tmp_path / "users.csv", index=False)
    columns = ("user=u", "item=i", "time=t")
    found = bring(rows(), columns=columns, users=tmp_path / "users.csv")
    assert found.facts["user fields"].startswith("Category_;")
    bring(rows(), columns=(*columns, "category=c"), users=tmp_path / "users.csv")
    fields = [(each.name, each.role) for each in prepared().schema.fields]
    assert {("Category_", "user"), ("category", "item")} <= set(fields)


@pytest.mark.parametrize(
    "choices", [{}, {"valid": 0.07, "test": 0.21}, {"valid_days": 3, "test_days": 2}]
)
def test_the_parts_that_an_import_names_are_those_that_are_prepared(bring, prepared, choices):
    own = ("user=u", "item=i", "time=t", "label=y")
    said = bring(rows(700), columns=own, **choices).facts["parts"]
    counts = prepared().manifest.counts
    parts = [f"{part} {counts[part]:,}" for part in ("train", "valid", "test")]
    assert said.startswith(f"{'  '.join(parts)} events")


@pytest.mark.data
def test_the_ratings_of_movielens_are_the_log_that_their_own_reader_makes(raw_data, folders):
    columns = {"user": "1", "item": "2", "time": "4", "label": "3"}
    path = raw_data / "ml-100k" / "u.data"
    wanted = Wanted(path, "own", "", columns=columns, positive=["4", "5"], header=False)
    found = import_rows(wanted, folders)[1]
    assert found.facts["users"] == "943 (column '1', whole numbers)"
    assert found.facts["clicks"].startswith("55.4% of the rows")
    own = prepare(load_dataset(find("dataset", "own", folders)), DataConfig("own"), folders)
    built_in = prepare(MovieLens100K(), DataConfig("ml-100k"), replace(folders, data=raw_data))
    assert own.manifest.fingerprints["log"] == built_in.manifest.fingerprints["log"]
    for part in ("train", "valid", "test"):
        mine, theirs = samples(own, part), samples(built_in, part)
        for name in ("user", "item", "click", "time", "history_start", "history_stop"):
            np.testing.assert_array_equal(mine[name], theirs[name])
