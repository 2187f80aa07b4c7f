"""Workflows that are polled one by one, and what pages say about how much upstream shows.

Upstream may list deliveries for single workflows only. Then the console tracks those that people look up and those that
it finds elsewhere. The cost is read of every enrichment that the console knows, whether its webhook arrived or not.
Each workflow has a poll of its own, which ends once it is settled; there are never many.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Exists, OuterRef, Q, QuerySet

from cleanlist import Client, EnrichmentStatus
from core import clock
from keys.log.workflows import workflows_in_log, workflows_in_logs
from webhooks.ingest import lead_lists
from webhooks.ingest.normalize import is_usable_workflow_id
from webhooks.models import BULK_ID_PREFIX, Delivery, DeliveryState, Feed, Workflow, WorkflowSource, kind_of
from webhooks.models.workflow import AGENT
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Outcome, Poll, Workspace
from workspaces.polling.registry import resource_named
from workspaces.services.polling import RefreshResult, refresh

DELIVERIES, WORKFLOW_DELIVERIES = "deliveries", "workflow_deliveries"
# Upstream has an endpoint for bulk enrichments and one for those of its newer surface, with a rate limit each.
STATUS, NEWER_STATUS = "workflow_status", "newer_workflow_status"
SINGLE_WORKFLOW = (WORKFLOW_DELIVERIES, STATUS, NEWER_STATUS)
STATUS_SCOPE = "enrich:read"
# Polls of each kind in a workspace: what the rate limiter lets through in about ten minutes.
MAX_TRACKED = 100
# A workflow without any attempt for so long has no webhook, or upstream has removed its deliveries.
GIVE_UP_AFTER = timedelta(days=1)
# After a failure for so long no more attempts are expected.
SETTLED_AFTER = timedelta(minutes=10)
# An enrichment that runs for longer is not polled any more.
STATUS_GIVE_UP_AFTER = timedelta(days=7)
LOG_WINDOW = timedelta(hours=1)
NO_WORKFLOW_ID = (
    "That isn't a workflow ID. Workflow IDs look like public_bulk_, enrich- or bulk-enrich- followed by a long code."
)

NO_WEBHOOK_OF_AGENT = "That is a run of a smart agent, which has no webhook to follow. Troubleshoot shows its progress."


def wants_workflow_ids(workspace: Workspace) -> bool:
    """Return whether upstream lists deliveries for single workflows only."""
    return Feed.objects.filter(workspace=workspace, wants_workflow_ids=True).exists()


def visibility_notice(workspace: Workspace) -> str:
    """Return a sentence on which of upstream's deliveries the console can see; empty if it sees all."""
    feed = Feed.objects.filter(workspace=workspace, wants_workflow_ids=True).first()
    if feed is None:
        return ""
    said = f" It said: “{feed.refusal}”" if feed.refusal else ""
    return (
        "Cleanlist lists delivery attempts for one workflow at a time only, so the console follows the workflows you "
        f"look up here and those it finds in the request log.{said}"
    )


def look_up(workspace: Workspace, workflow_id: str) -> tuple[Workflow, RefreshResult]:
    """Read a workflow's attempts and state now, because a person asked, and track it until it is settled.

    Takes as long as upstream does. Raises ValueError for what cannot be a workflow's id, or has no webhook to follow.
    """
    if not is_usable_workflow_id(workflow_id):
        raise ValueError(NO_WORKFLOW_ID)
    if kind_of(workflow_id) is AGENT:
        raise ValueError(NO_WEBHOOK_OF_AGENT)
    record_workflows(workspace, [workflow_id], WorkflowSource.LOOKED_UP)
    errors = refresh(workspace, WORKFLOW_DELIVERIES, subject=workflow_id).errors
    errors += refresh(workspace, status_resource(workflow_id), subject=workflow_id).errors
    workflow = Workflow.objects.of(workspace).get(workflow_id=workflow_id)
    if workflow.lead_list_id:
        lead_lists.ask_name(workspace, workflow.lead_list_id)
    return workflow, RefreshResult(errors)


def look_up_by_hand(workspace: Workspace, workflow_id: str, actor: Actor) -> tuple[Workflow, RefreshResult]:
    """Look a workflow up for the actor, and record that. Raises ValueError as ``look_up`` does."""
    workflow, result = look_up(workspace, workflow_id)
    record_event(
        Action.WORKFLOW_FOLLOWED,
        actor,
        workspace=workspace,
        outcome=Outcome.SUCCEEDED if result.ok else Outcome.FAILED,
        subject=(workflow.workflow_id, workflow.workflow_id),
        message=result.problem,
    )
    return workflow, result


def record_workflows(workspace: Workspace, ids: Iterable[str], source: WorkflowSource) -> None:
    """Store those workflows that are new."""
    rows = [
        Workflow(workspace=workspace, workflow_id=one, source=source, first_seen_at=clock.now())
        for one in sorted(set(ids))
        if is_usable_workflow_id(one)
    ]
    Workflow.objects.bulk_create(rows, ignore_conflicts=True)


def record_workflows_from_log(workspace: Workspace, now: datetime) -> None:
    """Store the workflows that recent requests in the log name."""
    named = workflows_in_log(workspace, now - LOG_WINDOW)
    record_workflows(workspace, islice(named, MAX_TRACKED), WorkflowSource.REQUEST_LOG)


