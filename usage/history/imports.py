"""Imports a history of the balance, and undoes imports."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from alerts.engine.preview import delete_demo_history, store_demo_history
from core import clock
from usage.changes.rebuild import contiguous_ranges, rebuild_changes
from usage.changes.review import review
from usage.history.csv_format import HistoryRow, merge_rows, usual_spacing
from usage.models import BalanceChange, BalanceImport, BalanceReading, BurnPattern
from usage.readings import longest_pause
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace
from workspaces.polling.registry import BALANCE

# A few hourly values may be missing; beyond this pause, nobody knows what happened in between.
LONGEST_PAUSE = timedelta(hours=2)
# Batches interpreted right after an import; the polls that follow do the rest.
TURNS = 4
BATCH = 500


@dataclass(frozen=True)
class ImportPlan:
    """The effect of an import: ``rows`` are new, ``known`` ones were read or imported before and stay as they are."""

    rows: list[HistoryRow]
    known: int
    longest: timedelta

    @property
    def marked(self) -> int:
        """Return the number of changes that the file has marks for."""
        return sum(1 for row in self.rows if row.mark)


def plan_import(workspace: Workspace, rows: list[HistoryRow]) -> ImportPlan:
    """Return the effect of importing ``rows`` (in order of time), without changing anything, in two queries."""
    poll = workspace.polls.filter(resource=BALANCE).values_list("interval_seconds", flat=True).first()
    longest = max(longest_pause(poll or 60), min(LONGEST_PAUSE, 3 * usual_spacing(rows)))
    readings = BalanceReading.objects.of(workspace).order_by("first_read_at")
    there = list(readings.values_list("first_read_at", "read_at", "gap_seconds", "imported")) if rows else []
    begins = [first for first, *_ in there]
    fresh = [row for row in rows if _is_free(row, there, bisect_right(begins, row.since))]
    return ImportPlan(list(merge_rows(fresh, longest)), len(rows) - len(fresh), longest)


def _is_free(row: HistoryRow, there: Sequence[tuple[datetime, datetime, int, int | None]], place: int) -> bool:
    """Return whether there are no readings of that time: it is before or after all readings, or in a gap."""
    before = there[place - 1] if place else None
    after = there[place] if place < len(there) else None
    # Files have times to the second, so a reading of that second may be the same one.
    if (before and before[1] >= row.since) or (after and after[0].replace(microsecond=0) <= row.until):
        return False
    is_unwatched = before is None or after is None or after[2] > 0
    return is_unwatched or bool(before and before[3]) or bool(after and after[3])


def import_history(
    workspace: Workspace, actor: Actor, rows: list[HistoryRow], name: str, *, is_demo: bool = False
) -> BalanceImport | None:
    """Import and interpret the new ones of ``rows``; None if there are none. Importing a file twice adds nothing."""
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        plan = plan_import(workspace, rows)
        if not plan.rows:
            return None
        done = BalanceImport.objects.create(
            workspace=workspace,
            name=name[:120],
            by=actor.user,
            rows=len(plan.rows),
            first_at=plan.rows[0].since,
            last_at=max(row.until for row in plan.rows),
            is_demo=is_demo,
        )
        _add(workspace, plan.rows, done)
        _relink(workspace, done, plan.longest)
        _mark(plan.rows, done, actor)
        _interpret(workspace, done.first_at)
        if is_demo:
            store_demo_history(workspace, done.first_at, done.last_at)
        _record(Action.BALANCE_IMPORTED, actor, done)
    return done


def undo_import(done: BalanceImport, actor: Actor) -> bool:
    """Remove the readings of an import and what was derived from them; return False if that was done before."""
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=done.workspace_id)
        if BalanceImport.objects.filter(pk=done.pk, undone_at=None).update(undone_at=clock.now()) != 1:
            return False
        runs = _runs(done.workspace, done)
        BalanceReading.objects.filter(imported=done).delete()
        poll = done.workspace.polls.filter(resource=BALANCE).values_list("interval_seconds", flat=True).first()
        for since, until in runs:
            rebuild_changes(done.workspace, since, until, longest_pause(poll or 60))
        _interpret(done.workspace, done.first_at)
        if done.is_demo:
            delete_demo_history(done.workspace)
        _record(Action.BALANCE_IMPORT_UNDONE, actor, done)
    return True


def _add(workspace: Workspace, rows: Sequence[HistoryRow], done: BalanceImport) -> None:
    BalanceReading.objects.bulk_create(
        (
            BalanceReading(
                workspace=workspace, credits=row.credits, first_read_at=row.since, read_at=row.until, imported=done
            )
            for row in rows
        ),
        batch_size=BATCH,
    )


def _runs(workspace: Workspace, done: BalanceImport) -> list[tuple[datetime, datetime]]:
    readings = BalanceReading.objects.of(workspace).order_by("first_read_at")
    mine = list(readings.filter(imported=done).values_list("first_read_at", "read_at"))
    others = readings.exclude(imported=done).filter(first_read_at__range=(done.first_at, done.last_at))
    return contiguous_ranges(mine, list(others.values_list("first_read_at", flat=True)))


def _relink(workspace: Workspace, done: BalanceImport, longest: timedelta) -> None:
    for since, until in _runs(workspace, done):
        rebuild_changes(workspace, since, until, longest)


def _mark(rows: Sequence[HistoryRow], done: BalanceImport, actor: Actor) -> None:
    """Store the file's marks on changes, as if the importing person had made them here."""
    said = {row.since: row for row in rows if row.mark}
    changes = list(BalanceChange.objects.filter(reading__imported=done, until__in=said)) if said else []
    for change in changes:
        row = said[change.until]
        change.mark, change.marked, change.note = row.mark, row.marked, row.note or f"Imported: {done.name}"
        change.marked_by, change.marked_at = actor.user, done.at
    BalanceChange.objects.bulk_update(changes, ["mark", "marked", "note", "marked_by", "marked_at"], batch_size=BATCH)


def _interpret(workspace: Workspace, since: datetime) -> None:
    begin: datetime | None = since
    for _ in range(TURNS):
        if begin is not None:
            begin = review(workspace, begin, clock.now())
    BurnPattern.objects.filter(workspace=workspace).delete()


def _record(action: Action, actor: Actor, done: BalanceImport) -> None:
    record_event(
        action,
        actor,
        workspace=done.workspace,
        subject=(str(done.pk), done.name),
        rows=done.rows,
        first_at=done.first_at.isoformat(),
        last_at=done.last_at.isoformat(),
    )
