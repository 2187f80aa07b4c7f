"""Exports tables as CSV, safe from formula injection, and as JSON Lines.

Rows are read in batches while the file is sent, so that its size costs time but no memory.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.db.models import QuerySet

from cleanlist import characters

# What starts a formula in spreadsheets (OWASP, "CSV Injection"), with full-width forms, also after white space.
_FORMULA = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
_INVISIBLE = re.compile(f"[{characters.INVISIBLE}]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# Text that a spreadsheet reads as a number or a date and then shows as something else: leading zeros, exponents, more
# digits than it shows, parts of dates, words for true and false.
_MONTH = (
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|"
    r"dec(ember)?)\.?"
)
_CHANGED = re.compile(
    r"0\d++|\d{12,}+|\d{1,11}(\.\d{1,20})?e[+-]?\d{1,9}|\d{1,4}[-/]\d{1,2}([-/]\d{1,4})?|\d{1,2}\.\d{1,2}\.\d{2,4}|"
    rf"\d{{1,2}}:\d\d(:\d\d)?|{_MONTH}[ -]?\d{{1,4}}(,? ?\d{{4}})?|\d{{1,2}}[ -]?{_MONTH}([ -]?\d{{2,4}})?|"
    r"true|false",
    re.IGNORECASE,
)
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
BYTE_ORDER_MARK, UTC_SIGN = "\ufeff", " (UTC)"
BATCH = 2000  # rows per query

Row = TypeVar("Row")


class ExportFile(NamedTuple):
    """A file whose lines are read while it is sent; see ``workspaces.downloads``."""

    name: str
    content_type: str
    lines: Iterator[str]


def export_file(stem: str, file_format: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> ExportFile:
    """Return a file of ``rows``, in a format of ``CONTENT_TYPES``. Cells may be times: the format says how."""
    if file_format == "jsonl":
        lines = json_lines(
            {name: _or_empty(name, cell) for name, cell in zip(columns, row, strict=True)} for row in rows
        )
    else:
        lines = csv_lines(columns, rows)
    return ExportFile(f"{stem}.{file_format}", CONTENT_TYPES[file_format], lines)


def in_batches(rows_after: "Callable[[Row | None], QuerySet[Any, Row]]") -> Iterator[Row]:
    """Yield all rows, with a query for each batch; ``rows_after`` returns those after a row, or all for None."""
    last = None
    while batch := list(rows_after(last)[:BATCH]):
        yield from batch
        last = batch[-1]


def in_file_name(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escape_formula(value: object) -> str:
    """Return ``value`` as one line of text that spreadsheets show as it is.

    What they would run as a formula, or change as a number or a date, is prefixed with '. Times are as they read them.
    """
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)
    starts_badly = text[:1] in {"\t", "\r", "\n"} or (_FORMULA.match(text) and not _NUMBER.fullmatch(text))
    is_changed = isinstance(value, str) and _CHANGED.fullmatch(text.strip())
    return ("'" if starts_badly or is_changed else "") + _INVISIBLE.sub(" ", text)


def unescape_formula(text: str) -> str:
    """Return the text of a cell that was written by ``escape_formula``."""
    return text[1:] if text[:1] == "'" and escape_formula(text[1:]) == text else text


class _Line:
    """A file for ``csv.writer`` that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), with all cells quoted and escaped.

    It begins with a byte order mark, without which Excel reads UTF-8 as something else.
    """
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield BYTE_ORDER_MARK + writer.writerow(f"{name}{UTC_SIGN}" if is_time(name) else name for name in header)
    for row in rows:
        yield writer.writerow([escape_formula(cell) for cell in row])


def json_lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Yield one JSON object per line, in ASCII, so that no character acts on a terminal or changes text direction."""
    for row in rows:
        yield json.dumps(row, default=_in_json) + "\n"


def _or_empty(column: str, cell: object) -> object:
    return "" if cell is None and is_time(column) else cell


def is_time(column: str) -> bool:
    """Return whether a column holds times."""
    return column.rpartition("_")[2] in {"at", "time"}


def _in_json(value: object) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else str(value)
