"""Reads lists record by record: malformed records are set aside, the others are kept.

A fully documented list is decoded as a whole, in C. Otherwise each record is parsed on its own: numbers as text, text
as numbers, whole numbers with a decimal point, empty dates and null are accepted. A field that is still invalid counts
as missing, and a record without a required field is left out.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Self, TypeVar

import msgspec

from cleanlist.models import Model
from cleanlist.parsing.timestamps import parse_timestamp

R = TypeVar("R", bound=Model)

_ENVELOPES = ("items", "data", "results")
_EXCERPT_LENGTH = 120
_EXCERPT_TEXT_LENGTH = 4  # of each text: names, email addresses and secrets must not be readable
_PARSE_ERRORS = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class MalformedRecord:
    """A record that could not be fully read: the reason, and an excerpt with shortened texts."""

    reason: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.excerpt}"


class Listing(tuple[R, ...]):  # noqa: SLOT001 - a tuple can have no slots that hold anything
    """The readable records of a list, in order, and the ``malformed`` ones, which may be among them or left out.

    ``total`` counts all records that upstream sent. ``is_complete`` means that none had to be left out.
    """

    malformed: tuple[MalformedRecord, ...]
    total: int

    def __new__(cls, records: Iterable[R], malformed: Iterable[MalformedRecord] = (), total: int | None = None) -> Self:
        """Create a listing; ``total`` is the number of ``records`` unless some had to be left out."""
        listing = super().__new__(cls, records)
        listing.malformed, listing.total = tuple(malformed), len(listing) if total is None else total
        return listing

    @property
    def is_complete(self) -> bool:
        """Whether every record that upstream sent was kept."""
        return len(self) == self.total

    def without(self, problem_of: Callable[[R], str]) -> "Listing[R]":
        """Set aside as malformed the records for which `problem_of` returns a problem instead of ""."""
        problems = [(record, problem_of(record)) for record in self]
        malformed = [
            MalformedRecord(problem, _excerpt(msgspec.to_builtins(record))) for record, problem in problems if problem
        ]
        return Listing(
            (record for record, problem in problems if not problem), (*self.malformed, *malformed), self.total
        )


def list_reader(
    kind: type[R], *names: str, aliases: Mapping[str, Sequence[str]] | None = None
) -> Callable[[bytes], Listing[R]]:
    """Return a reader of a JSON array of ``kind``, or of an object that holds one under one of ``names``.

    ``aliases`` are other names of a field. Raises ``msgspec.MsgspecError`` for anything else.
    """
    decode = msgspec.json.Decoder(tuple[kind, ...]).decode  # type: ignore[valid-type]
    envelopes = (*names, *_ENVELOPES)

    def read(body: bytes) -> Listing[R]:
        if not aliases:  # the decoder would ignore aliases
            with contextlib.suppress(*_PARSE_ERRORS):
                return Listing(decode(body))
        return _read_records(kind, _rows(_document(body), envelopes), aliases or {})

    return read


def record_reader(kind: type[R]) -> Callable[[bytes], R]:
    """Return a reader of one ``kind``, as lenient as for a list. Raises ``msgspec.MsgspecError``."""
    decode = msgspec.json.Decoder(kind).decode

    def read(body: bytes) -> R:
        with contextlib.suppress(*_PARSE_ERRORS):
            return decode(body)
        document = _document(body)
        inner = document.get("data") if isinstance(document, dict) else None
        record, problem = _read_record(kind, inner if isinstance(inner, dict) else document, {})
        if record is None:
            raise msgspec.ValidationError(problem)
        return record

    return read


def _document(body: bytes) -> object:
    """Parse JSON; unlike msgspec, accept numbers too large for a float."""
    try:
        return json.loads(body)
    except _PARSE_ERRORS as error:
        raise msgspec.DecodeError("it is no JSON that can be read") from error


def _rows(document: object, names: Sequence[str]) -> list[object]:
    """Return the array in a response, even in a nested envelope. Raises ``msgspec.ValidationError``."""
    for _ in range(2):
        if not isinstance(document, dict):
            break
        document = next((document[name] for name in names if document.get(name) is not None), None)
    if isinstance(document, list):
        return document
    raise msgspec.ValidationError(f"Expected `array`, or an object that holds one under {', '.join(names)}")


def _read_records(kind: type[R], rows: Sequence[object], aliases: Mapping[str, Sequence[str]]) -> Listing[R]:
    """Return the readable records. Raises ``msgspec.ValidationError`` if there are none: it is another kind of list."""
    read, malformed = [], []
    for row in rows:
        record, reason = _read_record(kind, row, aliases)
        if record is not None:
            read.append(record)
        if reason:
            malformed.append(MalformedRecord(reason, _excerpt(row)))
    if malformed and not read:
        raise msgspec.ValidationError(f"No record can be read; the first: {malformed[0].reason}")
    return Listing(read, malformed, len(rows))


_fields_of = cache(msgspec.structs.fields)  # a quarter of what all calls of a worker take, if it is asked each time


def _read_record(kind: type[R], row: object, aliases: Mapping[str, Sequence[str]]) -> tuple[R | None, str]:
    """Return the record, if it is readable, and its problem, if it has one."""
    if not isinstance(row, dict):
        return None, f"Expected `object`, got `{type(row).__name__}`"
    values: dict[str, object] = {}
    malformed = []
    for field in _fields_of(kind):
        given = next(
            (row[name] for name in (field.name, *aliases.get(field.name, ())) if row.get(name) is not None), ""
        )
        reason = f"{field.name} is missing"
        try:
            if given != "":
                values[field.name] = _convert(given, field, is_timestamp=field.name in kind.timestamps)
                continue
        except _PARSE_ERRORS as error:
            reason = f"{field.name}: {error}"
            malformed.append(reason)
        if field.required:
            return None, reason
    return kind(**values), "; ".join(malformed)


def _convert(given: object, field: msgspec.structs.FieldInfo, *, is_timestamp: bool) -> object:
    """Convert ``given`` to the field's type. Raises one of ``_PARSE_ERRORS`` if that makes no sense."""
    if is_timestamp:
        if (timestamp := parse_timestamp(given)) is None:
            raise ValueError("not a point in time")
        return timestamp
    is_text = field.type in {str, str | None}
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not math.isfinite(given) or field.name.endswith("url"):
            raise ValueError("a number that cannot be true")
        if is_text or field.type is Decimal:
            given = str(given)
    return msgspec.convert(given, field.type, strict=is_text)


def _excerpt(row: object) -> str:
    shortened = (
        {str(name): _shortened(value) for name, value in row.items()} if isinstance(row, dict) else _shortened(row)
    )
    return json.dumps(shortened, ensure_ascii=False)[:_EXCERPT_LENGTH]


def _shortened(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= _EXCERPT_TEXT_LENGTH else f"{value[:_EXCERPT_TEXT_LENGTH]}…"
    return value if value is None or isinstance(value, bool | int | float) else "…"
