"""Alert rules about credits: the balance, what was spent, and whether it can be read at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django import forms

import usage.forecast.rules  # noqa: F401 - registers its rule
from alerts.engine.rule_kinds import (
    DataPoint,
    DefaultRule,
    Fact,
    NoData,
    Observation,
    Observations,
    RuleKind,
    group_by_workspace,
    register,
    register_summary,
)
from alerts.models import Evaluation, Rule
from core import clock
from core.formatting import DAY, format_duration, format_number, format_quantity, time_marker
from usage import burn
from usage.budgets.rules import summary_facts
from usage.changes.enrichments import MAX_PER_CONTACT
from usage.credit_status import CreditStatus, credit_statuses, credits_by_workspace, usage_url
from usage.models import BalanceReading
from usage.thresholds import BALANCE_BELOW, NONE_LEFT, PERCENT, is_relative, percent_of, threshold_in_credits
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import BALANCE

RESOURCES = frozenset({BALANCE})


def _with_credits(rules: Sequence[Rule], now: datetime) -> Iterator[tuple[CreditStatus, Rule]]:
    """Yield each rule with its workspace's credit status, which rules of one workspace use together."""
    known = credits_by_workspace(rules, now)
    for rule in rules:
        yield known[rule.workspace_id], rule


# --- balance below --------------------------------------------------------------------------------------------


