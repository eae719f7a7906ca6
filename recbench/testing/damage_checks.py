"""Checks of what a dataset's reader does with raw files that are damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from recbench.errors import DataError
from recbench.testing.dataset_subject import DatasetSubject
from recbench.testing.require import NotApplicable, require

DELIMITERS = ("\t", "::", "|", ";", ",")
FOREIGN = b"<html>\n<body>\nNot found, nothing here\n</body>\n</html>\n"
"""What a server may answer in place of a file."""


def check_missing_file(subject: DatasetSubject) -> None:
    """Without one of its files a dataset is not prepared, and the error names the file."""
    for role, protocol in _roles(subject):
        _require_refused(subject, protocol, role, None, "is missing")


def check_empty_file(subject: DatasetSubject) -> None:
    """A file of no bytes is refused by an error that names it, or the loss is reported."""
    for role, protocol in _roles(subject):
        _require_refused(subject, protocol, role, b"", "is empty")


def check_missing_column(subject: DatasetSubject) -> None:
    """A table without its last column is refused, or the loss is reported."""
    tables = [
        (role, protocol, cut)
        for role, protocol in _roles(subject)
        if (cut := _without_last_column(subject.files[role]))
    ]
    if not tables:
        raise NotApplicable("none of its files is a text with a delimiter")
    for role, protocol, cut in tables:
        _require_refused(subject, protocol, role, cut, "has lost its last column")


def check_foreign_file(subject: DatasetSubject) -> None:
    """A file of something else is refused, or the loss is reported."""
    for role, protocol in _roles(subject):
        _require_refused(subject, protocol, role, FOREIGN, "is a web page")


def _roles(subject: DatasetSubject) -> Iterator[tuple[str, str]]:
    """Yield each file's role, and the first protocol that reads it."""
    card = subject.card
    for role in subject.files:
        reading = [name for name in card.protocols if role in card.files_of(name)]
        require(bool(reading), f"no protocol reads the file {card.files[role]}")
        yield role, reading[0]


def _require_refused(
    subject: DatasetSubject, protocol: str, role: str, data: bytes | None, what: str
) -> None:
    """Require a `DataError` that names the file; or a report, or that no row needs what is lost."""
    name, sound = subject.card.files[role], subject.prepared(protocol).manifest
    try:
        found = subject.prepare(protocol, {role: data}).manifest
    except DataError as error:
        require(name in str(error), f"{name} {what}: the error does not name it: {error}")
    except Exception as error:
        raise AssertionError(
            f"{name} {what}: it raises {type(error).__name__}: {error}; raise a DataError that "
            "names the file, as recbench.data.reading does"
        ) from error
    else:
        said = found.reports != sound.reports or found.fingerprints == sound.fingerprints
        cause = f"{name} {what}, and it is prepared without a word; refuse it or say what is lost"
        require(said and data is not None, cause)


def _without_last_column(data: bytes) -> bytes | None:
    """Return a table's text without the last column; None if it is no such text."""
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        return None
    for delimiter in DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines)
        if len(counts) == 1 and max(counts) > 0:
            cut = (line.rpartition(delimiter)[0] for line in lines)
            return "".join(f"{line}\n" for line in cut).encode()
    return None
