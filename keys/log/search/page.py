"""Reads one page of the request log: its rows, the cursors of its neighbours, and how many rows match."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from core import clock, pagination
from core.db.query_timeout import QueryTimeout, time_limit
from core.pagination import LARGEST_PK, PAGE_SIZE, CappedCount, Cursor, Page
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.query_plan import QueryPlan, plan_query
from keys.models import ApiKey, LoggedRequest

# Rows examined for the page itself, and for each part that the page requests later.
WINDOW, LATER_WINDOW = 2_500, 50_000
# Rows of one value examined first, because most of them match.
FIRST_WINDOW = 150


@dataclass(frozen=True)
class FoundRows:
    """A page of rows, with the time of the row after them, or the cursor at which the search stopped early."""

    rows: list[LoggedRequest]
    next_at: datetime | None = None
    stopped_at: Cursor | None = None

    @property
    def has_more(self) -> bool:
        return self.next_at is not None


@dataclass(frozen=True)
class MatchCounts:
    """The counts in the page's first line: all rows, matching rows, and the console's own calls among those."""

    held: CappedCount
    matching: CappedCount
    own: CappedCount
    shows_own: bool

    @property
    def hidden(self) -> str:
        """Return how many rows the filters hide, not counting own calls; "" if unknown."""
        held, found = self.held.count, self.matching.count
        if held is None or found is None or self.matching.is_cut:
            return ""
        aside = 0 if self.shows_own else (self.own.count or 0)
        return f"{max(0, held - found - aside):,}{'+' if self.held.is_cut else ''}"


@dataclass
class LogPage(Page[LoggedRequest]):
    """A page that may not be full yet: ``further`` is the cursor at which the search stopped."""

    further: Cursor | None = None
    holds_own_only: bool = False


def read_page(form: LogFilterForm, scope: LogScope) -> LogPage:
    """Read the page of ``scope`` that the query string selects; ``form`` is valid."""
    page = LogPage()
    older, newer = pagination.parse_cursors(page, form.query)
    try:
        with time_limit(pagination.ROWS_SECONDS):
            _fill_page(page, plan_query(form, scope, clock.cached_now()), older, newer)
            _attach_keys(page.rows, form, scope)
            if not (page.rows or page.further or form.narrows or form.shows_own):
                page.holds_own_only = scope.rows.exists()
    except QueryTimeout:
        page.problem = pagination.timeout_message()
    return page


def shown_above(form: LogFilterForm) -> int:
    """Return how many rows the page already shows, according to the query string."""
    text = form.query.get("shown", "")
    return int(text) if re.fullmatch("[0-9]{1,2}", text) else 0


def read_next_part(form: LogFilterForm, scope: LogScope) -> LogPage:
    """Continue the search where the page stopped (``older`` in the query string), until the page is full."""
    page = LogPage(is_top=False)
    cursor, room = Cursor.parse(form.query.get("older", "")), max(1, pagination.PAGE_SIZE - shown_above(form))
    try:
        with time_limit(pagination.ROWS_SECONDS):
            found = find_rows(plan_query(form, scope, clock.cached_now()), cursor, window=LATER_WINDOW)
            _attach_keys(found.rows, form, scope)
    except QueryTimeout:
        page.problem = pagination.timeout_message()
        return page
    page.rows, page.begins_at = found.rows[:room], cursor.at if cursor else None
    if len(found.rows) > room:
        page.next_at = found.rows[room].created_at
    else:
        page.next_at = found.stopped_at.at if found.stopped_at else found.next_at
    if len(page.rows) < room:
        page.further = found.stopped_at
    elif found.has_more or found.stopped_at or len(found.rows) > room:
        page.older = page.rows[-1].cursor
    return page


def annotate(page: LogPage, form: LogFilterForm, scope: LogScope, seen: str = "") -> None:
    """Mark rows newer than the cursor ``seen``, begin each day with a heading, and attach the gaps between rows."""
    pagination.mark_days(page, form.query.get("day", ""))
    pagination.mark_new(page.rows, seen)
    pagination.attach_gaps(page, scope.narrowed_to(form.cleaned_data.get("key")).gaps.select_related("key"))


def neighbor_rows(
    form: LogFilterForm, scope: LogScope, cursor: Cursor
) -> tuple[LoggedRequest | None, LoggedRequest | None]:
    """Return the matching rows right before and right after ``cursor``: the newer and the older one.

    None where there is none, or none within LATER_WINDOW rows, or finding it takes too long.
    """
    plan = plan_query(form, scope, clock.cached_now())
    try:
        with time_limit(pagination.ROWS_SECONDS):
            newer = find_rows(plan, cursor, upward=True, window=LATER_WINDOW).rows
            older = find_rows(plan, cursor, window=LATER_WINDOW).rows
    except QueryTimeout:
        return None, None
    return (newer[0] if newer else None), (older[0] if older else None)


def _attach_keys(rows: list[LoggedRequest], form: LogFilterForm, scope: LogScope) -> None:
    """Set the key of each row, from those already loaded or by one query."""
    keys = {key.pk: key for key in ([scope.key] if scope.key else form.keys.values())}
    if missing := {row.key_id for row in rows} - keys.keys():
        keys |= ApiKey.objects.in_bulk(missing)
    for row in rows:
        row.key = keys[row.key_id]


def _fill_page(page: LogPage, plan: QueryPlan | None, older: Cursor | None, newer: Cursor | None) -> None:
    if newer is not None:
        found = find_rows(plan, newer, upward=True)
        while found.stopped_at and not found.rows:
            found = find_rows(plan, found.stopped_at, upward=True, window=LATER_WINDOW)
        page.rows = found.rows[::-1]
        page.newer = found.stopped_at or (page.rows[0].cursor if found.has_more else None)
        page.older = page.rows[-1].cursor if page.rows else None
        page.next_at, page.begins_at = newer.at, page.newer.at if page.newer else None
        if page.rows:
            return
        page.is_top = True  # nothing newer
    found = find_rows(plan, older)
    page.rows, page.further = found.rows, found.stopped_at
    page.older = page.rows[-1].cursor if found.has_more else None
    page.next_at = page.further.at if page.further else found.next_at
    page.newer = page.rows[0].cursor if older and page.rows else None
    page.begins_at = page.newer.at if page.newer else None


def count_matches(form: LogFilterForm, scope: LogScope) -> MatchCounts:
    """Count matching and hidden rows, each among the newest MOST_COUNTED rows and within COUNT_SECONDS."""
    try:
        with time_limit(pagination.COUNT_SECONDS):
            most = pagination.MOST_COUNTED
            plan = plan_query(form, scope, clock.cached_now(), with_own=True, wanted=most)
            rows = plan.rows.newest_first() if plan else scope.rows.none()
            found = rows[: most + 1]
            counts = found.aggregate(all=Count("pk"), own=Count("pk", filter=Q(is_own_call=True)))
            held = scope.rows.in_time_order()[: most + 1].count() if form.narrows else counts["all"]
    except QueryTimeout:
        return MatchCounts(CappedCount(None), CappedCount(None), CappedCount(None), form.shows_own)
    cut = counts["all"] > pagination.MOST_COUNTED
    matching = CappedCount(counts["all"] - (0 if form.shows_own else counts["own"]), cut)
    return MatchCounts(
        CappedCount(held, held > pagination.MOST_COUNTED), matching, CappedCount(counts["own"], cut), form.shows_own
    )


def find_rows(
    plan: QueryPlan | None, cursor: Cursor | None, *, upward: bool = False, window: int = WINDOW
) -> FoundRows:
    """Return the rows after ``cursor`` (None: the top), or with ``upward`` those right before it.

    A search in order of time examines at most ``window`` rows. If the page is not full by then, the result holds the
    cursor at which it stopped, and the next call continues there.
    """
    if plan is None:
        return FoundRows([])
    if plan.is_rare:
        return _find_rare(plan, cursor, upward=upward)
    if plan.is_of_value:
        found = _find_within(plan, cursor, upward, min(FIRST_WINDOW, window))
        if found.has_more or not found.stopped_at:
            return found
    return _find_within(plan, cursor, upward, window)


def _find_within(plan: QueryPlan, cursor: Cursor | None, upward: bool, window: int) -> FoundRows:
    rows, edge = _next_rows(plan.rows, cursor, upward=upward), _edge(plan.scanned, cursor, upward, window)
    if edge is not None:
        rows = rows.filter(**{"created_at__lt" if upward else "created_at__gt": edge})
    found = list(rows[: PAGE_SIZE + 1])
    if len(found) > PAGE_SIZE or edge is None:
        return FoundRows(found[:PAGE_SIZE], found[PAGE_SIZE].created_at if len(found) > PAGE_SIZE else None)
    # The next window begins with the rows at the edge of this one.
    return FoundRows(found, stopped_at=Cursor(edge, 0 if upward else LARGEST_PK))


def _edge(scanned: LoggedRequestQuerySet, cursor: Cursor | None, upward: bool, window: int) -> datetime | None:
    """Return the time after the next ``window`` rows; None if there are fewer. An index knows it without the rows."""
    if cursor is not None:
        scanned = scanned.between(cursor.at, None) if upward else scanned.between(None, cursor.at)
        scanned = scanned.exclude(created_at=cursor.at)
    times = scanned.in_time_order(upward=upward).values_list("created_at", flat=True)
    return times[window : window + 1].first()


def _next_rows(rows: LoggedRequestQuerySet, cursor: Cursor | None, *, upward: bool) -> LoggedRequestQuerySet:
    if cursor is not None:
        rows = rows.before(cursor) if upward else rows.after(cursor)
    return rows.oldest_first() if upward else rows.newest_first()


def _find_rare(plan: QueryPlan, cursor: Cursor | None, *, upward: bool) -> FoundRows:
    # Unordered: with an ORDER BY the database would walk all rows in that order.
    positions = sorted(plan.rows.order_by().values_list("created_at", "pk"), reverse=not upward)
    if cursor is not None:
        limit = (cursor.at, cursor.pk)
        positions = [one for one in positions if (one > limit if upward else one < limit)]
    chosen = positions[:PAGE_SIZE]
    if not chosen:
        return FoundRows([])
    times = sorted(at for at, _ in chosen)
    rows = LoggedRequest.objects.filter(pk__in=[pk for _, pk in chosen], created_at__range=(times[0], times[-1]))
    next_at = positions[PAGE_SIZE][0] if len(positions) > PAGE_SIZE else None
    return FoundRows(list(_next_rows(rows, None, upward=upward)), next_at)
