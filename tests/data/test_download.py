import errno
import hashlib
import json
import socket
import tomllib
from contextlib import contextmanager

import pytest
from heard import Heard
from webserver import Page

from recbench.data import Download, download
from recbench.data.download import fetch, readable_size
from recbench.data.part import Part
from recbench.data.pins import FILE, Pins
from recbench.errors import DataError
from recbench.progress import SILENT, Bar, Progress

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


@pytest.fixture
def get(web, tmp_path):
    """Return a function that downloads `log.zip` from paths of the server, and returns it."""
    target = tmp_path / "raw" / "log" / "log.zip"

    def get_(*paths, progress=SILENT, **about):
        urls = tuple(web.url(path) for path in paths)
        fetch(Download("log.zip", urls, **about), target, Pins(tmp_path / "raw"), progress)
        assert target.read_bytes() == CONTENT
        assert {each.name for each in target.parent.iterdir()} == {"log.zip"}
        return target

    return get_


@pytest.fixture
def part(tmp_path):
    return Part(tmp_path / "raw" / "log" / "log.zip")


def left(part):
    return part.path.read_bytes() if part.path.exists() else None


def test_a_file_is_downloaded_checked_and_announced(web, get):
    web.pages["/log.zip"] = Page(CONTENT)
    heard = Heard()
    target = get("/log.zip", sha256=SHA256, md5=MD5, bytes=len(CONTENT), progress=heard)
    (said,) = heard.notes
    assert said.startswith("downloading log.zip (1.0 MB) from http://127.0.0.1")
    assert str(target.parent) in said
    (moved,) = heard.bars
    assert moved.done == moved.total == len(CONTENT)
    assert not (target.parent.parent / FILE).exists()


@pytest.mark.parametrize("about", [{"sha256": SHA256}, {"md5": MD5}, {}])
def test_what_broke_off_stays_and_is_continued(web, get, part, about):
    web.pages["/log.zip"] = Page(CONTENT, etag='"1"', breaks_after=HALF)
    with pytest.raises(DataError, match=r"broke off after 512,000 of 1,024,000 bytes") as caught:
        get("/log.zip", **about)
    assert "512,000 bytes have arrived and are kept" in str(caught.value)
    assert left(part) == CONTENT[:HALF]
    web.pages["/log.zip"].breaks_after = None
    heard = Heard()
    get("/log.zip", **about, progress=heard)
    assert web.asked == [("/log.zip", ""), ("/log.zip", f"bytes={HALF}-")]
    (moved,) = heard.bars
    assert moved.done == moved.total == HALF


def test_a_download_that_is_interrupted_is_continued(web, get, part):
    class Pressed(Progress):
        @contextmanager
        def bar(self, *_):
            class Interrupts(Bar):
                def advance(self, amount, **_):
                    raise KeyboardInterrupt

            yield Interrupts()

    web.pages["/log.zip"] = Page(CONTENT)
    with pytest.raises(KeyboardInterrupt):
        get("/log.zip", sha256=SHA256, progress=Pressed())
    arrived = part.size
    assert 0 < arrived < len(CONTENT)
    get("/log.zip", sha256=SHA256)
    assert web.asked[1] == ("/log.zip", f"bytes={arrived}-")


def test_a_server_without_ranges_begins_anew(web, get):
    web.pages["/log.zip"] = Page(CONTENT, breaks_after=HALF, ranges=False)
    with pytest.raises(DataError, match="broke off"):
        get("/log.zip", sha256=SHA256)
    web.pages["/log.zip"].breaks_after = None
    get("/log.zip", sha256=SHA256)


@pytest.mark.parametrize("about", [{"sha256": SHA256}, {}])
def test_a_file_that_was_replaced_meanwhile_begins_anew(web, get, about):
    web.pages["/log.zip"] = Page(b"x" * len(CONTENT), etag='"1"', breaks_after=HALF)
    with pytest.raises(DataError, match="broke off"):
        get("/log.zip", **about)
    web.pages["/log.zip"] = Page(CONTENT, etag='"2"')
    get("/log.zip", **about)


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_a_checksum_a_file_that_cannot_be_recognised_begins_anew(web, get, etag):
    web.pages["/log.zip"] = Page(b"x" * len(CONTENT), etag=etag, breaks_after=HALF)
    with pytest.raises(DataError, match="broke off"):
        get("/log.zip")
    web.pages["/log.zip"] = Page(CONTENT, etag=etag)
    get("/log.zip")
    assert [asked for _, asked in web.asked] == ["", ""]


