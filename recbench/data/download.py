"""Downloads over HTTP: continued where they broke off, and checked before they count as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from recbench.data.part import Part, Range
from recbench.data.pins import Pins, sums
from recbench.data.reading import disk_full
from recbench.errors import DataError
from recbench.progress import Progress

TIMEOUT = 30
"""Seconds without a byte after which a server counts as gone."""
CHUNK = 1 << 18
PAGE = re.compile(rb"\s*<(!doctype html|html)", re.IGNORECASE)


@dataclass(frozen=True)
class Download:
    """A file that can be had without a login.

    Attributes:
        file: Its name, as published.
        urls: Where it is, by http or https, tried in order.
        sha256: Its published checksum, if there is one; else what comes first is pinned.
        md5: Likewise.
        bytes: Its published size; 0 if none is.
        shared: Whether other datasets read it too, so that it goes to the top of the data folder.
    """

    file: str
    urls: tuple[str, ...]
    sha256: str = ""
    md5: str = ""
    bytes: int = 0
    shared: bool = False

    @property
    def checked(self) -> bool:
        """Whether a checksum is published."""
        return bool(self.sha256 or self.md5)


class _FailedError(Exception):
    """One source could not give the file; the text says why."""


def fetch(download: Download, target: Path, pins: Pins, progress: Progress) -> None:
    """Download a file to `target`, which appears whole and checked or not at all.

    What has arrived stays beside it in `.part`, and the next call continues it.

    Args:
        download: What to get.
        target: Where it goes.
        pins: The checksums of files that come without a published one.
        progress: Told what comes, from where, and how far it is.

    Raises:
        DataError: If no source gives the right file, or it cannot be written.
    """
    failures = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Part(target)
        for url in download.urls:
            try:
                _fetch_from(url, download, part, pins, progress)
                part.finish()
                return
            except _FailedError as error:
                failures.append(f"{url}: {error}")
        if not part.size:
            part.discard()
        kept = f"; {part.size:,} bytes have arrived and are kept" if part.size else ""
    except OSError as error:
        why = "its disk is full" if disk_full(error) else str(error)
        raise DataError(
            f"{download.file} cannot be written to {target.parent}: {why}; free some space or name "
            "another folder (RECBENCH_DATA or --data-dir), and the download goes on from there"
        ) from error
    raise DataError(
        f"{download.file} could not be downloaded to {target.parent}{kept}. Tried "
        f"{'; '.join(failures)}. Run the same command again, or put the file there yourself"
    )


def readable_size(size: int) -> str:
    """Return a number of bytes as people say it."""
    if not size:
        return "size not known"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def _fetch_from(url: str, download: Download, part: Part, pins: Pins, progress: Progress) -> None:
    """Complete and check the part; continue what is there, and begin anew if that was wrong."""
    continued = _receive(url, download, part, progress)
    why = _fault(download, part, pins, url)
    if why and continued:
        part.discard()
        _receive(url, download, part, progress)
        why = _fault(download, part, pins, url)
    if why:
        part.discard()
        raise _FailedError(why)


def _fault(download: Download, part: Part, pins: Pins, url: str) -> str:
    """Return what is wrong with a complete part; pin it if nothing can be."""
    found = sums(part.path)
    for kind in ("sha256", "md5"):
        published = getattr(download, kind)
        if published and published != found[kind]:
            return f"its {kind} is {found[kind]}, not the published {published}"
    if download.bytes and download.bytes != found["bytes"]:
        return f"it has {found['bytes']:,} bytes, not the published {download.bytes:,}"
    return "" if download.checked else pins.hold(part.target, found, url)


def _receive(url: str, download: Download, part: Part, progress: Progress) -> bool:
    """Write to the part what it lacks; return whether it continued an earlier one.

    Raises:
        _FailedError: If that did not work.
    """
    if download.bytes and part.size > download.bytes:
        part.discard()
    if download.checked and part.size and part.size == download.bytes:
        return True
    wanted = part.headers(url, unchanged=download.checked)
    try:
        with _answer(url, wanted) as response:
            given = Range.of(response.status, response.headers, part.size if wanted else 0)
            if given is None:
                raise _FailedError("the server answers with another part than asked for")
            _require_file(response, download, given)
            size = given.total or download.bytes
            progress.note(
                f"downloading {download.file} ({readable_size(size)}) from {url} "
                f"to {part.target.parent}"
            )
            _write(response, part, given, url, progress)
            return given.start > 0
    except HTTPError as error:
        error.close()
        if error.code != 416 or not wanted:
            raise _FailedError(f"HTTP error {error.code} ({error.reason})") from error
        if Range.end(error.headers) == part.size:  # there is nothing beyond what has arrived
            return True
        part.discard()
        return _receive(url, download, part, progress)


def _answer(url: str, wanted: Mapping[str, str]) -> HTTPResponse:
    """Send a request; no other protocol than HTTP is known, redirected to or not."""
    opener = OpenerDirector()
    for kind in (
        ProxyHandler,
        UnknownHandler,
        HTTPHandler,
        HTTPSHandler,
        HTTPDefaultErrorHandler,
        HTTPRedirectHandler,
        HTTPErrorProcessor,
    ):
        opener.add_handler(kind())
    headers = {"User-Agent": "recbench", "Accept-Encoding": "identity", **wanted}
    with _telling():
        response: HTTPResponse = opener.open(
            Request(url, headers=headers),  # noqa: S310 - see above
            timeout=TIMEOUT,
        )
        return response


@contextmanager
def _telling() -> Iterator[None]:
    """Turn a failure of the network into a `_FailedError` that says what it is."""
    try:
        yield
    except HTTPError:
        raise
    except URLError as error:
        raise _FailedError(f"no connection ({error.reason})") from error
    except TimeoutError as error:
        raise _FailedError(f"no answer for {TIMEOUT} seconds") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _FailedError(f"the connection failed ({error})") from error


def _require_file(response: HTTPResponse, download: Download, given: Range) -> None:
    """Raise `_FailedError` if the answer cannot be the file."""
    if response.headers.get_content_type() == "text/html" and not download.file.endswith("html"):
        raise _FailedError("the answer is a web page (of a login, perhaps), not the file")
    if download.bytes and given.total and download.bytes != given.total:
        raise _FailedError(f"it has {given.total:,} bytes, not the published {download.bytes:,}")


def _write(response: HTTPResponse, part: Part, given: Range, url: str, progress: Progress) -> None:
    part.begin(url, response.headers, given.start)
    left = given.total - given.start if given.total else 0
    with (
        part.open(given.start) as sink,
        progress.bar(f"downloading {part.target.name}", left, "bytes") as bar,
    ):
        while True:
            with _telling():
                chunk = response.read1(CHUNK)
            if not chunk:
                break
            if not sink.tell() and PAGE.match(chunk):
                raise _FailedError("the answer is a web page (of a login, perhaps), not the file")
            sink.write(chunk)
            bar.advance(len(chunk))
    if given.total and part.size != given.total:
        raise _FailedError(f"it broke off after {part.size:,} of {given.total:,} bytes")
