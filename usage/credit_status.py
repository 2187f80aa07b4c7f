"""The credit status of many workspaces, in a few queries for all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import NoReverseMatch, reverse

from alerts.engine.rule_kinds import Fact, read_once
from alerts.models import Rule
from core.formatting import format_number, format_quantity, format_time_left, time_marker
from usage.burn import SpentCredits, spent_within
from usage.changes.types import SKEW
from usage.forecast.runway import BEYOND, NOT_FALLING, REACHED, Burn, Runway, burn_of, days_left, forecast, stored_burn
from usage.models import BalanceReading, BurnPattern
from usage.spend.breakdown import SpendShare, spend_breakdown
from usage.spend.enrichments import reservations_by_workspace
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import BALANCE

SPANS = (
    ("last hour", timedelta(hours=1)),
    ("last 24 hours", timedelta(days=1)),
    ("last 7 days", timedelta(days=7)),
)
# The number of spenders that an alert names.
MOST_SPENDERS = 3


@dataclass(frozen=True)
class CreditStatus:
    """One workspace's credits in the mirror as of ``now``; values that cost queries are computed on first access."""

    workspace: Workspace
    now: datetime
    poll: Poll | None
    latest: BalanceReading | None
    learned: Callable[[], Mapping[int, BurnPattern]]
    held: Callable[[], Mapping[int, Sequence[tuple[datetime, Decimal]]]]

    @property
    def problem(self) -> str:
        """Return why the mirrored balance cannot be trusted, or ""."""
        if self.latest is None:
            return "The balance has not been read yet."
        if self.poll is not None and self.poll.is_stale:
            reason = self.poll.problem or "no reading came in time"
            return f"The balance is out of date: {reason}"
        return ""

    @property
    def balance(self) -> Decimal:
        """Return the balance as last read; zero before the first reading."""
        return self.latest.credits if self.latest else Decimal(0)

    @cached_property
    def reserved(self) -> Decimal:
        """Return the known reservations of running enrichments."""
        if self.latest is None:
            return Decimal(0)
        seen = self.latest.read_at - SKEW
        return sum((held for begun, held in self.held().get(self.workspace.pk, ()) if begun <= seen), Decimal(0))

    @cached_property
    def url(self) -> str:
        return usage_url(self.workspace)

    @property
    def is_learned(self) -> bool:
        """Return whether a burn pattern is stored, so that ``burn`` is cheap."""
        return self.workspace.pk in self.learned()

    @cached_property
    def burn(self) -> Burn:
        """Return the stored burn, or learn it now if none is stored."""
        row = self.learned().get(self.workspace.pk)
        return stored_burn(row) if row else burn_of(self.workspace, self.now)

    @cached_property
    def runway(self) -> Runway:
        """Return when the credits run out."""
        return forecast(self.burn, self.balance, [Decimal(0)], self.now)[0]

    @cached_property
    def days(self) -> Decimal | None:
        """Return how many days the credits last; None if unknown."""
        return days_left(self.burn, self.balance, self.now)

    @property
    def unlearned(self) -> str:
        """Return how much history is missing until the burn can be learned, or ""."""
        return "" if self.burn.pattern else self.burn.awaited

    @property
    def lasts(self) -> str:
        """Return how long the credits last: "about 2 days", or "" if unknown."""
        if self.runway.reason in {BEYOND, NOT_FALLING, REACHED} or self.runway.median_at is None:
            return ""
        return f"about {format_time_left(self.runway.median_at, self.now)}"

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """Return what an alert shows in addition to its value: balance, burn, runway, top spenders. Costs queries."""
        return (*self._figures(), *self.spenders)

    def _figures(self) -> list[Fact]:
        spent = spent_within(self.workspace, [(self.now - length, self.now) for _, length in SPANS])
        read_at = f", read {time_marker(self.latest.read_at)}" if self.latest else ""
        facts = [("Balance", f"{format_number(self.balance)} credits{read_at}")]
        if self.reserved:
            facts.append(("Reserved", f"{format_quantity(self.reserved, 'credits')}, by enrichments that run"))
        facts += [
            (f"Spent in the {name}", format_quantity(past.rounded, "credits") + _format_range(past))
            for (name, _), past in zip(SPANS, spent, strict=True)
        ]
        ahead = self.runway
        if self.balance <= 0:
            return [*facts, ("Runs out", "no credits are left")]
        if ahead.median_at is None:
            return [*facts, ("Runs out", ahead.reason or "later than a year from now")]
        return [
            *facts,
            ("Runs out", f"{self.lasts or 'now'}{_format_dates(ahead, self.now)}"),
            *_forecast_remarks(ahead),
        ]

    @cached_property
    def spenders(self) -> tuple[Fact, ...]:
        """Return who spent most of the last day's credits, and the part that no call explains. Costs queries."""
        estimate = spend_breakdown(self.workspace, timedelta(days=1), self.now)
        spent = [share for share in estimate.by_key if share.keys and share.credits > 0]
        words = [f"{share.names}: {_format_share(share)}" for share in spent[:MOST_SPENDERS]]
        if others := sum(share.credits for share in spent[MOST_SPENDERS:]):
            words.append(f"other keys: {format_quantity(others, 'credits')}")
        if estimate.unexplained and estimate.unexplained.high > 0:
            words.append(f"explained by no call: {_format_share(estimate.unexplained)}")
        return (("Top spenders, 24 hours", "; ".join(words)),) if words else ()


