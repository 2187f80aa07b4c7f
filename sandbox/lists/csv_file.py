"""Reading the CSV of an import: which rows become leads, and why others do not."""

import base64
import binascii
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fastapi.exceptions import RequestValidationError

from sandbox.bodies import MAX_NAME, MAX_URL
from sandbox.db.column_types import JsonObject
from sandbox.errors import ApiError

from .leads import linkedin_slug

MAX_BYTES = 150 * 1024
MAX_ROWS = 600
SAMPLE = 10
_PERSON = ("first_name", "last_name", "full_name", "email", "phone", "mobile_phone", "work_phone", "linkedin_url")
FIELDS = (*_PERSON, "company_name", "company_domain", "job_title", "city", "state", "country")


@dataclass(slots=True)
class ReadCsv:
    """The contacts of a file, in the form of an enrichment's results, and what was skipped."""

    contacts: list[JsonObject] = field(default_factory=list)
    parsed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    sample: list[int] = field(default_factory=list)

    def skip(self, reason: str, row: int) -> None:
        """Count a skipped row; rows are numbered from the header, which is 1."""
        self.skipped[reason] += 1
        if len(self.sample) < SAMPLE:
            self.sample.append(row)


def read_csv(content_base64: str, mapping: Mapping[str, str]) -> ReadCsv:
    """Read a file. Raises `ApiError`: 413 above 150 KB, 400 for what is no CSV or lacks a column.

    A cell that is too long is a `RequestValidationError`, which becomes a 422.
    """
    rows = _rows(_decode(content_base64))
    columns = _columns(next(rows, []), mapping)
    read = ReadCsv()
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        read.parsed += 1
        given = {name: row[index].strip() for name, index in columns.items() if index < len(row)}
        _check_lengths(given, number)
        reason = _reason_to_skip(given, seen, len(read.contacts))
        if reason is None:
            read.contacts.append(_contact(given))
        else:
            read.skip(reason, number)
    return read


def _decode(content_base64: str) -> str:
    try:
        content = base64.b64decode(content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid("csv_content_base64 is not base64.") from error
    if len(content) > MAX_BYTES:
        problem = f"The CSV has {len(content):,} bytes; {MAX_BYTES:,} are the most."
        raise ApiError(413, "payload_too_large", problem, "Split the file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid("The CSV is not UTF-8.") from error


def _rows(content: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(content, newline=""))
    except csv.Error as error:
        raise _invalid(f"The CSV cannot be read: {error}.") from error


def _columns(header: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    unknown = sorted(set(mapping) - set(FIELDS))
    if unknown:
        raise _invalid(f"column_mapping has unknown fields: {', '.join(unknown[:10])}."[:500])
    names = [name.strip() for name in header]
    missing = [name for name in mapping.values() if name.strip() not in names]
    if missing:
        raise ApiError(
            400,
            "missing_column",
            "The CSV has no column of a name in column_mapping.",
            "Map only columns of the header line.",
            extra={"details": {"missing_columns": missing[:10], "header": [name[:200] for name in names[:50]]}},
        )
    return {canonical: names.index(name.strip()) for canonical, name in mapping.items()}


def _check_lengths(given: Mapping[str, str], number: int) -> None:
    """Refuse a cell that is longer than the other calls let its field be."""
    for name, cell in given.items():
        longest = MAX_URL if name == "linkedin_url" else MAX_NAME
        if len(cell) > longest:
            problem = f"Row {number}: {name} has {len(cell):,} characters; {longest:,} are the most."
            wrong = {"type": "string_too_long", "loc": ("body", "csv_content_base64"), "msg": problem, "input": cell}
            raise RequestValidationError([wrong])


def _reason_to_skip(given: dict[str, str], seen: set[tuple[str, str]], taken: int) -> str | None:
    """Return why a row is no lead; fills in the names from the full one."""
    if not given.get("last_name") and (full := given.get("full_name")):
        first, _, last = full.rpartition(" ")
        given["first_name"], given["last_name"] = given.get("first_name") or first, last
    named = given.get("first_name") and given.get("last_name")
    company = given.get("company_name") or given.get("company_domain")
    if not (given.get("email") or given.get("linkedin_url") or (named and company)):
        return "missing_required"
    keys = [("duplicate_email", given.get("email", "").lower())]
    keys.append(("duplicate_linkedin", linkedin_slug(given.get("linkedin_url", "")) or ""))
    for key in keys:
        if key[1] and key in seen:
            return key[0]
    if taken >= MAX_ROWS:
        return "row_cap_exceeded"
    seen.update(key for key in keys if key[1])
    return None


def _contact(given: Mapping[str, str]) -> JsonObject:
    phones = [given[name] for name in ("mobile_phone", "phone", "work_phone") if given.get(name)]
    place = ", ".join(given[name] for name in ("city", "state", "country") if given.get(name))
    person = {
        "first_name": given.get("first_name"),
        "last_name": given.get("last_name"),
        "full_name": given.get("full_name"),
        "title": given.get("job_title"),
        "linkedin_url": given.get("linkedin_url"),
        "location": place,
    }
    return {
        "primary_email": given.get("email") or None,
        "personal_phone_numbers": phones,
        "prospect": {name: value for name, value in person.items() if value},
        "company": {name: given[f"company_{name}"] for name in ("name", "domain") if given.get(f"company_{name}")},
    }


def _invalid(problem: str) -> ApiError:
    return ApiError(400, "validation_error", problem, "Correct the file and send it again.")