def test_a_part_that_does_not_fit_begins_anew(web, get, part):
    part.path.parent.mkdir(parents=True)
    part.path.write_bytes(b"x" * HALF)
    web.pages["/log.zip"] = Page(CONTENT)
    get("/log.zip", sha256=SHA256)
    assert [asked for _, asked in web.asked] == [f"bytes={HALF}-", ""]


@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_a_part_that_is_whole_only_has_to_be_checked(web, get, part, size):
    part.path.parent.mkdir(parents=True)
    part.path.write_bytes(CONTENT)
    web.pages["/log.zip"] = Page(CONTENT)
    get("/log.zip", sha256=SHA256, bytes=size)
    assert len(web.asked) == (0 if size else 1)


@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_a_part_that_is_too_long_begins_anew(web, get, part, size):
    part.path.parent.mkdir(parents=True)
    part.path.write_bytes(CONTENT + b"x")
    web.pages["/log.zip"] = Page(CONTENT)
    get("/log.zip", sha256=SHA256, bytes=size)


def test_a_mirror_continues_what_another_began(web, get):
    web.pages["/one"] = Page(CONTENT, breaks_after=HALF, etag='"1"')
    web.pages["/two"] = Page(CONTENT, etag='"2"')
    get("/one", "/two", sha256=SHA256)
    assert web.asked == [("/one", ""), ("/two", f"bytes={HALF}-")]


def test_a_mirror_begins_anew_where_no_checksum_is_published(web, get):
    web.pages["/one"] = Page(CONTENT, breaks_after=HALF, etag='"1"')
    web.pages["/two"] = Page(CONTENT, etag='"1"')
    get("/one", "/two")
    assert web.asked == [("/one", ""), ("/two", "")]


def test_mirrors_are_tried_in_turn(web, get):
    web.pages["/broken"] = Page(b"error", status=503)
    web.pages["/wrong"] = Page(b"x" * len(CONTENT))
    web.pages["/moved"] = Page(status=302, location="/right")
    web.pages["/right"] = Page(CONTENT)
    get("/absent", "/broken", "/wrong", "/moved", sha256=SHA256)
    paths = [path for path, _ in web.asked]
    assert paths == ["/absent", "/broken", "/wrong", "/moved", "/right"]


@pytest.mark.parametrize(
    ("page", "about", "expected"),
    [
        (Page(status=404), {}, r"HTTP error 404 \(Not Found\)"),
        (Page(status=403), {}, r"HTTP error 403 \(Forbidden\)"),
        (Page(status=500), {}, r"HTTP error 500"),
        (Page(CONTENT + b"x"), {"sha256": SHA256}, f"its sha256 is .*, not the published {SHA256}"),
        (Page(CONTENT + b"x"), {"md5": MD5}, f"its md5 is .*, not the published {MD5}"),
        (Page(CONTENT), {"bytes": 999}, "it has 1,024,000 bytes, not the published 999"),
        (Page(CONTENT, sized=False), {"bytes": 999}, "1,024,000 bytes, not the published 999"),
        (Page(b"<p>", kind="text/html; charset=utf-8"), {}, "is a web page"),
        (Page(b"\n<!DOCTYPE html><html>Log in"), {}, "is a web page"),
        (Page(status=302, location="ftp://127.0.0.1/log.zip"), {}, "HTTP error 302|no connection"),
        (Page(status=302, location="file:///etc/passwd"), {}, "HTTP error 302"),
    ],
)
def test_what_is_not_the_file_is_one_error_and_leaves_nothing(
    web, get, part, page, about, expected
):
    web.pages["/log.zip"] = page
    with pytest.raises(DataError, match=expected) as caught:
        get("/log.zip", "/absent", **about)
    text = str(caught.value)
    assert text.startswith(f"log.zip could not be downloaded to {part.target.parent}. Tried ")
    assert f"{web.url('/absent')}: HTTP error 404" in text
    assert "\n" not in text
    assert list(part.target.parent.iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "nonsense"])
