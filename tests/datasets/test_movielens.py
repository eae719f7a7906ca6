import numpy as np
import pytest
import rawfiles.ml_1m
import rawfiles.ml_20m

from recbench.data.columns import read_table
from recbench.data.protocol import LogChunk
from recbench.datasets.ml_1m import MovieLens1M
from recbench.datasets.ml_20m import DIN, MovieLens20M
from recbench.datasets.ml_100k import GENRES, MovieLens100K
from recbench.datasets.ml_latest_small import MovieLensLatestSmall


def flags(*genres):
    return "|".join("1" if genre in genres else "0" for genre in GENRES)


def columns(log):
    return {name: values.tolist() for name, values in log.spool.columns.items()}


def test_ml_100k_is_read_with_genres_and_profiles(read):
    log = read(
        MovieLens100K(),
        ratings="5\t20\t4\t881250950\n5\t10\t3\t881250949\n4\t20\t5\t881250949\n",
        movies=(
            f"10|Toy Story (1995)|01-Jan-1995||http://x|{flags('Animation', 'Comedy')}\n"
            f"20|Misérables, Les (1995)|01-Jan-1995||http://y|{flags('Drama')}\n"
        ).encode("latin-1"),
        users="4|24|M|technician|85711\n5|53|F|other|T8H1N\n",
    )
    assert columns(log) == {
        "user": [0, 1, 1],
        "item": [1, 0, 1],
        "time": [881250949, 881250949, 881250950],
        "positive": [True, True, True],
        "label": [1, 0, 1],
    }
    assert log.item_fields["category"].to_pylist() == ["Animation", "Drama"]
    fields = {name: values.to_pylist() for name, values in log.user_fields.items()}
    assert fields == {"gender": ["M", "F"], "occupation": ["technician", "other"], "decade": [2, 5]}


def test_latest_small_is_read_with_quoted_titles_and_half_stars(read):
    log = read(
        MovieLensLatestSmall(),
        ratings="userId,movieId,rating,timestamp\n1,31,3.5,1260759144\n1,29,4.0,1260759179\n",
        movies=(
            'movieId,title,genres\n29,"City of Lost Children, The",Adventure|Drama\n'
            "31,Dangerous Minds (1995),Drama\n"
        ),
    )
    assert columns(log)["label"] == [0, 1]
    assert log.item_fields["category"].to_pylist() == ["Adventure", "Drama"]
    assert log.rejected.count == 0


def test_ml_1m_is_read_with_genres_and_profiles(read):
    log = read(
        MovieLens1M(),
        ratings="1::1193::5::978300760\n2::661::3::978302109\n2::1193::4::978301968\n",
        movies="661::James (1996)::Animation|Musical\n1193::Misérables: 2 (1975)::Drama\n".encode(
            "latin-1"
        ),
        users="1::F::1::10::48067\n2::M::56::16::70072\n",
    )
    found = columns(log)
    assert (found["user"], found["item"], found["label"]) == ([0, 1, 1], [1, 1, 0], [1, 1, 0])
    assert log.item_fields["category"].to_pylist() == ["Animation", "Drama"]
    fields = {name: values.to_pylist() for name, values in log.user_fields.items()}
    assert fields == {"gender": ["F", "M"], "age": [1, 56], "occupation": [10, 16]}
    assert log.rejected.count == 0


def test_drawn_ml_1m_prepares_without_a_malformed_row(prepare_drawn):
    prepared = prepare_drawn(MovieLens1M(), rawfiles.ml_1m)
    assert prepared.manifest.reports == []
    assert prepared.manifest.counts["interactions"] == rawfiles.ml_1m.RATINGS


def test_the_paper_of_din_splits_ml_20m_by_users(prepare_drawn):
    prepared = prepare_drawn(MovieLens20M(), rawfiles.ml_20m, "din")
    about = prepared.manifest.characteristics["parts"]
    assert about["train"]["unseen_users"] == 0
    assert about["valid"]["unseen_users"] == about["test"]["unseen_users"] == 1
    found = prepared.manifest.counts
    assert sum(found[part] for part in ("train", "valid", "test")) == found["interactions"]


def test_the_paper_of_din_has_so_many_users_of_ml_20m_in_each_part():
    users = np.arange(138_493)
    whole = LogChunk(0, users, users, users >= 0)
    parts = DIN.split.parts(whole, DIN.split.boundaries(whole))
    assert np.bincount(parts).tolist() == [90_000, 10_000, 38_493]


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "counts", "categories"),
    [
        (MovieLens100K(), {"interactions": 100_000, "users": 943, "items": 1_682}, 19),
        (MovieLensLatestSmall(), {"interactions": 100_004, "users": 671, "items": 9_066}, 18),
    ],
    ids=["ml-100k", "ml-latest-small"],
)
def test_real_files_prepare_with_the_published_counts(prepare_real, dataset, counts, categories):
    prepared = prepare_real(dataset)
    found = prepared.manifest.counts
    assert {name: found[name] for name in counts} == counts
    parts = [found[part] for part in ("train", "valid", "test")]
    assert sum(parts) == counts["interactions"]
    assert parts == pytest.approx([0.8 * sum(parts), 0.1 * sum(parts), 0.1 * sum(parts)], rel=0.01)
    assert prepared.manifest.leakage["test_before_train_end"] == 0
    assert prepared.manifest.reports == []
    values = read_table(prepared.folder / "fields" / "category.arrow")["value"]
    assert len(values) == categories
    train = prepared.part("train")
    assert max(train.time) < min(prepared.part("valid").time)
    assert 0.4 < train.labels.mean() < 0.7
