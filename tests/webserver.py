"""A web server on this machine, for tests of downloads: it can do all that makes them fail."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server has under one path.

    Attributes:
        content: The file.
        etag: Its tag; empty for a server that gives none.
        status: Anything but 200 is an error, with the content as its text.
        kind: The content type.
        ranges: Whether parts can be asked for.
        breaks_after: Bytes of an answer after which the connection is closed; None for never.
        sized: Whether the answer says how long it is.
        location: Where a redirection leads.
    """

    content: bytes = b""
    etag: str = ""
    status: int = 200
    kind: str = "application/octet-stream"
    ranges: bool = True
    breaks_after: int | None = None
    sized: bool = True
    location: str = ""


@dataclass
class Web:
    """The server.

    Attributes:
        pages: What it has, by path.
        asked: The requests so far: path, and the range asked for or nothing.
    """

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Web:
        web = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
                web.asked.append((self.path, self.headers.get("Range", "")))
                answer(self, web.pages.get(self.path, Page(b"not here", status=404)))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"


def answer(request: BaseHTTPRequestHandler, page: Page) -> None:
    start, size = 0, len(page.content)
    wanted = request.headers.get("Range")
    same = request.headers.get("If-Range", page.etag) == page.etag
    status = page.status
    if wanted and page.ranges and same and status == 200:
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        status = 206 if start < size else 416
    request.send_response(status)
    request.send_header("Content-Type", page.kind)
    if status == 206:
        request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
    if status == 416:
        request.send_header("Content-Range", f"bytes */{size}")
        start = size
    if page.etag:
        request.send_header("ETag", page.etag)
    if page.location:
        request.send_header("Location", page.location)
    if page.sized:
        request.send_header("Content-Length", str(size - start))
    request.end_headers()
    body = page.content[start:]
    request.wfile.write(body if page.breaks_after is None else body[: page.breaks_after])
