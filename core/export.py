"""Tables as files that other programs open: CSV that no spreadsheet takes for formulas, and JSON Lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

# What makes spreadsheets calculate (OWASP, "CSV Injection"), full-width forms among them, also after blanks.
_FORMULA = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
# Control characters, and what turns the direction of the text beside it around.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}


def escape_formula(value: object) -> str:
    """Return ``value`` as text that a spreadsheet shows and does not run: one line, led by ' where it must be."""
    text = "" if value is None else str(value)
    starts_badly = text[:1] in {"\t", "\r", "\n"} or (_FORMULA.match(text) and not _NUMBER.fullmatch(text))
    return ("'" if starts_badly else "") + _INVISIBLE.sub(" ", text)


class _Line:
    """What ``csv.writer`` writes to: hands the line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), every cell quoted and harmless."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([escape_formula(cell) for cell in row])


def json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line, in ASCII: nothing in it can act on a terminal or turn text around."""
    for row in rows:
        yield json.dumps(row, default=str) + "\n"
