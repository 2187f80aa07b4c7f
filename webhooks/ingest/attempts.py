"""Ingests a page of delivery attempts into the mirror: attempts, deliveries, workflows and rollups.

Ingesting the same page twice, or pages in another order, leaves the same rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Coalesce

from cleanlist import DeliveryAttempt
from webhooks.ingest import endpoint_rollups
from webhooks.ingest.delivery_status import GRACE_PERIOD, DeliveryStatus, derive_status, fail
from webhooks.ingest.normalize import host_of, normalize_attempt, stored_url
from webhooks.models import Attempt, Delivery, DeliveryState, Workflow, WorkflowSource
from webhooks.retention import retention_cutoff
from workspaces.models import Workspace

# Rows a statement, for pages of any size.
_BATCH = 2000
_STATUS_FIELDS = list(DeliveryStatus.__dataclass_fields__)
_LAST = ("last_status_code", "last_error", "last_duration_ms")
# Identifies a delivery: workflow and URL.
Key = tuple[str, str]


@dataclass(frozen=True)
class AttemptIngestResult:
    """The result of ingesting a page, with the times of its oldest and newest attempt."""

    rows: int = 0
    fresh: int = 0
    known: int = 0
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    workflows: frozenset[str] = frozenset()
    # Workflows whose first attempts are not on the page any more and were never ingested.
    begun_before: frozenset[str] = frozenset()


def ingest_page(
    workspace: Workspace, rows: Iterable[DeliveryAttempt], read_at: datetime, *, workflow_id: str = ""
) -> AttemptIngestResult:
    """Add new attempts, under the workspace's lock. ``workflow_id`` is the one that upstream was asked for, if any.

    ``rows`` belong to workflows (``webhooks.ingest.normalize.find_problem``).
    """
    with transaction.atomic(savepoint=False):
        Workspace.objects.lock(workspace.pk)
        page = _normalize_page(workspace, rows, read_at, workflow_id)
        undecided = _stored(workspace, page)
        fresh = {name: found for name, found in page.items() if name not in undecided}
        decided = _decided(workspace, {name: page[name][1] for name, is_open in undecided.items() if is_open})
        if fresh or decided:
            _write(workspace, fresh, decided, read_at)
        _fail_overdue(workspace, read_at)
    return _summarize(page, fresh, read_at)


def _normalize_page(
    workspace: Workspace, rows: Iterable[DeliveryAttempt], read_at: datetime, asked_for: str
) -> dict[str, tuple[Key, Attempt]]:
    """Return the page's attempts by upstream id, each with the key of its delivery."""
    oldest = retention_cutoff(read_at)
    page: dict[str, tuple[Key, Attempt]] = {}
    for raw in rows:
        workflow_id = raw.workflow_id or asked_for
        attempt = normalize_attempt(raw, workflow_id, read_at)
        attempt.workspace = workspace
        there = page.get(attempt.upstream_id)
        if attempt.at >= oldest and (there is None or _completes(there[1], attempt)):
            page[attempt.upstream_id] = (workflow_id, stored_url(raw.target)), attempt
    return page


def _stored(workspace: Workspace, ids: Iterable[str]) -> dict[str, bool]:
    """Return those of ``ids`` that are stored, and whether each was still running then."""
    rows = Attempt.objects.filter(workspace=workspace, upstream_id__in=list(ids))
    found = rows.values_list("upstream_id", "acknowledged", "reason")
    return {upstream_id: not acknowledged and not reason for upstream_id, acknowledged, reason in found}


def _decided(workspace: Workspace, running: Mapping[str, Attempt]) -> list[tuple[Attempt, Attempt]]:
    """Return the stored attempts whose outcome is known now, each with the one of the page."""
    ended = {name: attempt for name, attempt in running.items() if not _is_undecided(attempt)}
    if not ended:
        return []
    rows = Attempt.objects.filter(workspace=workspace, upstream_id__in=list(ended)).select_related("delivery")
    return [(known, ended[known.upstream_id]) for known in rows]


def _completes(known: Attempt, attempt: Attempt) -> bool:
    """Return whether ``attempt`` holds the outcome of a stored one that was still running."""
    return _is_undecided(known) and not _is_undecided(attempt)


def _is_undecided(attempt: Attempt) -> bool:
    return not attempt.acknowledged and not attempt.reason


def _write(
    workspace: Workspace,
    fresh: Mapping[str, tuple[Key, Attempt]],
    decided: Sequence[tuple[Attempt, Attempt]],
    read_at: datetime,
) -> None:
    """Write new attempts, and the deliveries whose status they change."""
    _complete_attempts(decided)
    added: dict[Key, list[Attempt]] = defaultdict(list)
    for key, attempt in fresh.values():
        added[key].append(attempt)
    deliveries = _deliveries(workspace, added, [known.delivery for known, _ in decided], read_at)
    attempts = _by_delivery(workspace, deliveries.values())
    runs = {attempt.pk: attempt.run for ones in attempts.values() for attempt in ones}
    for key, delivery in deliveries.items():
        _update_status(delivery, [*attempts.get(delivery.pk, ()), *added.get(key, ())], read_at)
    _store_deliveries(deliveries.values())
    for key, ones in added.items():
        for attempt in ones:
            attempt.delivery = deliveries[key]
    Attempt.objects.bulk_create([attempt for _, attempt in fresh.values()], batch_size=_BATCH)
    _store_runs([attempt for ones in attempts.values() for attempt in ones if attempt.run != runs[attempt.pk]])
    endpoint_rollups.record_endpoints(workspace, deliveries.values())
    new = [attempt for _, attempt in fresh.values() if not _is_undecided(attempt)]
    endpoint_rollups.add_attempts(workspace, [*new, *(known for known, _ in decided)])


