import numpy as np
import pytest

from recbench.data.ingest import ingest
from recbench.data.protocol import PARTS
from recbench.datasets.ml_1m_coldstart import MovieLens1MColdStart
from recbench.datasets.ml_100k import GENRES
from recbench.datasets.ml_100k_coldstart import MovieLens100KColdStart
from recbench.progress import SILENT
from recbench.schema import Field

RATING, CLICK = Field("rating", "label", 0), Field("click", "label", 2)
ML_1M = {
    "ratings": "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n",
    "movies": "661::James and the Giant Peach (1996)::Animation|Children's|Musical|Western\n"
    "1193::Misérables, Les (1995) (1998)::Drama\n",
    "users": "1::F::1::10::48067\n2::M::56::16::70072-1234\n",
}


def flags(*genres):
    return "|".join("1" if genre in genres else "0" for genre in GENRES)


ML_100K = {
    "ratings": "5\t20\t4\t881250950\n5\t10\t3\t881250949\n4\t20\t5\t881250949\n",
    "movies": f"10|Toy Story (1995)|01-Jan-1996||http://x|"
    f"{flags('War', 'Animation', 'Drama', 'Comedy')}\n20|unknown||||{flags('unknown')}\n",
    "users": "4|24|M|technician|85711\n5|57|F|other|T8H1N\n",
}


@pytest.fixture
def read(tmp_path):
    """Return a function that ingests a dataset from the text of its files by role."""

    def make(dataset, files, label):
        paths = {role: tmp_path / name for role, name in dataset.card.files.items()}
        for role, path in paths.items():
            path.write_text(files[role], encoding="latin-1")
        return ingest(dataset, paths, tmp_path, SILENT, label)

    return make


def sides(log):
    both = {**log.user_fields, **log.item_fields}
    return {name: values.to_pylist() for name, values in both.items()}


@pytest.mark.parametrize(("label", "expected"), [(RATING, [3, 5, 4]), (CLICK, [0, 1, 1])])
def test_ml_1m_is_read_with_profiles_years_and_three_genres(read, label, expected):
    log = read(MovieLens1MColdStart(), ML_1M, label)
    assert log.items.to_pylist() == [661, 1193]
    assert log.spool.columns["user"].tolist() == [0, 0, 1]
    assert log.spool.columns["item"].tolist() == [1, 0, 1]
    assert log.spool.columns["label"].tolist() == [expected[1], expected[0], expected[2]]
    assert log.rejected.count == 0
    assert sides(log) == {
        "gender": ["F", "M"],
        "age": [1, 56],
        "occupation": [10, 16],
        "zip": ["48067", "70072-1234"],
        "year": [1996, 1998],
        "genre1": ["Animation", "Drama"],
        "genre2": ["Children's", None],
        "genre3": ["Musical", None],
    }


def test_ml_100k_is_read_with_the_fields_of_ml_1m(read):
    log = read(MovieLens100KColdStart(), ML_100K, RATING)
    assert log.spool.columns["label"].tolist() == [5, 3, 4]
    assert sides(log) == {
        "gender": ["M", "F"],
        "age": [18, 56],
        "occupation": ["technician", "other"],
        "zip": ["85711", "T8H1N"],
        "year": [1995, None],
        "genre1": ["Animation", "unknown"],
        "genre2": ["Comedy", None],
        "genre3": ["Drama", None],
    }


@pytest.mark.parametrize(("age", "group"), [(7, 1), (17, 1), (18, 18), (34, 25), (55, 50)])
def test_ages_are_grouped_as_in_ml_1m(read, age, group):
    users = f"4|24|M|technician|85711\n5|{age}|F|other|T8H1N\n"
    assert read(MovieLens100KColdStart(), ML_100K | {"users": users}, CLICK).user_fields[
        "age"
    ].to_pylist() == [18, group]


def test_both_share_their_folders_with_the_datasets_for_clicks():
    assert (MovieLens100KColdStart.card.home, MovieLens1MColdStart.card.home) == (
        "ml-100k",
        "ml-1m",
    )


@pytest.mark.data
def test_real_ml_100k_has_four_states(prepare_real):
    prepared = prepare_real(MovieLens100KColdStart(), "states")
    manifest = prepared.manifest
    counts = {name: manifest.counts[name] for name in ("interactions", "users", "items")}
    assert counts == {"interactions": 100_000, "users": 943, "items": 1_682}
    about = manifest.characteristics["parts"]
    episodes = {
        part: [sizes["episodes"] for sizes in about[part]["states"].values()] for part in PARTS
    }
    assert episodes == {"train": [293], "valid": [159, 308, 42, 71], "test": [156, 313, 34, 80]}
    assert about["train"]["unseen_users"] == about["train"]["unseen_items"] == 0
    asked = prepared.open_test().asked
    assert len(asked) == 10 * sum(episodes["test"])
    new = np.asarray(asked.user) >= prepared.schema["user"].size
    assert new[asked.columns["state"] >= 2].all()
    # 122 of 943 users rated no movie of 1995 or before, so training knows no more of them.
    assert new[asked.columns["state"] == 1].mean() == pytest.approx(480 / 3130)
    assert not new[asked.columns["state"] == 0].any()


@pytest.mark.data
def test_real_ml_100k_has_472_new_movies_of_ten_ratings_a_phase(prepare_real):
    prepared = prepare_real(MovieLens100KColdStart(), "phases")
    train, valid, test = prepared.part("train"), prepared.part("valid"), prepared.open_test()
    assert len(np.unique(train.item)) == 334
    assert len(train) == 64_419
    assert [len(np.unique(each.item)) for each in (valid, test)] == [236, 236]
    for part in (valid, test):
        assert np.asarray(part.episodes["support_stop"]).tolist() == [0, 2_360, 4_720, 7_080]
    assert len(valid) + len(test) == 472 * 30 + 13_147
    assert prepared.manifest.reports == [
        "8,274 events of 876 items left out: they have fewer than 30"
    ]


@pytest.mark.data
@pytest.mark.parametrize("protocol", ["states", "phases"])
def test_real_ml_1m_has_the_published_numbers(raw_data, prepare_real, protocol):
    """CVAR: 972 new movies, 19,440 ratings a phase, 58,409 after them; 854,530 of old movies."""
    if not (raw_data / "ml-1m").exists():
        pytest.skip(f"{raw_data} has no folder ml-1m")
    prepared = prepare_real(MovieLens1MColdStart(), protocol)
    assert prepared.manifest.counts["interactions"] == 1_000_209
    if protocol == "phases":
        parts = [prepared.part("valid"), prepared.open_test()]
        phases = [int(part.episodes["support_stop"][1]) for part in parts]
        queries = [len(part) - 3 * phase for part, phase in zip(parts, phases, strict=True)]
        assert (sum(phases), sum(queries)) == (19_440, 58_409)
        assert sum(len(np.unique(part.item)) for part in parts) == 972
        assert prepared.manifest.counts["train"] == 854_530
