"""One page of the request log: its rows, its neighbours, and what the filters hide."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.utils import timezone

from keys.log.filters import LogFilterForm
from keys.models import LoggedRequest
from keys.models.request_log import LoggedRequestQuerySet
from workspaces import paging
from workspaces.bounded import TooMuchToLookThrough, time_limit
from workspaces.paging import Page, Tally

LogPage = Page[LoggedRequest]


@dataclass(frozen=True)
class Tallies:
    """What the page's first line says: how many match, what is left out, by filters and as own calls."""

    held: Tally
    matching: Tally
    own: Tally
    shows_own: bool

    @property
    def hidden(self) -> str:
        """Return how many the filters hide, own calls aside; "" where that was not counted."""
        held, found = self.held.count, self.matching.count
        if held is None or found is None or self.matching.is_cut:
            return ""
        aside = 0 if self.shows_own else (self.own.count or 0)
        return f"{max(0, held - found - aside):,}{'+' if self.held.is_cut else ''}"


def asked_for(form: LogFilterForm, scope: LoggedRequestQuerySet, now: datetime) -> LoggedRequestQuerySet:
    """Return the rows of ``scope`` that a valid ``form`` asks for."""
    rows = form.apply(scope, now)
    return rows if form.shows_own else rows.by_customer()


def read_page(form: LogFilterForm, scope: LoggedRequestQuerySet) -> LogPage:
    """Read the page of ``scope`` that the address asks for; ``form`` is valid."""
    return paging.read_page(form.query, asked_for(form, scope, timezone.now()).select_related("key"))


def count(form: LogFilterForm, scope: LoggedRequestQuerySet) -> Tallies:
    """Count what matches and what is hidden, as far as ``workspaces.paging`` lets one count."""
    try:
        with time_limit(paging.COUNT_SECONDS):
            found = form.apply(scope, timezone.now()).newest_first()[: paging.MOST_COUNTED + 1]
            tally = found.aggregate(all=Count("pk"), own=Count("pk", filter=Q(is_own_call=True)))
            held = scope.newest_first()[: paging.MOST_COUNTED + 1].count() if form.narrows else tally["all"]
    except TooMuchToLookThrough:
        return Tallies(Tally(None), Tally(None), Tally(None), form.shows_own)
    cut = tally["all"] > paging.MOST_COUNTED
    matching = Tally(tally["all"] - (0 if form.shows_own else tally["own"]), cut)
    return Tallies(Tally(held, held > paging.MOST_COUNTED), matching, Tally(tally["own"], cut), form.shows_own)
