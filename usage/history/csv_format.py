"""Reads and writes a history of the balance as CSV: this console's export, and files from elsewhere."""

import csv
import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from core.export import BYTE_ORDER_MARK, UTC_SIGN, unescape_formula
from usage.changes.types import Mark
from usage.models import MOST_CREDITS

MOST_ROWS = 10_000
MOST_ERRORS = 20
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
TIMES = ("time", "first_read_at", "at", "date")
BALANCES = ("credits", "balance")
EXPORTED = (
    "first_read_at",
    "last_read_at",
    "credits",
    "topped_up",
    "not_read_before_seconds",
    "top_up_low",
    "top_up_high",
    "corrected",
    "returned",
    "certainty",
    "said",
    "said_credits",
    "note",
)


@dataclass(frozen=True)
class HistoryRow:
    """The balance from ``since`` to ``until``; ``mark`` and ``marked`` describe the change before it."""

    since: datetime
    until: datetime
    credits: Decimal
    mark: str = ""
    marked: Decimal | None = None
    note: str = ""


@dataclass
class ParsedHistory:
    """The rows in order of time, and the errors in others, by line."""

    rows: list[HistoryRow] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    more_errors: int = 0

    def complain(self, text: str) -> None:
        """Record an error; beyond the maximum, only count it."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(text)
        else:
            self.more_errors += 1


class InvalidCell(ValueError):
    """A problem with one value, in words."""


def parse_history(text: str, now: datetime) -> ParsedHistory:
    """Parse ``text``. Nothing in it raises an exception; errors are reported by line number.

    Cells may also be separated by semicolons or tabs, as spreadsheets write them; the first line decides.
    """
    found = ParsedHistory()
    text = text.removeprefix(BYTE_ORDER_MARK)
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), strict=True, delimiter=max(",;\t", key=head.count))
    try:
        _read(reader, found, now)
    except csv.Error as error:
        found.complain(f"Line {reader.line_num}: this is not CSV ({error}).")
    if not found.rows and not found.errors:
        found.complain("There is only a first line with the columns, and no reading below it.")
    found.rows.sort(key=lambda row: row.since)
    _check_order(found)
    return found


def _read(reader: "csv.DictReader[str]", found: ParsedHistory, now: datetime) -> None:
    names = [(name or "").strip().removesuffix(UTC_SIGN).strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    if not set(names) & set(TIMES) or not set(names) & set(BALANCES):
        found.complain("The first line must name the columns: at least “time” and “credits”.")
        return
    is_own = set(EXPORTED) <= set(names)
    for number, cells in enumerate(reader):
        if number >= MOST_ROWS:
            found.complain(f"There are more than {MOST_ROWS:,} rows. Send them in several files.")
            return
        try:
            found.rows.append(_behind(_row(cells, now), found.rows[-1] if is_own and found.rows else None))
        except InvalidCell as wrong:
            found.complain(f"Line {reader.line_num}: {wrong}")


def _behind(row: HistoryRow, before: HistoryRow | None) -> HistoryRow:
    """Return ``row`` after the one before it, in the same second of which it was read: exports have no parts of one."""
    if before is None or not timedelta(0) <= before.until - row.since < timedelta(seconds=1):
        return row
    since = before.until + timedelta(milliseconds=1)
    return replace(row, since=since, until=max(row.until, since))


def _row(cells: Mapping[str | None, str | None], now: datetime) -> HistoryRow:
    values = {
        name: unescape_formula((value or "").strip())
        for name, value in cells.items()
        if name and isinstance(value, str | None)
    }
    since = _time(next((values[name] for name in TIMES if values.get(name)), ""), now)
    last = values.get("last_read_at", "")
    until = _time(last, now) if last else since
    if until < since:
        raise InvalidCell("last_read_at lies before the first time.")
    balance = _credits(next((values[name] for name in BALANCES if values.get(name)), ""))
    return HistoryRow(since, until, balance, *_mark(values), values.get("note", "")[:300])


def _mark(values: Mapping[str, str]) -> tuple[str, Decimal | None]:
    """Return the mark of the change: people's marks in an export of this console, otherwise from ``topped_up``."""
    if "said" in values:
        said = values["said"]
        if said and said not in set(Mark):
            raise InvalidCell(f"“{said[:40]}” is none of {', '.join(Mark)}.")
        return said, _credits(values["said_credits"]) if values.get("said_credits") else None
    added = _credits(values["topped_up"]) if values.get("topped_up") else Decimal(0)
    if added < 0:
        raise InvalidCell("topped_up must not be negative.")
    return (Mark.TOP_UP.value, added) if added else ("", None)


def _time(text: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidCell(
            f"“{text[:40]}” is not a time such as 2026-05-03 14:00 or 2026-05-03T14:00:00+02:00."
        ) from None
    if at > now:
        raise InvalidCell(f"{text[:40]} lies in the future.")
    if at < OLDEST:
        raise InvalidCell(f"{text[:40]} lies before the year 2000.")
    return at


def _credits(text: str) -> Decimal:
    try:
        value = Decimal(text.replace("\u2212", "-"))
    except InvalidOperation:
        raise InvalidCell(f"“{text[:40]}” is not a number of credits such as 4820.5.") from None
    if not value.is_finite() or abs(value) >= MOST_CREDITS:
        raise InvalidCell(f"{text[:40]} is not a number that an account can have.")
    return value.quantize(Decimal("0.0001"))


def _check_order(found: ParsedHistory) -> None:
    """Drop duplicate rows, and record an error if one time has two balances."""
    rows: list[HistoryRow] = []
    for row in found.rows:
        if rows and row.since <= rows[-1].until:
            if row.credits != rows[-1].credits:
                found.complain(f"{row.since:%Y-%m-%d %H:%M:%S} UTC has two balances.")
            continue
        rows.append(row)
    found.rows = rows


def usual_spacing(rows: list[HistoryRow]) -> timedelta:
    """Return how far apart the rows usually are."""
    pauses = sorted(later.since - row.until for row, later in itertools.pairwise(rows))
    return pauses[len(pauses) // 2] if pauses else timedelta(0)


def merge_rows(rows: list[HistoryRow], longest: timedelta) -> Iterator[HistoryRow]:
    """Join rows with the same balance that are no further apart than ``longest``."""
    last: HistoryRow | None = None
    for row in rows:
        if last and last.credits == row.credits and not row.mark and row.since - last.until <= longest:
            last = HistoryRow(last.since, row.until, last.credits, last.mark, last.marked, last.note)
            continue
        if last:
            yield last
        last = row
    if last:
        yield last