def _format_range(past: SpentCredits) -> str:
    return f" (estimate; {format_number(past.low)} to {format_number(past.high)})" if past.is_range else ""


def _format_share(share: SpendShare) -> str:
    """Format a figure with its range, or only the range if that is wider than the figure."""
    if share.high - share.low > share.credits:
        return f"between {share.low:,} and {share.high:,} credits"
    return format_quantity(share.credits, "credits") + (
        f" (estimate; {share.low:,} to {share.high:,})" if share.is_range else ""
    )


def _format_dates(ahead: Runway, now: datetime) -> str:
    """Format the dates of a forecast; a rough one has none."""
    early, late = ahead.early_at, ahead.late_at
    if ahead.is_rough:
        return f", roughly; {format_time_left(early, now)} at the least" if early else ", roughly"
    likely = f": {time_marker(ahead.median_at)}" if ahead.median_at else ""
    return likely + (f", 80% between {time_marker(early)} and {time_marker(late)}" if early and late else "")


def _forecast_remarks(ahead: Runway) -> list[Fact]:
    words = "; ".join(words for words in (ahead.caveat, ahead.basis) if words)
    return [("About the forecast", words[0].upper() + words[1:])] if words else []


def credit_statuses(workspaces: Iterable[Workspace], now: datetime) -> list[CreditStatus]:
    """Return each workspace's credits in two queries, plus one each for burns and reservations."""
    known = {workspace.pk: workspace for workspace in workspaces}
    polls = balance_polls(known.values())
    latest = _first_per_workspace(BalanceReading.objects.order_by("-read_at"), known)
    learned = cache(lambda: {row.workspace_id: row for row in BurnPattern.objects.filter(workspace__in=known)})
    held = cache(lambda: reservations_by_workspace(known, now))
    return [CreditStatus(one, now, polls.get(pk), latest.get(pk), learned, held) for pk, one in known.items()]


def credits_by_workspace(rules: Iterable[Rule], now: datetime) -> Mapping[int, CreditStatus]:
    """Return the credits of the workspaces of ``rules``, which rules of one evaluation use together."""
    return _credits_by_workspace(frozenset(rule.workspace for rule in rules), now)


@read_once
def _credits_by_workspace(workspaces: frozenset[Workspace], now: datetime) -> Mapping[int, CreditStatus]:
    return {one.workspace.pk: one for one in credit_statuses(workspaces, now)}


def balance_polls(workspaces: Iterable[Workspace]) -> dict[int, Poll]:
    rows = Poll.objects.filter(workspace__in=list(workspaces), resource=BALANCE).order_by("-pk")
    return {poll.workspace_id: poll for poll in rows}


def _first_per_workspace(
    rows: "QuerySet[BalanceReading]", workspaces: Mapping[int, Workspace]
) -> dict[int, BalanceReading]:
    """Return the first of ``rows`` for each workspace, by an index, however long the history is."""
    if not workspaces:
        return {}
    first = Subquery(rows.filter(workspace=OuterRef("pk")).values("pk")[:1])
    ids = Workspace.objects.filter(pk__in=workspaces).annotate(reading=first).values("reading")
    return {row.workspace_id: row for row in BalanceReading.objects.filter(pk__in=ids)}


def usage_url(workspace: Workspace) -> str:
    try:
        return reverse("usage:overview", args=[workspace.slug])
    except NoReverseMatch:
        return workspace.get_absolute_url()
