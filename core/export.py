"""Exports tables as CSV, safe from formula injection, and as JSON Lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator

from cleanlist import characters

# What starts a formula in spreadsheets (OWASP, "CSV Injection"), with full-width forms, also after white space.
_FORMULA = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
_INVISIBLE = re.compile(f"[{characters.INVISIBLE}]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}


def escape_formula(value: object) -> str:
    """Return ``value`` as one line of text that no spreadsheet runs as a formula, prefixed with ' if necessary."""
    text = "" if value is None else str(value)
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
