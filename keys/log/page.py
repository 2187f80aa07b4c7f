"""One page of the request log: its rows, its neighbours, and what the filters hide."""

from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.utils import timezone

from keys.log.bounded import TooMuchToLookThrough, time_limit
from keys.log.filters import LogFilterForm, parse_moment, parse_place
from keys.models import LoggedRequest
from keys.models.request_log import LoggedRequestQuerySet, Place

PAGE_SIZE = 50
# Beyond it a count is "10,000+": nobody reads on, and counting a busy key takes as long as twenty pages.
MOST_COUNTED = 10_000
ROWS_SECONDS, COUNT_SECONDS = 5.0, 1.0


@dataclass(frozen=True)
class Tally:
    """How many there are; None where counting took too long. ``is_cut``: there are, or may be, more."""

    count: int | None
    is_cut: bool = False

    def __str__(self) -> str:
        if self.count is None:
            return "an uncounted number"
        return f"{min(self.count, MOST_COUNTED):,}{'+' if self.is_cut else ''}"


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


@dataclass
class LogPage:
    """Rows, newest first; ``newer`` and ``older`` are the places to go on from."""

    rows: list[LoggedRequest] = field(default_factory=list)
    newer: Place | None = None
    older: Place | None = None
    is_top: bool = True
    problem: str = ""
    place_error: str = ""

    @property
    def newest(self) -> Place | None:
        """Return the place of the first row."""
        return self.rows[0].place if self.rows else None


def asked_for(form: LogFilterForm, scope: LoggedRequestQuerySet, now: datetime) -> LoggedRequestQuerySet:
    """Return the rows of ``scope`` that a valid ``form`` asks for."""
    rows = form.apply(scope, now)
    return rows if form.shows_own else rows.by_customer()


def read_page(form: LogFilterForm, scope: LoggedRequestQuerySet) -> LogPage:
    """Read the page of ``scope`` that the address asks for; ``form`` is valid."""
    page = LogPage()
    rows = asked_for(form, scope, timezone.now()).select_related("key")
    try:
        older, newer = (parse_place(form.query.get(name, "")) for name in ("older", "newer"))
        at = _jump(form)
    except ValidationError as error:
        page.place_error = error.messages[0]
        older = newer = at = None
    page.is_top = not (older or newer or at)
    try:
        with time_limit(ROWS_SECONDS):
            _fill(page, rows, older or at, newer)
    except TooMuchToLookThrough:
        page.problem = f"Looking through the log was stopped after {ROWS_SECONDS:.0f} seconds."
    return page


def _jump(form: LogFilterForm) -> Place | None:
    """Return the place right before which lies what happened at the time asked for."""
    text = form.query.get("at", "").strip()
    return Place(parse_moment(text), 0) if text else None


def _fill(page: LogPage, rows: LoggedRequestQuerySet, older: Place | None, newer: Place | None) -> None:
    """Read one row more than is shown: it tells whether there is a further page."""
    if newer is not None:
        found = list(rows.before(newer).order_by("created_at", "pk")[: PAGE_SIZE + 1])
        page.rows = found[:PAGE_SIZE][::-1]
        page.newer = page.rows[0].place if len(found) > PAGE_SIZE else None
        page.older = page.rows[-1].place if page.rows else None
        if not page.rows:  # nothing newer: the top
            page.is_top = True
            _fill(page, rows, None, None)
        return
    found = list((rows.after(older) if older else rows).newest_first()[: PAGE_SIZE + 1])
    page.rows = found[:PAGE_SIZE]
    page.older = page.rows[-1].place if len(found) > PAGE_SIZE else None
    page.newer = page.rows[0].place if older and page.rows else None


def count(form: LogFilterForm, scope: LoggedRequestQuerySet) -> Tallies:
    """Count what matches and what is hidden, each in the newest MOST_COUNTED rows and within COUNT_SECONDS."""
    try:
        with time_limit(COUNT_SECONDS):
            found = form.apply(scope, timezone.now()).newest_first()[: MOST_COUNTED + 1]
            tally = found.aggregate(all=Count("pk"), own=Count("pk", filter=Q(is_own_call=True)))
            held = scope.newest_first()[: MOST_COUNTED + 1].count() if form.narrows else tally["all"]
    except TooMuchToLookThrough:
        return Tallies(Tally(None), Tally(None), Tally(None), form.shows_own)
    cut = tally["all"] > MOST_COUNTED
    matching = Tally(tally["all"] - (0 if form.shows_own else tally["own"]), cut)
    return Tallies(Tally(held, held > MOST_COUNTED), matching, Tally(tally["own"], cut), form.shows_own)