def read_balance(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the balance, compared with credits or with a percentage of the highest since the last large top-up."""
    peaks = burn.peaks_by_workspace([rule.workspace_id for rule in rules if is_relative(rule)], now)
    return {
        rule.pk: NoData(one.problem) if one.problem else [_held_against(rule, one, peaks.get(rule.workspace_id))]
        for one, rule in _with_credits(rules, now)
    }


def _held_against(rule: Rule, one: CreditStatus, peak: Decimal | None) -> Observation:
    """Compare the balance with the rule, including what running enrichments hold, as most of that comes back.

    Levels of about a call's price are the exception: reserved credits pay for no call. An alert ends by the balance
    alone.
    """
    threshold = threshold_in_credits(rule, peak)
    reserved = one.reserved if threshold > MAX_PER_CONTACT else Decimal(0)
    reading = Observation(
        one.balance + reserved,
        lambda: _left(one, reserved),
        url=one.url,
        facts=lambda: one.facts,
        threshold=threshold,
        certain_value=one.balance,
    )
    if not is_relative(rule):
        return reading
    of_peak = (
        f"{format_number(rule.threshold)}% of",
        f"{format_number(peak or 0)} credits, the highest since the last large top-up",
    )
    recovery = percent_of(rule.recovery, peak)
    return replace(reading, facts=lambda: (*one.facts, of_peak), recovery=recovery)


def _left(one: CreditStatus, reserved: Decimal) -> str:
    also = f", {format_number(reserved)} reserved" if reserved else ""
    return format_quantity(one.balance, "credits") + " left" + also + (f", {one.lasts}" if one.lasts else "")


def balance_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield every change of the balance."""
    relative = is_relative(rule)
    for at, credits_, peak in burn.past_peaks(workspace, since, until):
        threshold = threshold_in_credits(rule, peak)
        yield DataPoint(max(at, since), credits_, "", threshold, percent_of(rule.recovery, peak) if relative else None)


def describe_balance(rule: Rule) -> str:
    """Describe when a balance rule fires."""
    if is_relative(rule):
        return f"the balance is below {format_number(rule.threshold)}% of the highest since the last large top-up"
    if rule.threshold <= NONE_LEFT:
        return "no credits are left"
    return f"the balance is below {format_quantity(rule.threshold, 'credits')}"


# --- spent above ----------------------------------------------------------------------------------------------


def read_spent(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the spending in each rule's last hours, with a few queries per workspace with such rules."""
    found: dict[int, Observations] = {}
    known = credits_by_workspace(rules, now)
    for some in group_by_workspace(rules):
        one = known[some[0].workspace_id]
        if one.problem:
            found |= {rule.pk: NoData(one.problem) for rule in some}
            continue
        past = burn.spent_within(one.workspace, [(now - timedelta(hours=_hours(rule)), now) for rule in some])
        found |= {rule.pk: [_spent(one, rule, spent.credits)] for rule, spent in zip(some, past, strict=True)}
    return found


def _spent(one: CreditStatus, rule: Rule, spent: Decimal) -> Observation:
    words = f"{format_quantity(spent, 'credits')} spent in {format_quantity(_hours(rule), 'hours')}"
    return Observation(spent, words, url=one.url, facts=lambda: one.facts)


def spent_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield the spending in the rule's hours, at every change of the balance."""
    length = timedelta(hours=_hours(rule))
    rows = BalanceReading.objects.of(workspace).with_changes()
    rows = rows.filter(read_at__gte=since - length, first_read_at__lte=until).order_by("first_read_at")
    falls: list[tuple[datetime, Decimal]] = []
    before: Decimal | None = None
    window, begin = Decimal(0), 0
    for credits_, at, added in rows.values_list("credits", "first_read_at", "added"):
        fallen = Decimal(0) if before is None else before - credits_ + added
        before = credits_
        falls.append((at, fallen))
        window += fallen
        while falls[begin][0] <= at - length:
            window -= falls[begin][1]
            begin += 1
        if at >= since:
            yield DataPoint(at, max(Decimal(0), window))


def _hours(rule: Rule) -> int:
    return int(rule.parameters.get("hours", 24))


# --- unreadable -----------------------------------------------------------------------------------------------


def read_silence(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return how many minutes the balance could not be read while the console ran, in one query of its own."""
    turns = Evaluation.objects.filter(workspace__in=[rule.workspace_id for rule in rules], resumed_at__isnull=False)
    paused = {turn.workspace_id: turn for turn in turns}
    return {
        rule.pk: _silence(rule.workspace, one.poll, paused.get(rule.workspace_id), now)
        for one, rule in _with_credits(rules, now)
    }


def _silence(workspace: Workspace, poll: Poll | None, turn: Evaluation | None, now: datetime) -> Observations:
    if poll is None or workspace.api_key is None:
        return NoData("No API key is stored, so there is no balance to read.")
    if workspace.paused_at is not None:
        return NoData(workspace.pause)
    last, url = poll.last_success_at, usage_url(workspace)
    silent = now - (last or workspace.created_at)
    facts: tuple[Fact, ...] = (("Last read", time_marker(last) if last else "never"),)
    if turn and turn.paused_from and turn.resumed_at and now - turn.resumed_at < silent:
        # Nothing tried to read the balance before that, so it does not count.
        silent = now - turn.resumed_at
        pause = f"from {time_marker(turn.paused_from)} to {time_marker(turn.resumed_at)}: the console was not running"
        facts = (*facts, ("Not watched", pause))
    if not poll.consecutive_failures and not poll.paused_reason and not poll.is_stale:
        return [Observation(Decimal(0), "balance can be read", url=url, facts=facts)]
    minutes = Decimal(max(0, int(silent.total_seconds() // 60)))
    reason = ("Why", poll.problem or "no reading came")
    return [Observation(minutes, f"balance unreadable for {format_duration(silent)}", url=url, facts=(*facts, reason))]


def silence_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield each gap between readings at its end, with its length in minutes, and the reading after it."""
    rows = BalanceReading.objects.of(workspace).filter(gap_seconds__gt=0, first_read_at__range=(since, until))
    for at, gap in rows.order_by("first_read_at").values_list("first_read_at", "gap_seconds"):
        yield DataPoint(at - timedelta(seconds=1), Decimal(gap) / 60)
        yield DataPoint(at, Decimal(0))


# --- registration ---------------------------------------------------------------------------------------------


def _unit_field() -> forms.Field:
    choices = (("credits", "credits"), (PERCENT, "% of the highest since the last large top-up"))
    return forms.ChoiceField(label="Levels are in", choices=choices, initial="credits")


def _hours_field() -> forms.Field:
    return forms.IntegerField(label="Within how many hours", min_value=1, max_value=720, initial=24)


# A running enrichment holds more credits than it will cost, and returns them within minutes.
SETTLING = 600


def _level(name: str, severity: str, percent: int, repeat_seconds: int) -> DefaultRule:
    return DefaultRule(
        name,
        severity,
        Decimal(percent),
        Decimal(percent) * Decimal("1.1"),
        repeat_seconds=repeat_seconds,
        pending_seconds=SETTLING,
        parameters={"unit": PERCENT},
    )


def summarize(workspace: Workspace, since: datetime) -> Sequence[Fact]:
    """Return the facts about credits for a summary."""
    [one] = credit_statuses([workspace], clock.cached_now())
    if one.problem:
        return [("Credits", one.problem)]
    added = burn.top_ups(workspace, since)
    facts = [*one.facts, *summary_facts(one)]
    return [*facts, *([("Top-ups", ", ".join(format_number(top_up.credits) for top_up in added))] if added else [])]


register(
    RuleKind(
        name=BALANCE_BELOW,
        label="Balance below",
        explanation="Fires when the credit balance falls below a level, in credits or as a percentage of the "
        "highest balance since the last large top-up (90 days at most). At 0 it fires when no credits are left. "
        "Worse levels must be lower. Credits that running enrichments have reserved count as part of the balance "
        "until the alert fires, because most of them are returned. Where the console doesn't know about a "
        "reservation, “Wait before alerting” avoids false alarms.",
        direction="below",
        unit="credits",
        read=read_balance,
        describe=describe_balance,
        parameters={"unit": _unit_field},
        resources=RESOURCES,
        position=10,
        family="credits",
        history=balance_history,
        descending=True,
        defaults=(
            _level("Balance getting low", "information", 20, 0),
            _level("Balance low", "warning", 10, DAY),
            _level("Balance almost gone", "critical", 5, DAY // 4),
            DefaultRule(
                "Less than one call left",
                "critical",
                MAX_PER_CONTACT,
                MAX_PER_CONTACT * 2,
                SETTLING,
                DAY // 4,
                {"unit": "credits"},
            ),
            DefaultRule("No credits left", "critical", Decimal(0), MAX_PER_CONTACT, 0, DAY // 4, {"unit": "credits"}),
        ),
    )
)
register(
    RuleKind(
        name="spent_above",
        label="Spent more than",
        explanation="Fires when more credits than this were spent within a number of hours that you choose.",
        direction="above",
        unit="credits",
        read=read_spent,
        describe=lambda rule: (
            f"more than {format_quantity(rule.threshold, 'credits')} were spent in the last "
            f"{format_quantity(_hours(rule), 'hours')}"
        ),
        parameters={"hours": _hours_field},
        resources=RESOURCES,
        position=12,
        history=spent_history,
    )
)
register(
    RuleKind(
        name="balance_unreadable",
        label="Balance unreadable",
        explanation="Fires when the balance couldn't be synced for longer than this. Until it can be, no other rule "
        "about credits can fire.",
        direction="above",
        unit="minutes",
        read=read_silence,
        describe=lambda rule: (
            f"the balance could not be read for more than {format_quantity(rule.threshold, 'minutes')}"
        ),
        resources=RESOURCES,
        position=13,
        history=silence_history,
        defaults=(DefaultRule("Balance unreadable", "warning", Decimal(15), Decimal(0), repeat_seconds=DAY),),
    )
)
register_summary(summarize)
