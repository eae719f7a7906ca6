import errno
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import py7zr
import pytest
from heard import Heard

from recbench.data import archive
from recbench.errors import DataError
from recbench.progress import SILENT

TEXT = "1,2,3,4\n" * 5000
KINDS = (".zip", ".tar.gz", ".7z")


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            about = zipfile.ZipInfo(name)
            about.compress_type = zipfile.ZIP_DEFLATED
            if content is None:
                about.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(about, "/etc/passwd" if content is None else content)


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members:
            about = tarfile.TarInfo(name)
            if content is None:
                about.type, about.linkname = tarfile.SYMTYPE, "/etc/passwd"
            about.size = len(content or "")
            file.addfile(about, io.BytesIO((content or "").encode()))


def make_7z(path, members):
    link = path.parent / "link"
    link.symlink_to(path.parent)
    with py7zr.SevenZipFile(path, "w") as file:
        for name, content in sorted(members, key=lambda each: each[1] is not None):
            if content is None:
                file.write(link, name)
            else:
                file.writestr(content, "harmless")
                file.files.files_list[-1]["filename"] = name  # py7zr itself would refuse some


@pytest.fixture
def make(tmp_path):
    """Return a function that makes an archive of a kind from members; one of None is a link."""

    def make_(kind, *members):
        path = tmp_path / f"logs{kind}"
        {".zip": make_zip, ".tar.gz": make_tar, ".7z": make_7z}[kind](path, members)
        return path

    return make_


@pytest.fixture
def unpack(tmp_path):
    """Return a function that takes members of an archive out, and reads them."""
    (tmp_path / "out").mkdir()

    def unpack_(path, *names, progress=SILENT):
        found = archive.unpack(path, names, tmp_path / "out", progress)
        assert sorted(each.name for each in (tmp_path / "out").iterdir()) == sorted(names)
        return {name: where.read_text() for name, where in found.items()}

    return unpack_


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_taken_by_base_name_and_nothing_else_is(make, unpack, kind):
    path = make(
        kind, ("data/log.csv", TEXT), ("a/b/items.csv", "1\n"), ("README", "no"), ("notes", None)
    )
    assert unpack(path, "log.csv", "items.csv") == {"log.csv": TEXT, "items.csv": "1\n"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_member_is_an_empty_file(make, unpack, kind):
    assert unpack(make(kind, ("log.csv", ""), ("x", "y")), "log.csv") == {"log.csv": ""}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "members", [(), ("other.csv",), ("log.csv.bak",), ("a/log.csv", "b/log.csv")]
)
def test_an_archive_without_the_one_file_is_an_error(make, unpack, kind, members):
    path = make(kind, *((name, TEXT) for name in members), ("more", ""))
    with pytest.raises(DataError, match=r"does not hold one file called log\.csv; get it again"):
        unpack(path, "log.csv")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["/log.csv", "../log.csv", "a/../../log.csv"])
def test_a_path_that_leads_out_is_refused(make, unpack, tmp_path, kind, name):
    with pytest.raises(DataError, match=r"logs\S+ is refused: .* leads out of it"):
        unpack(make(kind, (name, TEXT)), "log.csv")
    assert not (tmp_path / "log.csv").exists()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["C:\\log.csv", "..\\log.csv", "\\log.csv"])
