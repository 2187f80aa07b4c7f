"""Long tables in order of time, page by page: by keyset, with counts and reading that give up in time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.http import QueryDict

from cleanlist.parsing.timestamps import EARLIEST, LATEST
from core.db.query_timeout import QueryTimeout, time_limit
from core.filters import parse_moment

PAGE_SIZE = 50
# Beyond it a count is "10,000+": nobody reads on, and counting a busy table takes as long as twenty pages.
MOST_COUNTED = 10_000
ROWS_SECONDS, COUNT_SECONDS = 5.0, 1.0
# Of times, as the database keeps them.
RESOLUTION = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_GAPS = 20

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Cursor:
    """A place in a table, newest first: after the row of this time and id. Written into addresses."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what ``str`` wrote; None for anything else."""
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


class NewestFirst(models.QuerySet[Row]):
    """Rows in order of a time; ``time_field`` is its column, and each row has its ``place``."""

    time_field: ClassVar[str] = "created_at"

    def newest_first(self) -> Self:
        """Order by time, the newest on top."""
        return self.order_by(f"-{self.time_field}", "-pk")

    def oldest_first(self) -> Self:
        """Order by time the other way round."""
        return self.order_by(self.time_field, "pk")

    def after(self, place: Cursor) -> Self:
        """Keep what comes after ``place``, newest first: a page by keyset, as quick far down as on top."""
        # The first condition says nothing new; it is what the index is searched with.
        return self.filter(
            Q((f"{self.time_field}__lt", place.at)) | Q((self.time_field, place.at), pk__lt=place.pk),
            **{f"{self.time_field}__lte": place.at},
        )

    def before(self, place: Cursor) -> Self:
        """Keep what comes before ``place``, newest first; the nearest are the last."""
        return self.filter(
            Q((f"{self.time_field}__gt", place.at)) | Q((self.time_field, place.at), pk__gt=place.pk),
            **{f"{self.time_field}__gte": place.at},
        )


@dataclass(frozen=True)
class Tally:
    """How many there are; None where counting took too long. ``is_cut``: there are, or may be, more."""

    count: int | None
    is_cut: bool = False

    def __str__(self) -> str:
        if self.count is None:
            return "an uncounted number"
        return f"{min(self.count, MOST_COUNTED):,}{'+' if self.is_cut else ''}"

    def as_file(self, bytes_a_row: float) -> str:
        """Say how large a file of so many rows is: "1,547 rows, about 0.4 MB"."""
        size = bytes_a_row * (self.count or 0)
        words = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} kB"
        return f"{self} rows, {'more than' if self.is_cut else 'about'} {words}"


@dataclass
class Page(Generic[Row]):
    """Rows, newest first; ``newer`` and ``older`` are the places to go on from.

    ``next_at`` is the time of the first row of the older page, ``begins_at`` the time from which on this page shows
    what there is; None where there is no other page.
    """

    rows: list[Row] = field(default_factory=list)
    newer: Cursor | None = None
    older: Cursor | None = None
    next_at: datetime | None = None
    begins_at: datetime | None = None
    is_top: bool = True
    problem: str = ""
    place_error: str = ""

    @property
    def newest(self) -> Cursor | None:
        """Return the place of the first row."""
        return _place(self.rows[0]) if self.rows else None


def read_page(query: QueryDict, rows: NewestFirst[Row], *, table: str = "log", plural: str = "requests") -> Page[Row]:
    """Read the page of ``rows`` that ``older``, ``newer`` or ``at`` in the address asks for.

    ``table`` and ``plural`` are what a person calls it and its rows.
    """
    page: Page[Row] = Page()
    older, newer = locate(page, query, table=table, plural=plural)
    try:
        with time_limit(ROWS_SECONDS):
            _fill(page, rows, older, newer)
    except QueryTimeout:
        page.problem = took_too_long(table)
    return page


def locate(
    page: Page[Any], query: QueryDict, *, table: str = "log", plural: str = "requests"
) -> tuple[Cursor | None, Cursor | None]:
    """Return the places that the address asks for what is older and what is newer than; the ``page`` says if wrong."""
    try:
        older, newer, at = (_asked_for(query, name) for name in ("older", "newer", "at"))
    except ValidationError as error:
        page.place_error = (
            error.messages[0] or f"This place in the {table} does not exist. You see the newest {plural}."
        )
        return None, None
    page.is_top = not (older or newer or at)
    return older or at, newer