def _complete_attempts(decided: Sequence[tuple[Attempt, Attempt]]) -> None:
    """Complete attempts that had not ended when they were stored."""
    names = ["status", "acknowledged", "reason", "status_code", "error", "duration_ms", "next_at"]
    for known, attempt in decided:
        for name in names:
            setattr(known, name, getattr(attempt, name))
    if decided:
        Attempt.objects.bulk_update([known for known, _ in decided], names, batch_size=_BATCH)


def _deliveries(
    workspace: Workspace, added: Mapping[Key, Sequence[Attempt]], changed: Sequence[Delivery], read_at: datetime
) -> dict[Key, Delivery]:
    """Return the deliveries that a page touches, stored ones and new ones, by workflow and URL."""
    workflows = _workflows(workspace, {workflow_id for workflow_id, _ in added}, read_at)
    there = Delivery.objects.of(workspace).filter(workflow__in=workflows.values()).select_related("workflow")
    found = {(one.workflow.workflow_id, one.url): one for one in there}
    touched = {key: found.get(key) or _new(workspace, workflows[key[0]], key[1]) for key in added}
    pks = {one.pk for one in changed} - {one.pk for one in touched.values()}
    others = Delivery.objects.of(workspace).filter(pk__in=pks).select_related("workflow") if pks else ()
    return touched | {(one.workflow.workflow_id, one.url): one for one in others}


def _new(workspace: Workspace, workflow: Workflow, url: str) -> Delivery:
    return Delivery(workspace=workspace, workflow=workflow, url=url, host=host_of(url))


def _workflows(workspace: Workspace, ids: set[str], read_at: datetime) -> dict[str, Workflow]:
    """Return the workflows by upstream's id; those that were not known are stored."""
    rows = Workflow.objects.of(workspace).filter(workflow_id__in=ids)
    known = {one.workflow_id: one for one in rows}
    new = [
        Workflow(workspace=workspace, workflow_id=name, source=WorkflowSource.DELIVERIES, first_seen_at=read_at)
        for name in sorted(ids - known.keys())
    ]
    # A person may look the same workflow up now, without the workspace's lock; then theirs is read again.
    Workflow.objects.bulk_create(new, batch_size=_BATCH, ignore_conflicts=True)
    return {one.workflow_id: one for one in rows.all()} if new else known


def _by_delivery(workspace: Workspace, deliveries: Iterable[Delivery]) -> dict[int, list[Attempt]]:
    """Return the stored attempts of ``deliveries``, after the updates of this ingest."""
    found: dict[int, list[Attempt]] = defaultdict(list)
    pks = [one.pk for one in deliveries if one.pk]
    for attempt in Attempt.objects.filter(workspace=workspace, delivery__in=pks) if pks else ():
        found[attempt.delivery_id].append(attempt)
    return found


def _update_status(delivery: Delivery, attempts: Sequence[Attempt], read_at: datetime) -> None:
    """Set on ``delivery`` how it stands. What the console itself delivered stays delivered."""
    fields = asdict(derive_status(attempts, read_at))
    redelivered_at = delivery.redelivered_at
    if redelivered_at is not None:
        fields |= {"state": DeliveryState.DELIVERED, "reason": "", "next_attempt_at": None, "next_is_estimate": False}
        arrivals = (fields["delivered_at"], delivery.delivered_at, redelivered_at)
        fields["delivered_at"] = min(at for at in arrivals if at is not None)
        if fields["last_attempt_at"] <= redelivered_at:
            fields |= {name: getattr(delivery, name) for name in _LAST}
    for name, value in fields.items():
        setattr(delivery, name, value)


def _store_deliveries(deliveries: Iterable[Delivery]) -> None:
    Delivery.objects.bulk_create(
        list(deliveries),
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "workflow", "url"],
        update_fields=_STATUS_FIELDS,
    )


def _store_runs(moved: Sequence[Attempt]) -> None:
    """Write the runs of stored attempts that an older one, which came late, has moved."""
    if moved:
        Attempt.objects.bulk_update(moved, ["run"], batch_size=_BATCH)


def _fail_overdue(workspace: Workspace, read_at: datetime) -> None:
    """Mark deliveries as failed whose next attempt is overdue."""
    retrying = Delivery.objects.of(workspace).filter(state=DeliveryState.RETRYING)
    due = Coalesce("next_attempt_at", "last_attempt_at")
    if late := list(retrying.alias(due=due).filter(due__lt=read_at - GRACE_PERIOD)):
        fail(late)
        names = ["state", "reason", "next_attempt_at", "next_is_estimate"]
        Delivery.objects.bulk_update(late, names, batch_size=_BATCH)


def _summarize(
    page: Mapping[str, tuple[Key, Attempt]], fresh: Mapping[str, tuple[Key, Attempt]], read_at: datetime
) -> AttemptIngestResult:
    numbers: dict[str, list[int]] = defaultdict(list)
    for (workflow_id, _), attempt in fresh.values():
        numbers[workflow_id].append(attempt.number)
    return AttemptIngestResult(
        rows=len(page),
        fresh=len(fresh),
        # One from the future stays on the page even if others are missed, so that it is known proves nothing.
        known=sum(name not in fresh and attempt.at <= read_at for name, (_, attempt) in page.items()),
        oldest_at=min((attempt.at for _, attempt in page.values()), default=None),
        newest_at=max((attempt.at for _, attempt in page.values()), default=None),
        workflows=frozenset(workflow_id for (workflow_id, _), _ in page.values()),
        begun_before=frozenset(name for name, seen in numbers.items() if min(seen) > 1),
    )
