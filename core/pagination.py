"""Cursor pagination of long tables in order of time. Queries for pages and counts have time limits."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from cleanlist.parsing.timestamps import EARLIEST, LATEST
from core import clock
from core.db.query_timeout import QueryTimeout, time_limit
from core.filters import parse_time
from core.formatting import format_day_heading

PAGE_SIZE = 50
# Higher counts show as "10,000+": nobody reads that far, and counting a busy table takes as long as twenty pages.
MOST_COUNTED = 10_000
ROWS_SECONDS, COUNT_SECONDS = 5.0, 1.0
# The resolution of times in the database.
RESOLUTION = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_GAPS = 20
# No row's, and the largest that a cursor in a URL can have.
LARGEST_PK = 10**18 - 1

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Cursor:
    """A position in a table, newest first: after the row with this time and primary key. Used in URLs."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse the output of ``str``; return None for anything else."""
        found = re.fullmatch(r"(-?[0-9]{1,18})-([0-9]{1,18})", text)
        if found is None:
            return None
        try:
            at = _EPOCH + int(found[1]) * RESOLUTION
        except OverflowError:
            return None
        return cls(at, int(found[2])) if EARLIEST <= at <= LATEST else None

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // RESOLUTION}-{self.pk}"


class PagedRow:
    """Base of a model whose rows are shown in pages, newest first, with what a page notes on each of them."""

    is_new: bool  # set by ``mark_new``
    day_heading: str  # set by ``mark_days``
    gaps_below: list["Gap"]  # set by ``attach_gaps``

    @property
    def cursor(self) -> Cursor:
        """Return the row's place in the order of time."""
        raise NotImplementedError


class TimeOrderedQuerySet(models.QuerySet[Row]):
    """Rows in order of ``time_field``. The model is a ``PagedRow`` too."""

    time_field: ClassVar[str] = "created_at"

    def newest_first(self) -> Self:
        return self.order_by(f"-{self.time_field}", "-pk")

    def oldest_first(self) -> Self:
        return self.order_by(self.time_field, "pk")

    def after(self, cursor: Cursor) -> Self:
        """Return the rows older than ``cursor``, by keyset, which is equally fast anywhere in the table."""
        # The last condition is redundant; it lets the database use the index.
        return self.filter(
            Q((f"{self.time_field}__lt", cursor.at)) | Q((self.time_field, cursor.at), pk__lt=cursor.pk),
            **{f"{self.time_field}__lte": cursor.at},
        )

    def before(self, cursor: Cursor) -> Self:
        """Return the rows newer than ``cursor``. In ``newest_first`` order, those closest to it come last."""
        return self.filter(
            Q((f"{self.time_field}__gt", cursor.at)) | Q((self.time_field, cursor.at), pk__gt=cursor.pk),
            **{f"{self.time_field}__gte": cursor.at},
        )


@dataclass(frozen=True)
class CappedCount:
    """The number of rows; None if counting took too long. If ``is_cut``, there are or may be more."""

    count: int | None
    is_cut: bool = False

    def __str__(self) -> str:
        if self.count is None:
            return "an uncounted number"
        return f"{min(self.count, MOST_COUNTED):,}{'+' if self.is_cut else ''}"

    def as_file(self, bytes_a_row: float) -> str:
        """Return the size of a file with these rows in words: "1,547 rows, about 0.4 MB"."""
        size = bytes_a_row * (self.count or 0)
        words = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} kB"
        return f"{self} rows, {'more than' if self.is_cut else 'about'} {words}"


@dataclass
class Page(Generic[Row]):
    """A page of rows, newest first; ``newer`` and ``older`` are the cursors of the adjacent pages.

    ``next_at`` is the time of the first row of the older page, and ``begins_at`` the upper time limit of this page.
    Each is None if there is no page on that side.
    """

    rows: list[Row] = field(default_factory=list)
    newer: Cursor | None = None
    older: Cursor | None = None
    next_at: datetime | None = None
    begins_at: datetime | None = None
    is_top: bool = True
    problem: str = ""
    cursor_error: str = ""
    last_day: str = ""  # set by ``mark_days``

    @property
    def newest(self) -> Cursor | None:
        """Return the cursor of the first row."""
        return _cursor(self.rows[0]) if self.rows else None


