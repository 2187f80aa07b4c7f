"""Polled resources of webhooks: the latest attempts, those of tracked workflows, and the state of enrichments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from cleanlist import AsyncClient, DeliveryAttempt, EnrichmentStatus, Listing
from cleanlist.errors import BadRequest, NotFound
from core.sanitize import sanitize_text
from webhooks import tracked_workflows
from webhooks.ingest import enrichment_status
from webhooks.ingest.attempts import AttemptIngestResult, ingest_page
from webhooks.ingest.normalize import find_problem
from webhooks.models import Delivery, DeliveryGap, DeliveryState, Feed, Workflow
from workspaces.models import Poll
from workspaces.polling import Resource, register

logger = structlog.get_logger(__name__)
# How many attempts upstream shows is not documented (the sandbox: 100). A page of fewer holds all that there are.
FULL_PAGE = 20
MIN_SECONDS, MAX_SECONDS = 10, 3600
# Upstream that refused the whole list is asked again, as it may come to allow it.
REFUSED_SECONDS = 120
IDLE_AFTER = timedelta(hours=1)
# A workflow that upstream does not know for so long is not a new one.
GONE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class UpstreamRefusal:
    """Upstream refused the request, with this message."""

    words: str


async def fetch_latest(client: AsyncClient, _: Poll) -> Listing[DeliveryAttempt] | UpstreamRefusal:
    """Return the organization's latest attempts, or that upstream wants a workflow's id."""
    try:
        return (await client.webhooks.deliveries()).without(find_problem)
    except BadRequest as error:
        return UpstreamRefusal(sanitize_text(error.message, 500))


def ingest_latest(poll: Poll, answer: Listing[DeliveryAttempt] | UpstreamRefusal, read_at: datetime) -> None:
    """Add new attempts, schedule polls of single workflows, and set the interval to the next poll."""
    workspace = poll.workspace
    feed, _ = Feed.objects.get_or_create(workspace=workspace)
    before = feed.known
    begun_before: frozenset[str] = frozenset()
    if isinstance(answer, UpstreamRefusal):
        feed.wants_workflow_ids, feed.refusal = True, answer.words
    else:
        result = ingest_page(workspace, answer, read_at)
        feed.wants_workflow_ids, feed.refusal = False, ""
        if _record_gap(poll, feed, result, answer.total - len(answer), read_at):
            begun_before = result.begun_before
        newest = result.newest_at and min(result.newest_at, read_at)  # one from the future proves nothing
        feed.read_until = max(filter(None, [feed.read_until, newest]), default=None)
    if feed.known != before:
        feed.save()
    tracked_workflows.record_workflows_from_log(workspace, read_at)
    retrying = _retrying(poll)
    also = [*sorted(begun_before), *_unseen(retrying, answer)]
    tracked_workflows.schedule_polls(workspace, read_at, also, alone=feed.wants_workflow_ids)
    _set_interval(poll, _latest_interval(poll, feed, read_at, is_retrying=bool(retrying)))


def settled_latest(polls: Sequence[Poll], now: datetime) -> set[int]:
    """Return the polls of workspaces in which the attempts that are known already would change nothing."""
    idle = tracked_workflows.without_work([poll.workspace for poll in polls], now)
    return {poll.pk for poll in polls if poll.workspace_id in idle}


def _record_gap(poll: Poll, feed: Feed, result: AttemptIngestResult, odd: int, read_at: datetime) -> bool:
    """Record a gap if a full page holds no known attempt although there are some. The first page has none before it.

    ``odd`` attempts on it could not be stored, and fill it all the same.
    """
    before, after = result.oldest_at, feed.read_until
    if result.known or result.rows + odd < FULL_PAGE or before is None or after is None or after >= before:
        return False
    logger.warning("deliveries_gap", workspace=poll.workspace_id, after=after.isoformat(), before=before.isoformat())
    DeliveryGap.objects.get_or_create(
        workspace=poll.workspace, before=before, defaults={"after": after, "detected_at": read_at}
    )
    return True


def _retrying(poll: Poll) -> list[str]:
    """Return the workflows that are being retried, or as many as matter."""
    rows = Delivery.objects.of(poll.workspace).filter(state=DeliveryState.RETRYING)
    return list(rows.values_list("workflow__workflow_id", flat=True)[: 2 * tracked_workflows.MAX_TRACKED])


def _unseen(retrying: list[str], answer: Listing[DeliveryAttempt] | UpstreamRefusal) -> list[str]:
    """Return those of ``retrying`` that a full page no longer shows."""
    if isinstance(answer, UpstreamRefusal) or answer.total < FULL_PAGE:
        return []
    shown = {row.workflow_id for row in answer}
    return [one for one in retrying if one not in shown]


def _latest_interval(poll: Poll, feed: Feed, now: datetime, *, is_retrying: bool) -> int:
    """Return the seconds to the next poll: fewer while something is retried, more while nothing happens."""
    usual = settings.POLL_DELIVERIES_SECONDS
    if feed.wants_workflow_ids:
        return max(usual, REFUSED_SECONDS)
    if is_retrying:
        return max(min(usual, MIN_SECONDS), usual // 3)
    if feed.read_until is not None and feed.read_until >= now - IDLE_AFTER:
        return usual
    begun = Workflow.objects.of(poll.workspace).filter(first_seen_at__gte=now - IDLE_AFTER)
    attempted = Delivery.objects.of(poll.workspace).filter(last_attempt_at__gte=now - IDLE_AFTER)
    return usual if begun.exists() or attempted.exists() else 4 * usual


async def fetch_workflow_deliveries(client: AsyncClient, poll: Poll) -> Listing[DeliveryAttempt] | UpstreamRefusal:
    """Return the attempts of one workflow."""
    try:
        attempts = await client.webhooks.deliveries(poll.subject)
    except (NotFound, BadRequest) as error:
        return UpstreamRefusal(sanitize_text(error.message, 500))
    return attempts.without(lambda attempt: find_problem(attempt, poll.subject))


def ingest_workflow_deliveries(
    poll: Poll, answer: Listing[DeliveryAttempt] | UpstreamRefusal, read_at: datetime
) -> None:
    """Add new attempts; stop polling the workflow once it is settled.

    A refusal is like an empty page: a workflow that upstream does not know may be too young for its log.
    """
    if not isinstance(answer, UpstreamRefusal):
        ingest_page(poll.workspace, answer, read_at, workflow_id=poll.subject)
    workflow = _workflow(poll)
    if workflow is None or tracked_workflows.is_settled(workflow, read_at):
        _delete_poll(poll)
        return
    retrying = workflow.deliveries.filter(state=DeliveryState.RETRYING).exists()
    _set_interval(poll, MIN_SECONDS if retrying else _interval_by_age(workflow, read_at))
    tracked_workflows.schedule_polls(poll.workspace, read_at)


async def fetch_status(client: AsyncClient, poll: Poll) -> EnrichmentStatus | UpstreamRefusal:
    """Return the state of one enrichment; its results are not kept."""
    try:
        if poll.resource == tracked_workflows.NEWER_STATUS:
            return await client.enrich.newer_status(poll.subject)
        return await client.enrich.status(workflow_id=poll.subject)
    except (NotFound, BadRequest) as error:
        return UpstreamRefusal(sanitize_text(error.message, 500))


def ingest_status(poll: Poll, answer: EnrichmentStatus | UpstreamRefusal, read_at: datetime) -> None:
    """Record the state of the enrichment; once that is final, stop polling."""
    workflow = _workflow(poll)
    if workflow is None:
        _delete_poll(poll)
    elif isinstance(answer, UpstreamRefusal):
        is_gone = workflow.first_seen_at < read_at - GONE_AFTER
        enrichment_status.record_refusal(workflow, answer.words, read_at, is_gone=is_gone)
        _delete_poll(poll) if is_gone else _set_interval(poll, _interval_by_age(workflow, read_at))
    elif (
        enrichment_status.record_status(workflow, answer, read_at)
        or workflow.first_seen_at < read_at - tracked_workflows.STATUS_GIVE_UP_AFTER
    ):
        _delete_poll(poll)
    else:
        _set_interval(poll, _interval_by_age(workflow, read_at))


def _workflow(poll: Poll) -> Workflow | None:
    return Workflow.objects.of(poll.workspace).filter(workflow_id=poll.subject).first()


def _interval_by_age(workflow: Workflow, now: datetime) -> int:
    """Return the seconds to the next poll: a tenth of the workflow's age."""
    age = (now - workflow.first_seen_at).total_seconds()
    return round(min(max(settings.POLL_DELIVERIES_SECONDS, age / 10), MAX_SECONDS))


