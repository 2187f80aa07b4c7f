"""The rules about credits: the balance, how long it lasts, what was spent, and whether it can be read at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from django import forms
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from alerts.kinds import (
    Default,
    Fact,
    Moment,
    Reading,
    Readings,
    RuleKind,
    Unreadable,
    register,
    register_summary,
)
from alerts.models import Rule
from alerts.words import figure, span, with_unit
from usage import burn
from usage.levels import BALANCE_BELOW, PERCENT, is_relative, share_of
from usage.models import BalanceReading
from usage.runway import BEYOND, NOT_FALLING, REACHED, Runway, past_runways, runway
from usage.spending import spending
from workspaces.models import Poll, Workspace

BALANCE = frozenset({"balance"})
# What a balance that does not fall counts as: longer than any threshold that makes sense.
ENDLESS_DAYS = Decimal(3650)
Facts = Callable[[], tuple[Fact, ...]]


def _url(workspace: Workspace) -> str:
    try:
        return reverse("usage:overview", args=[workspace.slug])
    except NoReverseMatch:
        return workspace.get_absolute_url()


def _poll(workspace: Workspace) -> Poll | None:
    return workspace.polls.filter(resource="balance").first()


def _unreadable(poll: Poll | None, latest: BalanceReading | None) -> str:
    """Return why the balance as the mirror has it cannot be trusted, or nothing."""
    if latest is None:
        return "The balance has not been read yet."
    if poll is not None and poll.is_stale:
        reason = poll.paused_reason or poll.last_error or "no reading came in time"
        return f"The balance is out of date: {reason}"
    return ""


def _lasts(runway_: Runway, now: datetime) -> str:
    """Say how long the credits last: "about 2 days", or nothing where that is not known."""
    if runway_.reason in {BEYOND, NOT_FALLING, REACHED} or runway_.median_at is None:
        return ""
    return f"about {span(runway_.median_at - now)}"


def _facts(workspace: Workspace, latest: BalanceReading, ahead: Runway, now: datetime) -> tuple[Fact, ...]:
    spans = (
        ("last hour", timedelta(hours=1)),
        ("last 24 hours", timedelta(days=1)),
        ("last 7 days", timedelta(days=7)),
    )
    spent = burn.spent_since(workspace, [now - length for _, length in spans], now)
    facts = [("Balance", f"{figure(latest.credits)} credits, read {timezone.localtime(latest.read_at):%H:%M:%S %Z}")]
    facts += [
        (f"Spent in the {name}", with_unit(past.credits, "credits"))
        for (name, _), past in zip(spans, spent, strict=True)
    ]
    if ahead.median_at is not None:
        early, late = ahead.early_at, ahead.late_at
        spread = f", 80 % between {_day(early)} and {_day(late)}" if early and late else ""
        facts.append(("Runs out", f"{_lasts(ahead, now) or 'now'}: {_day(ahead.median_at)}{spread}"))
    else:
        facts.append(("Runs out", ahead.reason or "later than a year from now"))
    return tuple(facts)


def _day(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y, %H:%M}"


def _spenders(workspace: Workspace, now: datetime) -> tuple[Fact, ...]:
    """Return who spent most of the last day's credits."""
    estimate = spending(workspace, timedelta(days=1), now)
    named = [share for share in estimate.by_key if share.key is not None and share.credits > 0][:3]
    words = [f"{share.key.label}: {with_unit(share.credits, 'credits')}" for share in named if share.key]
    return (("Top spenders, 24 hours (estimate)", "; ".join(words)),) if words else ()


def _seen(workspace: Workspace, now: datetime) -> tuple[BalanceReading, Runway, Facts] | Unreadable:
    latest = burn.latest(workspace)
    if (problem := _unreadable(_poll(workspace), latest)) or latest is None:
        return Unreadable(problem)
    ahead = runway(workspace, now=now)
    # Burn and spenders cost queries: only where there is an alert to tell of, and then once for all rules.
    return latest, ahead, cache(lambda: (*_facts(workspace, latest, ahead, now), *_spenders(workspace, now)))


# --- balance below --------------------------------------------------------------------------------------------


def read_balance(workspace: Workspace, rules: Sequence[Rule], now: datetime) -> Mapping[int, Readings]:
    """Return the balance, held against credits or against per cent of the last top-up's peak."""
    seen = _seen(workspace, now)
    if isinstance(seen, Unreadable):
        return {rule.pk: seen for rule in rules}
    latest, ahead, facts = seen
    lasts = _lasts(ahead, now)
    headline = with_unit(latest.credits, "credits") + " left" + (f", {lasts}" if lasts else "")
    peak = burn.last_peak(workspace) if any(is_relative(rule) for rule in rules) else None
    return {rule.pk: [_held_against(rule, latest.credits, peak, headline, workspace, facts)] for rule in rules}


