"""Finds the rows that the filters ask for, by work that does not grow with the log.

What matches rarely is fetched by the index of its values. All else is walked in order of time through a window of so
many rows; where that ends before the page is full, the page says how far it looked, and goes on from there.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from core.pagination import PAGE_SIZE, Cursor
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.estimates import Hint, hints_of
from keys.log.search.filters import LogFilterForm
from keys.log.search.scope import LogScope
from keys.models import LoggedRequest

# Rows looked through for the page itself, and for each part that the page asks for later.
WINDOW, LATER_WINDOW = 2_500, 50_000
# So few are read as a whole and sorted.
MOST_RARE = 1_000
MOST_RARE_VALUES = 100
# Those of a key's log. Across keys, statuses and addresses have one, paths and user agents with the keys' ids.
INDEXED = {"postgresql": {"status_code", "ip_address", "path", "user_agent"}, "sqlite": {"status_code", "ip_address"}}
ACROSS_KEYS = {"status_code", "ip_address"}


@dataclass(frozen=True)
class Search:
    """Filters applied to a log: the ``rows`` asked for, and among which an index is walked to find them."""

    rows: LoggedRequestQuerySet
    walked: LoggedRequestQuerySet
    is_rare: bool = False


@dataclass(frozen=True)
class Found:
    """A page of rows, the time of the one right behind them, and else the place where looking stopped early."""

    rows: list[LoggedRequest]
    next_at: datetime | None = None
    stopped_at: Cursor | None = None

    @property
    def has_more(self) -> bool:
        """Say whether there is a row right behind them."""
        return self.next_at is not None


def search_for(form: LogFilterForm, scope: LogScope, now: datetime, *, with_own: bool = False) -> Search | None:
    """Return how to find what a valid ``form`` asks for; None where noted values say that nothing matches.

    Own calls are among it if the form shows them, or ``with_own``.
    """
    if chosen := form.cleaned_data.get("key"):
        scope = replace(scope, key=chosen)
    with_own = with_own or form.shows_own
    hints = hints_of(form, scope, with_own=with_own)
    rows, walked = form.apply(scope.rows, now), scope.rows.filter(**form.in_time("created_at", now))
    rows = rows if with_own else rows.by_customer()
    for hint in hints:
        if not hint.most or hint.first_at is None or hint.last_at is None:
            return None
        rows, walked = (some.filter(created_at__range=(hint.first_at, hint.last_at)) for some in (rows, walked))
    return _by_index(
        Search(rows, walked), min(filter(_has_index, hints), key=lambda hint: hint.most, default=None), scope
    )


def _has_index(hint: Hint) -> bool:
    indexed = hint.column in INDEXED[connection.vendor]
    return indexed and hint.values is not None and len(hint.values) <= MOST_RARE_VALUES


def _by_index(search: Search, hint: Hint | None, scope: LogScope) -> Search:
    """Use the index of the filter that matches least, where it spares more than it costs."""
    if hint is None or hint.values is None:
        return search
    if hint.column == "ip_address":  # its index begins with the workspace
        workspace = scope.workspace
        search = Search(search.rows.filter(workspace=workspace), search.walked.filter(workspace=workspace))
    if hint.most <= MOST_RARE:
        rows = search.rows if scope.key or hint.column in ACROSS_KEYS else search.rows.filter(key__in=hint.key_ids)
        return Search(rows.with_values(hint.column, hint.values), search.walked, is_rare=True)
    if len(hint.values) == 1 and (scope.key or hint.column in ACROSS_KEYS):
        rows, walked = (some.with_values(hint.column, hint.values) for some in (search.rows, search.walked))
        return Search(rows, walked)
    return search


def find(search: Search | None, place: Cursor | None, *, upward: bool = False, window: int = WINDOW) -> Found:
    """Return the rows that come next after ``place``, None being the top, or ``upward`` those right before it."""
    if search is None:
        return Found([])
    if search.is_rare:
        return _find_rare(search, place, upward=upward)
    rows, walked = (_on_from(some, place, upward=upward) for some in (search.rows, search.walked))
    edge = walked.values_list("created_at", "pk")[window : window + 1].first()
    if edge is not None:
        rows = rows.after(Cursor(*edge)) if upward else rows.before(Cursor(*edge))
    found = list(rows[: PAGE_SIZE + 1])
    if len(found) > PAGE_SIZE or edge is None:
        return Found(found[:PAGE_SIZE], found[PAGE_SIZE].created_at if len(found) > PAGE_SIZE else None)
    # The next window begins with the row at the edge.
    return Found(found, stopped_at=Cursor(edge[0], edge[1] + (-1 if upward else 1)))


def _on_from(rows: LoggedRequestQuerySet, place: Cursor | None, *, upward: bool) -> LoggedRequestQuerySet:
    if place is not None:
        rows = rows.before(place) if upward else rows.after(place)
    return rows.oldest_first() if upward else rows.newest_first()


def _find_rare(search: Search, place: Cursor | None, *, upward: bool) -> Found:
    # Without an order, which would lead the database to walk all rows in it.
    places = sorted(search.rows.order_by().values_list("created_at", "pk"), reverse=not upward)
    if place is not None:
        limit = (place.at, place.pk)
        places = [one for one in places if (one > limit if upward else one < limit)]
    chosen = places[:PAGE_SIZE]
    if not chosen:
        return Found([])
    times = sorted(at for at, _ in chosen)
    rows = LoggedRequest.objects.filter(pk__in=[pk for _, pk in chosen], created_at__range=(times[0], times[-1]))
    next_at = places[PAGE_SIZE][0] if len(places) > PAGE_SIZE else None
    return Found(list(_on_from(rows, None, upward=upward)), next_at)