def _set_interval(poll: Poll, seconds: int) -> None:
    if poll.interval_seconds != seconds:
        poll.interval_seconds = seconds
        Poll.objects.filter(pk=poll.pk).update(interval_seconds=seconds)


def _delete_poll(poll: Poll) -> None:
    Poll.objects.filter(pk=poll.pk).delete()


register(
    Resource(
        name=tracked_workflows.DELIVERIES,
        label="Webhook deliveries",
        credential="api_key",
        endpoint="webhooks/deliveries",
        interval_seconds=lambda: settings.POLL_DELIVERIES_SECONDS,
        fetch=fetch_latest,
        ingest=ingest_latest,
        note=tracked_workflows.visibility_notice,
        settled=settled_latest,
    )
)
register(
    Resource(
        name=tracked_workflows.WORKFLOW_DELIVERIES,
        label="Webhook deliveries of one workflow",
        credential="api_key",
        endpoint="webhooks/deliveries",
        interval_seconds=lambda: settings.POLL_DELIVERIES_SECONDS,
        fetch=fetch_workflow_deliveries,
        ingest=ingest_workflow_deliveries,
        has_subjects=True,
        subject="workflow",
        subject_names=tracked_workflows.names_of_tracked,
    )
)
# Upstream allows one key thirty calls a minute over all endpoints. There may be many enrichments to ask about, and what
# people and other polls do with the same key must go through beside that: the share is taken of half of them.
HALF_OF_KEY_LIMIT = 15
for name, label in (
    (tracked_workflows.STATUS, "Bulk enrichment status"),
    (tracked_workflows.NEWER_STATUS, "Enrichment status"),
):
    register(
        Resource(
            name=name,
            label=label,
            credential="api_key",
            endpoint="enrich/status",  # of both surfaces, so that they have one share
            limit_per_minute=HALF_OF_KEY_LIMIT,
            interval_seconds=lambda: 2 * settings.POLL_DELIVERIES_SECONDS,
            fetch=fetch_status,
            ingest=ingest_status,
            has_subjects=True,
            subject="workflow",
            subject_names=tracked_workflows.names_of_tracked,
        )
    )