def _held_against(  # noqa: PLR0917 - one reading's parts
    rule: Rule, credits_: Decimal, peak: Decimal | None, headline: str, workspace: Workspace, facts: Facts
) -> Reading:
    if not is_relative(rule):
        return Reading(credits_, headline, url=_url(workspace), facts=facts)
    of_peak = (f"{figure(rule.threshold)} % of", f"{figure(peak or 0)} credits, the last top-up's peak")
    return Reading(
        credits_,
        headline,
        url=_url(workspace),
        facts=lambda: (*facts(), of_peak),
        threshold=share_of(rule.threshold, peak),
        recovery=share_of(rule.recovery, peak),
    )


def balance_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[Moment]:
    """Yield every change of the balance."""
    rows = BalanceReading.objects.of(workspace).filter(read_at__gte=since, first_read_at__lte=until)
    peak: Decimal | None = None
    for credits_, at, topped_up in rows.order_by("first_read_at").values_list("credits", "first_read_at", "topped_up"):
        peak = credits_ if peak is None or topped_up else peak
        relative = is_relative(rule)
        threshold = share_of(rule.threshold, peak) if relative else None
        yield Moment(max(at, since), credits_, "", threshold, share_of(rule.recovery, peak) if relative else None)


def describe_balance(rule: Rule) -> str:
    """Say when a rule about the balance fires."""
    if is_relative(rule):
        return f"the balance is below {figure(rule.threshold)} % of what it was after the last top-up"
    return f"the balance is below {with_unit(rule.threshold, 'credits')}"


# --- runway ---------------------------------------------------------------------------------------------------


def read_runway(workspace: Workspace, rules: Sequence[Rule], now: datetime) -> Mapping[int, Readings]:
    """Return how many days the credits last."""
    seen = _seen(workspace, now)
    if isinstance(seen, Unreadable):
        return {rule.pk: seen for rule in rules}
    latest, ahead, facts = seen
    days = _days(ahead, now)
    if days is None:
        return {rule.pk: Unreadable(f"How long the credits last is not known: {ahead.reason}.") for rule in rules}
    lasts = _lasts(ahead, now) or ("none left" if ahead.reason == REACHED else "more than a year")
    headline = f"credits last {lasts}, {figure(latest.credits)} left" if days else "no credits left"
    reading = Reading(days, headline, url=_url(workspace), facts=facts)
    return {rule.pk: [reading] for rule in rules}


def _days(ahead: Runway, now: datetime) -> Decimal | None:
    if ahead.reason == REACHED:
        return Decimal(0)
    if ahead.reason in {BEYOND, NOT_FALLING}:
        return ENDLESS_DAYS
    if ahead.median_at is None:
        return None
    return Decimal(round((ahead.median_at - now) / timedelta(days=1), 2))


def runway_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[Moment]:
    """Yield for how many days the credits lasted, every few hours of the past."""
    for at, ahead in past_runways(workspace, since, until):
        if (days := _days(ahead, at)) is not None:
            yield Moment(at, days)


# --- spent above ----------------------------------------------------------------------------------------------


def read_spent(workspace: Workspace, rules: Sequence[Rule], now: datetime) -> Mapping[int, Readings]:
    """Return what was spent in each rule's last hours."""
    seen = _seen(workspace, now)
    if isinstance(seen, Unreadable):
        return {rule.pk: seen for rule in rules}
    facts = seen[2]
    hours = [_hours(rule) for rule in rules]
    past = burn.spent_since(workspace, [now - timedelta(hours=count) for count in hours], now)
    return {
        rule.pk: [
            Reading(
                spent.credits,
                f"{with_unit(spent.credits, 'credits')} spent in {with_unit(count, 'hours')}",
                url=_url(workspace),
                facts=facts,
            )
        ]
        for rule, count, spent in zip(rules, hours, past, strict=True)
    }


def spent_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[Moment]:
    """Yield what had been spent in the rule's hours, at every change of the balance."""
    length = timedelta(hours=_hours(rule))
    rows = BalanceReading.objects.of(workspace).filter(read_at__gte=since - length, first_read_at__lte=until)
    falls: list[tuple[datetime, Decimal]] = []
    before: Decimal | None = None
    window, begin = Decimal(0), 0
    for credits_, at, topped_up in rows.order_by("first_read_at").values_list("credits", "first_read_at", "topped_up"):
        fallen = Decimal(0) if before is None else before - credits_ + topped_up
        before = credits_
        falls.append((at, fallen))
        window += fallen
        while falls[begin][0] <= at - length:
            window -= falls[begin][1]
            begin += 1
        if at >= since:
            yield Moment(at, max(Decimal(0), window))


def _hours(rule: Rule) -> int:
    return int(rule.parameters.get("hours", 24))


# --- unreadable -----------------------------------------------------------------------------------------------