def read_page(
    query: QueryDict, rows: TimeOrderedQuerySet[Row], *, table: str = "log", plural: str = "requests"
) -> Page[Row]:
    """Return the page of ``rows`` that ``older``, ``newer`` or ``at`` in the query string selects.

    ``table`` and ``plural`` name the table and its rows in messages.
    """
    page: Page[Row] = Page()
    older, newer = parse_cursors(page, query, table=table, plural=plural)
    try:
        with time_limit(ROWS_SECONDS):
            _fill(page, rows, older, newer)
    except QueryTimeout:
        page.problem = timeout_message(table)
    return page


def parse_cursors(
    page: Page[Row], query: QueryDict, *, table: str = "log", plural: str = "requests"
) -> tuple[Cursor | None, Cursor | None]:
    """Return the (older, newer) cursors of the query string; sets ``page.cursor_error`` if one is invalid."""
    try:
        older, newer, at = (_requested_cursor(query, name) for name in ("older", "newer", "at"))
    except ValidationError as error:
        page.cursor_error = (
            error.messages[0] or f"This position in the {table} doesn't exist. Showing the newest {plural}."
        )
        return None, None
    page.is_top = not (older or newer or at)
    return older or at, newer


def timeout_message(table: str = "log") -> str:
    return f"Searching the {table} stopped after {ROWS_SECONDS:.0f} seconds."


def _requested_cursor(query: QueryDict, name: str) -> Cursor | None:
    """Parse a cursor. The parameter ``at`` holds a time instead, and selects rows before it. Raises ValidationError."""
    text = query.get(name, "").strip()
    if name == "at":
        return Cursor(parse_time(text), 0) if text else None
    cursor = Cursor.parse(text) if text else None
    if text and cursor is None:
        raise ValidationError("")
    return cursor


def _fill(page: Page[Row], rows: TimeOrderedQuerySet[Row], older: Cursor | None, newer: Cursor | None) -> None:
    """Set the rows and cursors of ``page``. Reads one row more than it shows, to see whether there is another page."""
    if newer is not None:
        found = list(rows.before(newer).oldest_first()[: PAGE_SIZE + 1])
        page.rows = found[:PAGE_SIZE][::-1]
        page.newer = _cursor(page.rows[0]) if len(found) > PAGE_SIZE else None
        page.older = _cursor(page.rows[-1]) if page.rows else None
        page.next_at, page.begins_at = newer.at, page.newer.at if page.newer else None
        if not page.rows:  # nothing newer: show the first page
            page.is_top = True
            _fill(page, rows, None, None)
        return
    found = list((rows.after(older) if older else rows).newest_first()[: PAGE_SIZE + 1])
    page.rows = found[:PAGE_SIZE]
    page.older = _cursor(page.rows[-1]) if len(found) > PAGE_SIZE else None
    page.next_at = _cursor(found[PAGE_SIZE]).at if len(found) > PAGE_SIZE else None
    page.newer = _cursor(page.rows[0]) if older and page.rows else None
    page.begins_at = page.newer.at if page.newer else None


def mark_new(rows: Iterable[PagedRow], seen: str) -> None:
    """Set ``is_new`` on each of ``rows``: whether it is newer than ``seen``, the cursor that the reader saw last."""
    last_seen = Cursor.parse(seen)
    for row in rows:
        row.is_new = last_seen is not None and (row.cursor.at, row.cursor.pk) > (last_seen.at, last_seen.pk)