def test_only_http_is_spoken(tmp_path, url):
    with pytest.raises(DataError, match="unknown url type"):
        fetch(Download("log.zip", (url,)), tmp_path / "log.zip", Pins(tmp_path), SILENT)


def test_no_network_is_an_error_that_says_so(tmp_path, web):
    gone = "http://127.0.0.1:9/log.zip"
    with pytest.raises(DataError, match=r"Tried http://127.*no connection \(.*refused"):
        fetch(Download("log.zip", (gone,)), tmp_path / "log.zip", Pins(tmp_path), SILENT)


def test_a_server_that_says_nothing_is_given_up(tmp_path, web, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/log.zip"
        with pytest.raises(DataError, match=r"no answer for 0\.2 seconds"):
            fetch(Download("log.zip", (url,)), tmp_path / "log.zip", Pins(tmp_path), SILENT)


def test_an_answer_of_unknown_length_is_taken_as_it_comes(web, get):
    web.pages["/log.zip"] = Page(CONTENT, sized=False)
    get("/log.zip", sha256=SHA256)


def test_a_full_disk_is_an_error_and_keeps_what_has_arrived(web, get, part, monkeypatch):
    web.pages["/log.zip"] = Page(CONTENT)
    real = Part.open

    @contextmanager
    def full(self, start):
        with real(self, start) as sink:

            class Full:
                tell = sink.tell

                def write(self, data):
                    if sink.tell() + len(data) > HALF:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return sink.write(data)

            yield Full()

    with monkeypatch.context() as patch:
        patch.setattr(Part, "open", full)
        with pytest.raises(DataError, match="its disk is full; free some space or name another"):
            get("/log.zip", sha256=SHA256)
    assert 0 < part.size <= HALF
    get("/log.zip", sha256=SHA256)


def test_a_folder_that_cannot_be_written_is_an_error(web, tmp_path):
    (tmp_path / "raw").write_text("a file")
    asked = Download("log.zip", (web.url("/log.zip"),))
    with pytest.raises(DataError, match=r"log\.zip cannot be written to .*raw"):
        fetch(asked, tmp_path / "raw" / "log.zip", Pins(tmp_path), SILENT)


def test_without_a_published_checksum_the_first_download_counts(web, get, part, tmp_path):
    web.pages["/log.zip"] = Page(CONTENT)
    get("/log.zip")
    pins = tomllib.loads((tmp_path / "raw" / FILE).read_text())
    assert pins["log/log.zip"].pop("date").startswith("20")
    assert pins == {
        "log/log.zip": {"sha256": SHA256, "bytes": len(CONTENT), "url": web.url("/log.zip")}
    }
    part.target.unlink()
    get("/log.zip")  # the same again
    part.target.unlink()
    web.pages["/log.zip"] = Page(CONTENT + b"x")
    with pytest.raises(DataError, match="it differs from the first download, of 20") as caught:
        get("/log.zip")
    assert f"delete the entry 'log/log.zip' from {tmp_path / 'raw' / FILE}" in str(caught.value)
    assert list(part.target.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', json.dumps({"url": "x"})])
def test_a_note_of_a_part_that_is_damaged_is_as_none(part, text):
    part.path.parent.mkdir(parents=True)
    part.path.write_bytes(b"x")
    part.path.with_name("log.zip.part.json").write_text(text)
    assert part.headers("x", unchanged=False) == {}
    assert part.headers("x", unchanged=True) == {"Range": "bytes=1-"}


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "size not known"), (7, "7 bytes"), (978_202, "978.2 kB"), (5_917_549, "5.9 MB")],
)
def test_sizes_are_said_as_people_do(size, said):
    assert readable_size(size) == said
