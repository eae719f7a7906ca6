"""The card of an import, and the data that it names."""

from dataclasses import replace

import pytest
from rawfiles.own import events, logged, rows

from recbench.datasets.imported import Imported, Wanted, import_rows
from recbench.datasets.imported.description import Description, SourceFile, Split
from recbench.errors import DataError, UsageError


def test_a_name_is_free_and_can_be_a_folder(bring, tmp_path, folders):
    frame = rows()
    bring(frame)
    wanted = Wanted(
        tmp_path / "log.csv", "own", "", columns={"user": "u", "item": "i", "time": "t"}
    )
    with pytest.raises(UsageError, match="has been imported already .* --force"):
        import_rows(wanted, folders)
    for name, expected in (
        ("taobao", "there is a dataset 'taobao' already"),
        ("TaoBao", "there is a dataset 'taobao' already"),
        ("../x", "begin with"),
    ):
        with pytest.raises(UsageError, match=expected):
            import_rows(replace(wanted, name=name), folders)


def test_a_changed_or_lost_file_asks_for_a_new_import(bring, prepared, tmp_path):
    path, frame = tmp_path / "log.csv", rows()
    bring(frame)
    path.write_text(path.read_text().replace("red", "tan"))
    with pytest.raises(
        DataError, match=r"has changed since it was imported; import it again:\n .*--force"
    ):
        prepared()
    path.write_text(path.read_text() + "1,2,3\n")
    with pytest.raises(DataError, match="has changed since"):
        prepared()
    path.unlink()
    with pytest.raises(DataError, match="is not there any more since it was imported"):
        prepared()


def test_an_import_with_other_columns_makes_other_data(bring, prepared):
    frame = rows()
    bring(frame)
    first = prepared()
    bring(frame)
    assert prepared().manifest.fingerprints == first.manifest.fingerprints
    bring(frame, columns=("user=i", "item=u", "time=t"))
    second = prepared()
    assert (first.manifest.version, second.manifest.version) == (1, 2)
    assert second.manifest.fingerprints != first.manifest.fingerprints


def test_copies_lie_beside_the_card(bring, tmp_path, folders, prepared):
    bring(rows())
    wanted = Wanted(
        tmp_path / "log.csv", "own", "", columns={"user": "u", "item": "i", "time": "t"}
    )
    import_rows(wanted, folders, copy=True, force=True)
    (tmp_path / "log.csv").unlink()
    assert sorted(events(prepared())) == logged(rows())
    assert Description.load(folders.data / "own" / "recbench.toml").events.path == "log.csv"


def test_a_card_is_read_as_it_was_written(tmp_path):
    odd = 'a "b" \\ \x7f \n 图'
    file = SourceFile(odd, 1, "0", "csv", (odd, "b"), "\t", False, "utf-8")
    card = Description(
        1, 3, "ctr", odd, "ms", ("user",), (odd,), (), ("n",), (), (1, 2), 0, 1, 0.25,
        Split(0.1, 0.2, "share", 8), {"user": odd}, {odd: "y"}, {}, {}, {"x": odd}, file, None,
        file,
    )  # fmt: skip
    card.save(tmp_path / "recbench.toml")
    assert Description.load(tmp_path / "recbench.toml") == card


@pytest.mark.parametrize("content", ["", "format = 9", "format = 1", "not toml"])
def test_a_damaged_card_is_named(tmp_path, content):
    path = tmp_path / "own" / "recbench.toml"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(DataError, match=r"recbench.toml cannot be read .*import the data again"):
        Imported(path)