def day_headings(times: Iterable[datetime]) -> Iterator[str]:
    """Yield for each of ``times``, newest first, the heading of the day that begins with it, or ""."""
    last = None
    for at in times:
        day = timezone.localtime(at).date()
        yield "" if day == last else format_day_heading(at, clock.cached_now())
        last = day


def mark_days(page: Page[Any], above: str = "") -> None:
    """Set ``day_heading`` on each row that begins a day, as a heading; ``above`` is the rows above's ``last_day``."""
    page.last_day = above
    for row in page.rows:
        day = timezone.localtime(row.cursor.at).date().isoformat()
        row.day_heading = "" if day == page.last_day else format_day_heading(row.cursor.at, clock.cached_now())
        page.last_day = day


def row_urls(log_url: str, query: QueryDict) -> dict[str, str]:
    """Return the URL of this page with no row open, the one to append a row's id to, and the id in this one."""
    kept = query.copy()
    for name in ("row", "seen", "shown", "day"):
        kept.pop(name, None)
    text = kept.urlencode()
    return {
        "closed_url": f"{log_url}?{text}" if text else log_url,
        "opening_url": f"{log_url}?{text}&row=" if text else f"{log_url}?row=",
        "asked_row": query.get("row", ""),
    }


def neighbors(rows: TimeOrderedQuerySet[Row], cursor: Cursor) -> tuple[Row | None, Row | None]:
    """Return the rows right before and right after ``cursor`` (newer, older); None for one that takes too long."""
    try:
        with time_limit(ROWS_SECONDS):
            return rows.before(cursor).oldest_first().first(), rows.after(cursor).newest_first().first()
    except QueryTimeout:
        return None, None


class Gap(Protocol):
    """A range of time, between two rows, in which rows may be missing."""

    after: datetime
    before: datetime


class Gaps(Protocol):
    """A queryset of gaps."""

    def between(self, start: datetime | None, end: datetime | None) -> Any:
        """Return the gaps that overlap this range."""


def attach_gaps(page: Page[Any], gaps: Gaps) -> None:
    """Set ``gaps_below`` on each row of ``page``: the ``gaps`` between it and the next row.

    This includes gaps next to rows that a filter hides, because a filter must not hide that data is missing. A gap
    between two pages appears on the newer one.
    """
    rows: list[PagedRow] = page.rows
    if not rows:
        return
    for row in rows:
        row.gaps_below = []
    start = page.next_at or rows[-1].cursor.at - RESOLUTION
    touching: Iterable[Gap] = gaps.between(start, rows[0].cursor.at)[:MOST_GAPS]
    for gap in touching:
        if page.begins_at is None or gap.before <= page.begins_at:
            newer = [row for row in rows if row.cursor.at >= gap.before]
            (newer[-1] if newer else rows[0]).gaps_below.append(gap)


@dataclass(frozen=True)
class RowCounts:
    """The number of rows that match the filters, and of all rows."""

    matching: CappedCount
    held: CappedCount

    @property
    def hidden(self) -> str:
        """Return how many rows the filters hide; empty if that is not known."""
        if self.held.count is None or self.matching.count is None or self.matching.is_cut:
            return ""
        return f"{max(0, self.held.count - self.matching.count):,}{'+' if self.held.is_cut else ''}"


def count_rows(matching: TimeOrderedQuerySet[Row], held: TimeOrderedQuerySet[Row] | None) -> RowCounts:
    """Count up to MOST_COUNTED rows of each within COUNT_SECONDS; pass None for ``held`` if no filter is set."""
    try:
        with time_limit(COUNT_SECONDS):
            found = matching.newest_first()[: MOST_COUNTED + 1].count()
            there = found if held is None else held.newest_first()[: MOST_COUNTED + 1].count()
    except QueryTimeout:
        return RowCounts(CappedCount(None), CappedCount(None))
    return RowCounts(CappedCount(found, found > MOST_COUNTED), CappedCount(there, there > MOST_COUNTED))


def _cursor(row: Any) -> Cursor:
    cursor: Cursor = row.cursor
    return cursor