def took_too_long(table: str = "log") -> str:
    """Return what to say of reading that was given up."""
    return f"Looking through the {table} was stopped after {ROWS_SECONDS:.0f} seconds."


def _asked_for(query: QueryDict, name: str) -> Cursor | None:
    """Return a place; ``at`` is the one right before which lies what happened at that time. Raises ValidationError."""
    text = query.get(name, "").strip()
    if name == "at":
        return Cursor(parse_moment(text), 0) if text else None
    place = Cursor.parse(text) if text else None
    if text and place is None:
        raise ValidationError("")
    return place


def _fill(page: Page[Row], rows: NewestFirst[Row], older: Cursor | None, newer: Cursor | None) -> None:
    """Read one row more than is shown: it tells whether there is a further page."""
    if newer is not None:
        found = list(rows.before(newer).oldest_first()[: PAGE_SIZE + 1])
        page.rows = found[:PAGE_SIZE][::-1]
        page.newer = _place(page.rows[0]) if len(found) > PAGE_SIZE else None
        page.older = _place(page.rows[-1]) if page.rows else None
        page.next_at, page.begins_at = newer.at, page.newer.at if page.newer else None
        if not page.rows:  # nothing newer: the top
            page.is_top = True
            _fill(page, rows, None, None)
        return
    found = list((rows.after(older) if older else rows).newest_first()[: PAGE_SIZE + 1])
    page.rows = found[:PAGE_SIZE]
    page.older = _place(page.rows[-1]) if len(found) > PAGE_SIZE else None
    page.next_at = _place(found[PAGE_SIZE]).at if len(found) > PAGE_SIZE else None
    page.newer = _place(page.rows[0]) if older and page.rows else None
    page.begins_at = page.newer.at if page.newer else None


def mark_new(rows: list[Row], seen: str) -> None:
    """Note on each of ``rows`` as ``is_new`` whether it came after the place that the reader saw last."""
    place = Cursor.parse(seen)
    for row in rows:
        at = _place(row)
        row.is_new = place is not None and (at.at, at.pk) > (place.at, place.pk)  # type: ignore[attr-defined]


class Gap(Protocol):
    """A stretch of a table of which rows may be missing, between two that are there."""

    after: datetime
    before: datetime


class Gaps(Protocol):
    """Gaps, as a queryset of them is one."""

    def between(self, start: datetime | None, end: datetime | None) -> Any:
        """Keep the gaps that touch this time."""


def place_gaps(page: Page[Row], gaps: Gaps) -> None:
    """Note on each row of ``page`` as ``gaps_below`` the ``gaps`` that begin right before it.

    Also where a filter hides the rows beside a gap: a filter must not hide that something is missing. A gap between two
    pages is told on the newer one.
    """
    rows = page.rows
    if not rows:
        return
    for row in rows:
        row.gaps_below = []  # type: ignore[attr-defined]
    start = page.next_at or _place(rows[-1]).at - RESOLUTION
    touching: Iterable[Gap] = gaps.between(start, _place(rows[0]).at)[:MOST_GAPS]
    for gap in touching:
        if page.begins_at is None or gap.before <= page.begins_at:
            newer = [row for row in rows if _place(row).at >= gap.before]
            (newer[-1] if newer else rows[0]).gaps_below.append(gap)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Counts:
    """How many rows match, and of how many that are held at all."""

    matching: Tally
    held: Tally

    @property
    def hidden(self) -> str:
        """Return how many the filters hide; "" where that was not counted."""
        if self.held.count is None or self.matching.count is None or self.matching.is_cut:
            return ""
        return f"{max(0, self.held.count - self.matching.count):,}{'+' if self.held.is_cut else ''}"


def count(matching: NewestFirst[Row], held: NewestFirst[Row] | None) -> Counts:
    """Count what matches, each in the newest MOST_COUNTED rows and within COUNT_SECONDS; ``held`` if filters narrow."""
    try:
        with time_limit(COUNT_SECONDS):
            found = matching.newest_first()[: MOST_COUNTED + 1].count()
            there = found if held is None else held.newest_first()[: MOST_COUNTED + 1].count()
    except QueryTimeout:
        return Counts(Tally(None), Tally(None))
    return Counts(Tally(found, found > MOST_COUNTED), Tally(there, there > MOST_COUNTED))


def _place(row: Any) -> Cursor:
    place: Cursor = row.place
    return place
