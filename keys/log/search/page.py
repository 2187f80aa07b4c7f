"""One page of the request log: its rows, its neighbours, and what the filters hide."""

import re
from dataclasses import dataclass

from django.db.models import Count, Q

from core import clock, pagination
from core.db.query_timeout import QueryTimeout, time_limit
from core.pagination import CappedCount, Cursor, Page
from keys.log.search.filters import LogFilterForm
from keys.log.search.query_plan import LATER_WINDOW, Search, find, search_for
from keys.log.search.scope import LogScope
from keys.models import ApiKey, LoggedRequest


@dataclass(frozen=True)
class Tallies:
    """What the page's first line says: how many match, what is left out, by filters and as own calls."""

    held: CappedCount
    matching: CappedCount
    own: CappedCount
    shows_own: bool

    @property
    def hidden(self) -> str:
        """Return how many the filters hide, own calls aside; "" where that was not counted."""
        held, found = self.held.count, self.matching.count
        if held is None or found is None or self.matching.is_cut:
            return ""
        aside = 0 if self.shows_own else (self.own.count or 0)
        return f"{max(0, held - found - aside):,}{'+' if self.held.is_cut else ''}"


@dataclass
class LogPage(Page[LoggedRequest]):
    """A page that may not be full: ``further`` is where looking stopped."""

    further: Cursor | None = None
    holds_own_only: bool = False


def read_page(form: LogFilterForm, scope: LogScope) -> LogPage:
    """Read the page of ``scope`` that the address asks for; ``form`` is valid."""
    page = LogPage()
    older, newer = pagination.parse_cursors(page, form.query)
    try:
        with time_limit(pagination.ROWS_SECONDS):
            _fill(page, search_for(form, scope, clock.cached_now()), older, newer)
            _give_keys(page.rows, form, scope)
            if not (page.rows or page.further or form.narrows or form.shows_own):
                page.holds_own_only = scope.rows.exists()
    except QueryTimeout:
        page.problem = pagination.timeout_message()
    return page


def shown_above(form: LogFilterForm) -> int:
    """Return how many rows the page has shown before it goes on looking further, as the address says."""
    text = form.query.get("shown", "")
    return int(text) if re.fullmatch("[0-9]{1,2}", text) else 0


def read_further(form: LogFilterForm, scope: LogScope) -> LogPage:
    """Go on where the page stopped looking (``older`` in the address), for what its ``shown`` rows leave to fill."""
    page = LogPage(is_top=False)
    place, room = Cursor.parse(form.query.get("older", "")), max(1, pagination.PAGE_SIZE - shown_above(form))
    try:
        with time_limit(pagination.ROWS_SECONDS):
            found = find(search_for(form, scope, clock.cached_now()), place, window=LATER_WINDOW)
            _give_keys(found.rows, form, scope)
    except QueryTimeout:
        page.problem = pagination.timeout_message()
        return page
    page.rows, page.begins_at = found.rows[:room], place.at if place else None
    if len(found.rows) > room:
        page.next_at = found.rows[room].created_at
    else:
        page.next_at = found.stopped_at.at if found.stopped_at else found.next_at
    if len(page.rows) < room:
        page.further = found.stopped_at
    elif found.has_more or found.stopped_at or len(found.rows) > room:
        page.older = page.rows[-1].cursor
    return page


def _give_keys(rows: list[LoggedRequest], form: LogFilterForm, scope: LogScope) -> None:
    """Set the key of each row: one of those that are there already, or read together."""
    keys = {key.pk: key for key in ([scope.key] if scope.key else form.keys.values())}
    if missing := {row.key_id for row in rows} - keys.keys():
        keys |= ApiKey.objects.in_bulk(missing)
    for row in rows:
        row.key = keys[row.key_id]


def _fill(page: LogPage, search: Search | None, older: Cursor | None, newer: Cursor | None) -> None:
    if newer is not None:
        found = find(search, newer, upward=True)
        while found.stopped_at and not found.rows:
            found = find(search, found.stopped_at, upward=True, window=LATER_WINDOW)
        page.rows = found.rows[::-1]
        page.newer = found.stopped_at or (page.rows[0].cursor if found.has_more else None)
        page.older = page.rows[-1].cursor if page.rows else None
        page.next_at, page.begins_at = newer.at, page.newer.at if page.newer else None
        if page.rows:
            return
        page.is_top = True  # nothing newer
    found = find(search, older)
    page.rows, page.further = found.rows, found.stopped_at
    page.older = page.rows[-1].cursor if found.has_more else None
    page.next_at = page.further.at if page.further else found.next_at
    page.newer = page.rows[0].cursor if older and page.rows else None
    page.begins_at = page.newer.at if page.newer else None


def count(form: LogFilterForm, scope: LogScope) -> Tallies:
    """Count what matches and what is hidden, each in the newest paging.MOST_COUNTED rows and within COUNT_SECONDS."""
    try:
        with time_limit(pagination.COUNT_SECONDS):
            search = search_for(form, scope, clock.cached_now(), with_own=True)
            rows = search.rows.newest_first() if search else scope.rows.none()
            found = rows[: pagination.MOST_COUNTED + 1]
            tally = found.aggregate(all=Count("pk"), own=Count("pk", filter=Q(is_own_call=True)))
            held = scope.rows.newest_first()[: pagination.MOST_COUNTED + 1].count() if form.narrows else tally["all"]
    except QueryTimeout:
        return Tallies(CappedCount(None), CappedCount(None), CappedCount(None), form.shows_own)
    cut = tally["all"] > pagination.MOST_COUNTED
    matching = CappedCount(tally["all"] - (0 if form.shows_own else tally["own"]), cut)
    return Tallies(
        CappedCount(held, held > pagination.MOST_COUNTED), matching, CappedCount(tally["own"], cut), form.shows_own
    )