def schedule_polls(workspace: Workspace, now: datetime, also: Iterable[str] = (), *, alone: bool | None = None) -> None:
    """Create the missing polls of tracked workflows; ingesting ends them. ``also`` are polled in any case.

    ``alone`` is what ``wants_workflow_ids`` returns, where it is known.
    """
    alone = wants_workflow_ids(workspace) if alone is None else alone
    rows = Workflow.objects.of(workspace).filter(first_seen_at__gte=now - GIVE_UP_AFTER).order_by("-first_seen_at")
    if not alone:
        rows = rows.filter(source=WorkflowSource.LOOKED_UP)
    followed = rows.exclude(Exists(_settled_deliveries(now))).values_list("workflow_id", flat=True)
    wanted = {WORKFLOW_DELIVERIES: [*also, *followed[:MAX_TRACKED]]}
    if _may_read_status(workspace):
        wanted |= _without_status(workspace, now)
    _create_polls(workspace, wanted)


def without_work(workspaces: Collection[Workspace], now: datetime) -> set[int]:
    """Return the keys of those workspaces in which only a new answer would change anything.

    In those nothing is retried, followed or unfinished, and the log names no workflow that is not known.
    """
    here = {"workspace": OuterRef("pk")}
    recent = Workflow.objects.filter(first_seen_at__gte=now - GIVE_UP_AFTER, source=WorkflowSource.LOOKED_UP)
    unfinished = Workflow.objects.unfinished().filter(first_seen_at__gte=now - STATUS_GIVE_UP_AFTER)
    idle = Workspace.objects.order_by().filter(
        Exists(Feed.objects.filter(**here, wants_workflow_ids=False)),
        ~Exists(Delivery.objects.filter(**here, state=DeliveryState.RETRYING)),
        ~Exists(recent.filter(~Exists(_settled_deliveries(now)), **here)),
        ~Exists(unfinished.filter(**here)) | ~Q(pk__in=[one.pk for one in workspaces if _may_read_status(one)]),
        pk__in=[one.pk for one in workspaces],
    )
    found = set(idle.values_list("pk", flat=True))
    named = workflows_in_logs(found, now - LOG_WINDOW) if found else set()
    if named is None:
        return set()
    return found - {pk for pk, _ in named - _known(named)}


def _known(named: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of the workflows ``named``, each with its workspace, that are stored."""
    if not named:
        return set()
    workspaces, names = {pk for pk, _ in named}, {name for _, name in named}
    rows = Workflow.objects.filter(workspace__in=workspaces, workflow_id__in=names)
    return set(rows.values_list("workspace_id", "workflow_id"))


def status_resource(workflow_id: str) -> str:
    """Return the resource that reads the state of the workflow."""
    return STATUS if workflow_id.startswith(BULK_ID_PREFIX) else NEWER_STATUS


def read_status(client: Client, workflow_id: str) -> EnrichmentStatus:
    """Read the state of the workflow from the endpoint for its kind. Raises what calls raise."""
    if status_resource(workflow_id) == STATUS:
        return client.enrich.status(workflow_id=workflow_id)
    return client.enrich.newer_status(workflow_id)


def is_settled(workflow: Workflow, now: datetime) -> bool:
    """Return whether no more attempts are expected."""
    if workflow.deliveries.exclude(_settled(now)).exists():
        return False
    return workflow.deliveries.exists() or workflow.first_seen_at < now - GIVE_UP_AFTER


def names_of_tracked(workspace: Workspace) -> dict[str, str]:
    """Return the name of each tracked workflow, which is its ID."""
    polls = workspace.polls.filter(resource__in=SINGLE_WORKFLOW).values_list("subject", flat=True)
    return {subject: subject for subject in polls}


def _settled(now: datetime) -> Q:
    long_failed = Q(state=DeliveryState.FAILED, last_attempt_at__lt=now - SETTLED_AFTER)
    return Q(state=DeliveryState.DELIVERED) | long_failed


def _settled_deliveries(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(_settled(now), workflow=OuterRef("pk"))


def _may_read_status(workspace: Workspace) -> bool:
    return not workspace.scopes or STATUS_SCOPE in workspace.scopes


def _without_status(workspace: Workspace, now: datetime) -> dict[str, list[str]]:
    """Return the workflows that are not known to be finished, the newest first, by the resource that reads them."""
    rows = Workflow.objects.of(workspace).unfinished().filter(first_seen_at__gte=now - STATUS_GIVE_UP_AFTER)
    unread = rows.order_by("-first_seen_at").values_list("workflow_id", flat=True)
    newest = list(unread[: MAX_TRACKED + 1])
    if len(newest) > MAX_TRACKED:  # one kind may keep the other out
        is_bulk = Q(workflow_id__startswith=BULK_ID_PREFIX)
        newest = [*unread.filter(is_bulk)[:MAX_TRACKED], *unread.exclude(is_bulk)[:MAX_TRACKED]]
    found: dict[str, list[str]] = {}
    for workflow_id in newest:
        found.setdefault(status_resource(workflow_id), []).append(workflow_id)
    return found


def _create_polls(workspace: Workspace, wanted: Mapping[str, Sequence[str]]) -> None:
    """Create the polls that are missing of the workflows ``wanted`` by resource, as long as there is room."""
    if not any(wanted.values()):
        return
    there: dict[str, set[str]] = {resource: set() for resource in SINGLE_WORKFLOW}
    for resource, subject in workspace.polls.filter(resource__in=SINGLE_WORKFLOW).values_list("resource", "subject"):
        there[resource].add(subject)
    polls = [
        Poll(
            workspace=workspace,
            resource=resource,
            subject=one,
            interval_seconds=resource_named(resource).interval_seconds(),
            paused_reason=workspace.pause,
        )
        for resource, ids in wanted.items()
        for one in _missing(ids, there[resource])
    ]
    Poll.objects.bulk_create(polls, ignore_conflicts=True)


def _missing(ids: Iterable[str], there: Collection[str]) -> list[str]:
    missing = [one for one in dict.fromkeys(ids) if one not in there]
    return missing[: max(0, MAX_TRACKED - len(there))]
