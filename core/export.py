"""Exports tables as CSV, safe from formula injection, and as JSON Lines.

Rows are read in batches while the file is sent, so that its size costs time but no memory.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from django.db.models import QuerySet

from cleanlist import characters

# What starts a formula in spreadsheets (OWASP, "CSV Injection"), with full-width forms, also after white space.
_FORMULA = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
_INVISIBLE = re.compile(f"[{characters.INVISIBLE}]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
BATCH = 2000  # rows per query

Row = TypeVar("Row")


class ExportFile(NamedTuple):
    """A file whose lines are read while it is sent; see ``workspaces.downloads``."""

    name: str
    content_type: str
    lines: Iterator[str]


def export_file(stem: str, file_format: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> ExportFile:
    """Return a file of ``rows``, in a format of ``CONTENT_TYPES``."""
    if file_format == "jsonl":
        lines = json_lines(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        lines = csv_lines(columns, rows)
    return ExportFile(f"{stem}.{file_format}", CONTENT_TYPES[file_format], lines)


def in_batches(rows_after: "Callable[[Row | None], QuerySet[Any, Row]]") -> Iterator[Row]:
    """Yield all rows, with a query for each batch; ``rows_after`` returns those after a row, or all for None."""
    last = None
    while batch := list(rows_after(last)[:BATCH]):
        yield from batch
        last = batch[-1]


def in_utc(time: datetime | None) -> str:
    """Format a time for a cell; None becomes empty."""
    return time.astimezone(UTC).isoformat(timespec="microseconds") if time else ""


def in_file_name(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escape_formula(value: object) -> str:
    """Return ``value`` as one line of text that no spreadsheet runs as a formula, prefixed with ' if necessary."""
    text = "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)
    starts_badly = text[:1] in {"\t", "\r", "\n"} or (_FORMULA.match(text) and not _NUMBER.fullmatch(text))
    return ("'" if starts_badly else "") + _INVISIBLE.sub(" ", text)


class _Line:
    """A file for ``csv.writer`` that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), with all cells quoted and escaped."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([escape_formula(cell) for cell in row])


def json_lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Yield one JSON object per line, in ASCII, so that no character acts on a terminal or changes text direction."""
    for row in rows:
        yield json.dumps(row, default=str) + "\n"
