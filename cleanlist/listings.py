"""Reads lists record by record: an odd one is set aside, and the others are kept.

A list is decoded as a whole, in C, as long as all of it is as documented. Where it is not, each record is read by
itself: numbers as text, text as numbers, whole numbers with a decimal point, empty dates and null are understood, a
field that still makes no sense reads as left out, and a record without what it cannot do without is unreadable.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeVar

import msgspec

from cleanlist.moments import moment_of
from cleanlist.results import Result

R = TypeVar("R", bound=Result)

_ENVELOPES = ("items", "data", "results")
_BEGINNING = 120  # characters of an odd record that are kept
_SHOWN = 4  # and of each text in it: a name, an address or a secret is not to be read there
_BROKEN = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Odd:
    """A record that could not be read in full: why, and how it begins, with its texts shortened."""

    reason: str
    beginning: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.beginning}"


class Listing(tuple[R, ...]):  # noqa: SLOT001 - a tuple can have no slots that hold anything
    """The records of a list that could be read, in their order, and ``odd`` ones among or beside them.

    ``total`` counts all that upstream sent. ``is_complete`` says that none of them had to be left out.
    """

    odd: tuple[Odd, ...]
    total: int

    def __new__(cls, records: Iterable[R], odd: Iterable[Odd] = (), total: int | None = None) -> Self:
        """Hold ``records``; ``total`` is their number unless some had to be left out."""
        made = super().__new__(cls, records)
        made.odd, made.total = tuple(odd), len(made) if total is None else total
        return made

    @property
    def is_complete(self) -> bool:
        """Whether every record that upstream sent is here."""
        return len(self) == self.total

    def without(self, problem_of: Callable[[R], str]) -> "Listing[R]":
        """Set aside as odd the records in which `problem_of` finds a problem; it returns "" for the others."""
        problems = [(record, problem_of(record)) for record in self]
        odd = [Odd(problem, _beginning_of(msgspec.to_builtins(record))) for record, problem in problems if problem]
        return Listing((record for record, problem in problems if not problem), (*self.odd, *odd), self.total)


def listing_of(
    kind: type[R], *names: str, also: Mapping[str, Sequence[str]] | None = None
) -> Callable[[bytes], Listing[R]]:
    """Return a reader of a JSON array of ``kind``, or of an object that holds one under one of ``names``.

    ``also`` has other names under which a field is looked for. Raises ``msgspec.MsgspecError`` for anything else.
    """
    decode = msgspec.json.Decoder(tuple[kind, ...]).decode  # type: ignore[valid-type]
    envelopes = (*names, *_ENVELOPES)

    def read(body: bytes) -> Listing[R]:
        if not also:  # to the decoder, another name would be a field that it does not know
            with contextlib.suppress(*_BROKEN):
                return Listing(decode(body))
        return _one_by_one(kind, _rows(_document(body), envelopes), also or {})

    return read


def record_of(kind: type[R]) -> Callable[[bytes], R]:
    """Return a reader of one ``kind``, as forgiving as that of a list. Raises ``msgspec.MsgspecError``."""
    decode = msgspec.json.Decoder(kind).decode

    def read(body: bytes) -> R:
        with contextlib.suppress(*_BROKEN):
            return decode(body)
        document = _document(body)
        inner = document.get("data") if isinstance(document, dict) else None
        record, problem = _record(kind, inner if isinstance(inner, dict) else document, {})
        if record is None:
            raise msgspec.ValidationError(problem)
        return record

    return read


def _document(body: bytes) -> Any:
    """Return the JSON; unlike msgspec, with numbers that no computer's word holds."""
    try:
        return json.loads(body)
    except _BROKEN as error:
        raise msgspec.DecodeError("it is no JSON that can be read") from error


def _rows(document: Any, names: Sequence[str]) -> list[Any]:
    """Return the array in an answer, also where one envelope is in another. Raises ``msgspec.ValidationError``."""
    for _ in range(2):
        if not isinstance(document, dict):
            break
        document = next((document[name] for name in names if document.get(name) is not None), None)
    if isinstance(document, list):
        return document
    raise msgspec.ValidationError(f"Expected `array`, or an object that holds one under {', '.join(names)}")


def _one_by_one(kind: type[R], rows: Sequence[Any], also: Mapping[str, Sequence[str]]) -> Listing[R]:
    """Return what can be read. Raises ``msgspec.ValidationError`` where nothing can: that is another list than this."""
    read, odd = [], []
    for row in rows:
        record, reason = _record(kind, row, also)
        if record is not None:
            read.append(record)
        if reason:
            odd.append(Odd(reason, _beginning_of(row)))
    if odd and not read:
        raise msgspec.ValidationError(f"No record can be read; the first: {odd[0].reason}")
    return Listing(read, odd, len(rows))


def _record(kind: type[R], row: Any, also: Mapping[str, Sequence[str]]) -> tuple[R | None, str]:
    """Return the record, if it can be read, and what is odd about it, if anything is."""
    if not isinstance(row, dict):
        return None, f"Expected `object`, got `{type(row).__name__}`"
    told: dict[str, Any] = {}
    odd = []
    for field in msgspec.structs.fields(kind):
        given = next((row[name] for name in (field.name, *also.get(field.name, ())) if row.get(name) is not None), "")
        reason = f"{field.name} is missing"
        try:
            if given != "":
                told[field.name] = _value(given, field, is_moment=field.name in kind.moments)
                continue
        except _BROKEN as error:
            reason = f"{field.name}: {error}"
            odd.append(reason)
        if field.required:
            return None, reason
    return kind(**told), "; ".join(odd)


def _value(given: Any, field: msgspec.structs.FieldInfo, *, is_moment: bool) -> Any:
    """Return ``given`` as the field's type. Raises one of ``_BROKEN`` where it makes no sense as that."""
    if is_moment:
        if (moment := moment_of(given)) is None:
            raise ValueError("not a point in time")
        return moment
    is_text = field.type in {str, str | None}
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not math.isfinite(given) or field.name.endswith("url"):
            raise ValueError("a number that cannot be true")
        if is_text or field.type is Decimal:
            given = str(given)
    return msgspec.convert(given, field.type, strict=is_text)


def _beginning_of(row: Any) -> str:
    shortened = (
        {str(name): _shortened(value) for name, value in row.items()} if isinstance(row, dict) else _shortened(row)
    )
    return json.dumps(shortened, ensure_ascii=False)[:_BEGINNING]


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    return value if value is None or isinstance(value, bool | int | float) else "…"
