"""People's marks on balance changes: stored with the change, audited, and applied at once."""

from decimal import Decimal

from django.db import transaction

from core import clock
from usage.changes.review import LOOKBACK, review
from usage.changes.types import Mark
from usage.models import BalanceChange
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace


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
