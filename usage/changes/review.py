"""Keeps the interpretation of the balance up to date with new changes, late evidence, people's marks and a new model.

Readings never change. A change is interpreted from them and all other evidence; the result is stored beside them, and
the hours are adjusted by the difference to the previous result. So repeating it changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import compress

from django.db import transaction
from django.db.models import F

from core import clock
from core.db.batches import update_many
from core.db.rollups import hour_of
from usage.changes.enrichments import enrichment_credits
from usage.changes.evidence import collect_evidence, log_read_until, stored_interpretation
from usage.changes.fall_rate import AROUND, RECENT
from usage.changes.interpretation import CENT, interpret
from usage.changes.types import SKEW, ZERO, Certainty, Interpretation, Mark
from usage.models import UNCERTAIN, BalanceChange, BalanceHour, BurnPattern
from webhooks.models import Workflow
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace

# Context read before the interpreted changes, at least enough to know the usual fall rate.
LOOKBACK = timedelta(hours=2)
# Rows per batch: limits the memory and time of one poll.
MAX_ROWS = 2000
# A call is logged a little after the reading that shows it; doubtful changes are reviewed again for this long.
WAIT = timedelta(minutes=5)
DOUBT = timedelta(hours=1)
# Rises of up to this age are reinterpreted when a later top-up has the same size.
MEMORY = timedelta(days=7)
# Older readings are thinned to one per hour (``usage.readings``), so their changes are not reinterpreted.
KEPT_WHOLE = timedelta(days=35)
_RESULT_FIELDS = ("topped_up", "top_up_low", "top_up_high", "corrected", "returned", "certainty", "why", "is_settled")


@dataclass(frozen=True)
class _Amounts:
    """The amounts that a change contributes to its hour."""

    topped_up: Decimal
    spent: Decimal
    returned: Decimal

    @classmethod
    def of(cls, row: BalanceChange) -> "_Amounts":
        return cls(row.topped_up, row.spent, row.returned)


def review_unsettled(workspace: Workspace, now: datetime, *, rose: bool) -> None:
    """Interpret unsettled changes: at once if the balance ``rose``, otherwise when the log should have caught up."""
    begin = BalanceChange.objects.of(workspace).unread().values_list("until", flat=True).first()
    if begin is not None and (rose or begin <= now - WAIT):
        review(workspace, begin, now, keeps_settled=True)


def review(
    workspace: Workspace, begin: datetime, now: datetime, until: datetime | None = None, *, keeps_settled: bool = False
) -> datetime | None:
    """Interpret the changes from ``begin`` to ``until`` (the end by default), at most MAX_ROWS of them.

    With ``keeps_settled``, settled changes keep their interpretation. Returns where to continue, or None at the end.

    The caller has locked the workspace's row, so that nobody else does the same.
    """
    rows = list(_window(workspace, begin, until or now))
    first = next((place for place, row in enumerate(rows) if row.until >= begin), len(rows))
    if first == len(rows):
        return None
    asked = [place >= first and not (keeps_settled and row.is_settled) for place, row in enumerate(rows)]
    found = interpret(collect_evidence(workspace, rows, asked))
    log_until = log_read_until(workspace)
    changed: dict[datetime, list[tuple[BalanceChange, _Amounts]]] = defaultdict(list)
    touched = []
    for row, one in compress(zip(rows, found, strict=True), asked):
        before, was = _Amounts.of(row), (stored_interpretation(row), row.is_settled)
        _store_interpretation(row, one, is_settled=_is_settled(row, one, log_until, now))
        if (stored_interpretation(row), row.is_settled) != was:
            touched.append(row)
        if _Amounts.of(row) != before:
            changed[hour_of(row.until)].append((row, before))
    update_many(touched, _RESULT_FIELDS)
    _adjust_hours(workspace, changed)
    for row in touched:
        _invalidate_similar_rises(row, row.until if keeps_settled else rows[first].until)
    if any(hour < hour_of(now) for hour in changed):
        BurnPattern.objects.filter(workspace=workspace).delete()  # learned from hours that have changed
    return rows[-1].until + timedelta(microseconds=1) if len(rows) >= MAX_ROWS else None


def _invalidate_similar_rises(row: BalanceChange, before: datetime) -> None:
    """Invalidate earlier rises that may have the size of a top-up not known then."""
    if row.topped_up > 0 and (row.certainty != Certainty.UNCERTAIN or "same" in row.why):
        earlier = BalanceChange.objects.of(row.workspace).filter(until__gt=before - MEMORY, until__lt=before)
        alike = earlier.filter(UNCERTAIN, topped_up=0, top_up_low__lte=row.topped_up, top_up_high__gte=row.topped_up)
        alike.update(is_settled=False)


def _window(workspace: Workspace, begin: datetime, until: datetime) -> Iterable[BalanceChange]:
    """Return the changes of a range and some before them, oldest first."""
    rows = BalanceChange.objects.of(workspace)
    earlier = rows.filter(until__lt=begin, until__gte=begin - RECENT).order_by("-until")[: MAX_ROWS // 2]
    before = [row for place, row in enumerate(earlier) if place < AROUND or row.until >= begin - LOOKBACK][::-1]
    yield from before
    yield from rows.filter(until__range=(begin, until)).order_by("until")[: MAX_ROWS - len(before)]


def _store_interpretation(row: BalanceChange, one: Interpretation, *, is_settled: bool) -> None:
    row.topped_up, row.top_up_low, row.top_up_high = (
        value.quantize(CENT) for value in (one.topped_up, one.low, one.high)
    )
    row.corrected, row.returned = one.corrected.quantize(CENT), one.returned.quantize(CENT)
    row.certainty, row.why, row.is_settled = one.certainty, list(one.why), is_settled


def _is_settled(row: BalanceChange, one: Interpretation, log_until: datetime | None, now: datetime) -> bool:
    """Return whether no new evidence is expected soon: the log is read beyond it, and no doubt is left."""
    if row.until <= now - DOUBT:
        return True
    if log_until is None:
        return one.certainty is not Certainty.UNCERTAIN
    return log_until >= row.until + SKEW


def _adjust_hours(workspace: Workspace, changed: dict[datetime, list[tuple[BalanceChange, _Amounts]]]) -> None:
    for hour, rows in changed.items():
        more: dict[str, Decimal] = defaultdict(Decimal)
        for row, before in rows:
            now = _Amounts.of(row)
            more["topped_up"] += now.topped_up - before.topped_up
            more["spent_in_gap" if row.is_gap else "spent"] += now.spent - before.spent
            more["returned"] += ZERO if row.is_gap else now.returned - before.returned
        BalanceHour.objects.filter(workspace=workspace, hour=hour).update(
            **{name: F(name) + amount for name, amount in more.items()}
        )


def reread(workspace: Workspace, since: datetime, now: datetime) -> int:
    """Reinterpret everything from ``since`` on; return the number of changes. Uses bounded memory for any length."""
    begin: datetime | None = max(since, now - KEPT_WHOLE)
    count = BalanceChange.objects.of(workspace).filter(until__gte=begin).count()
    while begin is not None:
        with transaction.atomic():
            Workspace.objects.select_for_update().get(pk=workspace.pk)
            begin = review(workspace, begin, now)
    return count


def invalidate_for_workflow(workflow: Workflow) -> None:
    """Invalidate the changes during ``workflow``, as its end and cost are known now."""
    work = enrichment_credits(workflow)
    if work.ended_at is None or work.charged is None:
        return
    begun_at = max(work.begun_at or work.ended_at, work.ended_at - KEPT_WHOLE)
    rows = BalanceChange.objects.filter(workspace=workflow.workspace_id, since__lte=work.ended_at + SKEW)
    # Bounds of ``until`` in addition to ``since`` allow the use of the index.
    latest = work.ended_at + timedelta(days=1)
    rows.filter(until__range=(begun_at - SKEW, latest)).update(is_settled=False)


# People's marks: stored with the change, audited, and applied at once.
def mark_change(
    change: BalanceChange, actor: Actor, kind: Mark, *, marked: Decimal | None = None, note: str = ""
) -> None:
    """Mark ``change`` as ``kind`` with ``marked`` credits; None derives the amount from the readings."""
    with transaction.atomic():
        _store_mark(change, mark=kind, marked=marked, note=note, marked_by=actor.user, marked_at=clock.now())
        credits_ = None if marked is None else f"{marked.normalize():f}"
        subject = _subject(change)
        record_event(
            Action.BALANCE_MARKED,
            actor,
            workspace=change.workspace,
            subject=subject,
            message=note,
            said=kind.value,
            credits=credits_,
        )


def unmark_change(change: BalanceChange, actor: Actor) -> bool:
    """Remove the mark of ``change``; return False if it has none any more."""
    said, note = change.mark, change.note
    if not said:
        return False
    with transaction.atomic():
        _store_mark(change, mark="", marked=None, note="", marked_by=None, marked_at=None)
        subject = _subject(change)
        workspace = change.workspace
        record_event(Action.BALANCE_UNMARKED, actor, workspace=workspace, subject=subject, message=note, said=said)
    return True


def _store_mark(change: BalanceChange, **facts: object) -> None:
    """Store ``facts`` and reinterpret only the change and the hours after it, so that the work is bounded."""
    Workspace.objects.select_for_update().get(pk=change.workspace_id)
    BalanceChange.objects.filter(pk=change.pk).update(**facts)
    review(change.workspace, change.until, clock.now(), until=change.until + LOOKBACK)
    change.refresh_from_db()


def _subject(change: BalanceChange) -> tuple[str, str]:
    return str(change.pk), f"{change.delta.normalize():+f} credits, {change.until.isoformat(timespec='seconds')}"