def test_a_path_of_windows_that_leads_out_is_refused(make, unpack, name):
    with pytest.raises(DataError, match="leads out of it"):
        unpack(make(".zip", (name, TEXT)), "log.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_is_refused(make, unpack, tmp_path, kind):
    with pytest.raises(DataError, match=r"log\.csv in it is a link or another thing"):
        unpack(make(kind, ("log.csv", None)), "log.csv")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_other_things_of_a_tar_are_refused(unpack, tmp_path, kind):
    path = tmp_path / "logs.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        about = tarfile.TarInfo("log.csv")
        about.type, about.linkname = kind, "other"
        file.addfile(about)
    with pytest.raises(DataError, match="is a link or another thing"):
        unpack(path, "log.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_what_unpacks_to_too_much_is_refused(make, unpack, monkeypatch, kind):
    monkeypatch.setattr(archive, "ALWAYS", 1000)
    monkeypatch.setattr(archive, "RATIO", 20)
    path = make(kind, ("log.csv", "0" * 1_000_000))
    with pytest.raises(DataError, match=r"refused: .* unpacks to more than [\d,]+ bytes"):
        unpack(path, "log.csv")
    monkeypatch.setattr(archive, "RATIO", 10**6)
    monkeypatch.setattr(archive, "LARGEST", 999_999)
    with pytest.raises(DataError, match="unpacks to more than 999,999 bytes"):
        unpack(path, "log.csv")


def test_the_limits_are_those_that_the_guide_states():
    assert (archive.LARGEST, archive.RATIO, archive.ALWAYS) == (64 << 30, 200, 64 << 20)
    guide = " ".join((Path(__file__).parents[2] / "docs" / "data.md").read_text().split())
    assert "more than 64 GiB or of more than 200 times the size of its archive (64 MiB are" in guide


def test_a_header_that_understates_a_member_is_no_way_around(make, tmp_path, monkeypatch):
    path = make(".zip", ("log.csv", TEXT))
    monkeypatch.setattr(archive, "LARGEST", 10_000)
    monkeypatch.setattr(archive, "CHUNK", 1000)
    taking = archive.Taking(path, {"log.csv": tmp_path / "log.csv"})
    assert taking.wants("log.csv", 10, regular=True)
    sink = taking.open("log.csv")
    with pytest.raises(DataError, match="unpacks to more than 10,000 bytes"):
        sink.copy(io.BytesIO(b"0" * 1_000_000))
    sink.close()
    assert (tmp_path / "log.csv").stat().st_size <= 10_000


def test_what_nobody_wants_of_a_tar_counts_too(make, unpack, monkeypatch):
    monkeypatch.setattr(archive, "ALWAYS", 1000)
    monkeypatch.setattr(archive, "RATIO", 20)
    path = make(".tar.gz", ("filler", "0" * 1_000_000), ("log.csv", "1"))
    with pytest.raises(DataError, match="what is packed unpacks to more than"):
        unpack(path, "log.csv")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["cut", "cut near the end", "noise", "text", "empty"])
def test_a_damaged_archive_is_an_error_that_names_it(make, unpack, kind, damage):
    content = "".join(f"{n * 7919 % 10007},{n}\n" for n in range(5000))
    path = make(kind, ("log.csv", content))
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "cut near the end": whole[:-5],
            "noise": whole[:middle] + b"\xff" * 8 + whole[middle + 8 :],
            "text": b"not an archive",
            "empty": b"",
        }[damage]
    )
    with pytest.raises(DataError, match=r"logs\S+ is damaged .*get the file again") as caught:
        unpack(path, "log.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_anywhere_is_found_or_does_no_harm(make, tmp_path, kind):
    content = "".join(f"{n * 7919 % 10007},{n}\n" for n in range(400))
    path = make(kind, ("log.csv", content))
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = archive.unpack(path, ["log.csv"], tmp_path, SILENT)
            assert found["log.csv"].read_text() == content
        except DataError as error:
            assert str(path) in str(error)


def test_an_encrypted_7z_says_so(unpack, tmp_path):
    with py7zr.SevenZipFile(tmp_path / "logs.7z", "w", password="x") as file:
        file.writestr(TEXT, "log.csv")
    with pytest.raises(DataError, match=r"cannot be unpacked here \(it is encrypted\)"):
        unpack(tmp_path / "logs.7z", "log.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_left_to_the_preparation(make, unpack, monkeypatch, kind):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = make(kind, ("log.csv", TEXT))
    monkeypatch.setattr(archive.Sink, "write", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(path, "log.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_unpacking_moves_a_bar(make, unpack, kind):
    path, heard = make(kind, ("log.csv", TEXT)), Heard()
    unpack(path, "log.csv", progress=heard)
    (bar,), size = heard.bars, path.stat().st_size
    assert (bar.label, bar.total, bar.unit) == (f"unpacking {path.name}", size, "bytes")
    assert bar.done >= size / 2