def read_silence(workspace: Workspace, rules: Sequence[Rule], now: datetime) -> Mapping[int, Readings]:
    """Return for how many minutes the balance could not be read."""
    poll = _poll(workspace)
    if poll is None or workspace.api_key is None:
        return {rule.pk: Unreadable("No API key is stored, so there is no balance to read.") for rule in rules}
    since = poll.last_success_at or workspace.created_at
    minutes = Decimal(max(0, int((now - since).total_seconds() // 60)))
    readable = not poll.consecutive_failures and not poll.paused_reason and not poll.is_stale
    reason = poll.paused_reason or poll.last_error or "no reading came"
    headline = "balance can be read" if readable else f"balance unreadable for {span(now - since)}"
    facts: tuple[Fact, ...] = (("Last read", _day(poll.last_success_at) if poll.last_success_at else "never"),)
    if not readable:
        facts += (("Why", reason),)
    reading = Reading(Decimal(0) if readable else minutes, headline, url=_url(workspace), facts=facts)
    return {rule.pk: [reading] for rule in rules}


def silence_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[Moment]:
    """Yield each gap between readings at its end, with its length in minutes, and the reading after it."""
    rows = BalanceReading.objects.of(workspace).filter(gap_seconds__gt=0, first_read_at__range=(since, until))
    for at, gap in rows.order_by("first_read_at").values_list("first_read_at", "gap_seconds"):
        yield Moment(at - timedelta(seconds=1), Decimal(gap) / 60)
        yield Moment(at, Decimal(0))


# --- registration ---------------------------------------------------------------------------------------------


def _unit_field() -> forms.Field:
    choices = (("credits", "credits"), (PERCENT, "per cent of the last top-up's peak"))
    return forms.ChoiceField(label="Levels are in", choices=choices, initial="credits")


def _hours_field() -> forms.Field:
    return forms.IntegerField(label="Within how many hours", min_value=1, max_value=720, initial=24)


def _level(name: str, severity: str, percent: int, repeat_seconds: int) -> Default:
    return Default(
        name,
        severity,
        Decimal(percent),
        Decimal(percent) * Decimal("1.1"),
        repeat_seconds=repeat_seconds,
        parameters={"unit": PERCENT},
    )


def summarize(workspace: Workspace, since: datetime) -> Sequence[Fact]:
    """Return what a summary says of credits."""
    now = timezone.now()
    seen = _seen(workspace, now)
    if isinstance(seen, Unreadable):
        return [("Credits", seen.reason)]
    added = burn.top_ups(workspace, since)
    return [*seen[2](), *([("Top-ups", ", ".join(figure(top_up.credits) for top_up in added))] if added else [])]


def _describe(text: str, unit: str) -> Callable[[Rule], str]:
    return lambda rule: text.format(with_unit(rule.threshold, unit))


DAY = 86400
register(
    RuleKind(
        name=BALANCE_BELOW,
        label="Balance below",
        explanation="Fires when the credit balance falls below a level, in credits or in per cent of what it was "
        "right after the last top-up. Worse levels must be lower.",
        direction="below",
        unit="credits",
        read=read_balance,
        describe=describe_balance,
        parameters={"unit": _unit_field},
        resources=BALANCE,
        place=10,
        history=balance_history,
        descending=True,
        defaults=(
            _level("Balance getting low", "information", 20, 0),
            _level("Balance low", "warning", 10, DAY),
            _level("Balance almost gone", "critical", 5, DAY // 4),
        ),
    )
)
register(
    RuleKind(
        name="runway_below",
        label="Runway shorter than",
        explanation="Fires when the credits last fewer days than this at the workspace's own hourly and weekly "
        "pattern. Says nothing until there is enough history.",
        direction="below",
        unit="days",
        read=read_runway,
        describe=_describe("the credits last less than {}", "days"),
        resources=BALANCE,
        place=10,
        history=runway_history,
        descending=True,
        defaults=(
            Default(
                "Less than a week left", "warning", Decimal(7), Decimal(8), pending_seconds=600, repeat_seconds=DAY
            ),
            Default("Less than two days left", "critical", Decimal(2), Decimal("2.5"), 600, DAY // 4),
        ),
    )
)
register(
    RuleKind(
        name="spent_above",
        label="Spent more than",
        explanation="Fires when more credits than this were spent within the last hours that you choose.",
        direction="above",
        unit="credits",
        read=read_spent,
        describe=lambda rule: (
            f"more than {with_unit(rule.threshold, 'credits')} were spent in the last "
            f"{with_unit(_hours(rule), 'hours')}"
        ),
        parameters={"hours": _hours_field},
        resources=BALANCE,
        place=10,
        history=spent_history,
    )
)
register(
    RuleKind(
        name="balance_unreadable",
        label="Balance unreadable",
        explanation="Fires when the balance could not be read for longer than this: while that lasts, no other rule "
        "about credits can warn.",
        direction="above",
        unit="minutes",
        read=read_silence,
        describe=_describe("the balance could not be read for more than {}", "minutes"),
        resources=BALANCE,
        place=10,
        history=silence_history,
        defaults=(Default("Balance unreadable", "warning", Decimal(15), Decimal(0), repeat_seconds=DAY),),
    )
)
register_summary(summarize)
