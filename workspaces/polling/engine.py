"""Runs what is due: leases rows, fetches them concurrently, lands each in one transaction.

No network call happens inside a database transaction. A crashed worker's lease runs out and the work is done again;
landing the same answer twice changes nothing, so at-least-once is enough.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import redis
import structlog
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.utils import timezone

from cleanlist.errors import AuthenticationError, CleanlistError, SessionExpired
from workspaces.connections import AddressNotAllowed, NotConnected, polling_client
from workspaces.models import Poll
from workspaces.polling import backoff, pacer, pauses, stopping
from workspaces.polling.registry import Resource, resource_named, tell_landed
from workspaces.sealing import CannotOpen
from workspaces.texts import plain_text

# Longer than the client's total time-out, so that a lease never runs out under a worker that is still fetching.
LEASE_SECONDS = 90
BATCH = 100
# How often a batch looks whether its worker was told to end.
LOOK_SECONDS = 0.25
logger = structlog.get_logger(__name__)


class LandingFailed(Exception):
    """Upstream answered, and the answer could not be written to the mirror; its cause says why."""


@dataclass(frozen=True)
class Answer:
    """What one poll brought: data, or the reason why there is none, or how long to hold back."""

    poll: Poll
    data: Any = None
    error: Exception | None = None
    hold_seconds: float = 0.0
    fetched_at: datetime | None = None


def run_due(limit: int = BATCH) -> int:
    """Fetch and land up to ``limit`` due polls; return how many were taken: none in a worker told to end."""
    if stopping.is_asked():
        return 0
    polls = Poll.objects.lease(limit, LEASE_SECONDS)
    if polls:
        run(polls)
    return len(polls)


def run(polls: Iterable[Poll], *, asked_for: bool = False) -> list[Answer]:
    """Fetch and land leased ``polls``. With ``asked_for`` (by a person) the pacer counts but does not hold back."""
    return async_to_sync(_run)(list(polls), asked_for)


async def _run(polls: list[Poll], asked_for: bool) -> list[Answer]:
    prepared = await sync_to_async(_load_workspaces)(polls)
    tasks = {asyncio.ensure_future(_fetch(poll, asked_for)): poll for poll in prepared}
    pending, answers = set(tasks), []
    while pending and not stopping.is_overdue():
        done, pending = await asyncio.wait(pending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        # Landed one by one as they come, so that one slow upstream delays nobody else's.
        answers += [await sync_to_async(_settle)(task.result()) for task in done]
    if pending:
        await _give_back({task: tasks[task] for task in pending})
    return answers


async def _give_back(unfinished: dict[asyncio.Future[Answer], Poll]) -> None:
    """Let go of calls that take too long for a worker that must end; another worker makes them at once."""
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
    rows = Poll.objects.filter(pk__in=[poll.pk for poll in unfinished.values()])
    await rows.aupdate(leased_until=None)
    logger.info("leases_given_back", polls=len(unfinished))


def _load_workspaces(polls: list[Poll]) -> list[Poll]:
    """Return the same rows with workspace and session loaded, in one query."""
    fresh = Poll.objects.select_related("workspace__session").in_bulk([poll.pk for poll in polls])
    for poll in polls:
        if poll.pk in fresh:
            poll.workspace = fresh[poll.pk].workspace
    return [poll for poll in polls if poll.pk in fresh]


async def _fetch(poll: Poll, asked_for: bool) -> Answer:
    """Return what upstream said; every expected failure becomes part of the answer."""
    resource = resource_named(poll.resource)
    organization = poll.workspace.rate_limited_as
    # The moment before the call: whatever the answer shows was true then or later.
    started_at = timezone.now()
    try:
        if asked_for:
            await asyncio.to_thread(pacer.note, organization, resource.endpoint)
        elif wait := await asyncio.to_thread(pacer.take, organization, resource.endpoint):
            return Answer(poll, hold_seconds=wait)
        client = await asyncio.to_thread(polling_client, poll.workspace, resource.credential)
        async with client:
            data = await resource.fetch(client, poll)
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))
        return Answer(poll, hold_seconds=5.0)
    except (CleanlistError, NotConnected, AddressNotAllowed, CannotOpen) as error:
        return Answer(poll, error=error)
    except Exception as error:
        logger.exception("fetch_failed", resource=poll.resource, workspace=poll.workspace_id)
        return Answer(poll, error=error)
    return Answer(poll, data=data, fetched_at=started_at)


def _settle(answer: Answer) -> Answer:
    """Write what came of one poll. A failure of our own is logged, backed off like any other, and returned."""
    try:
        if answer.hold_seconds:
            _reschedule(answer.poll, next_run_at=timezone.now() + timedelta(seconds=answer.hold_seconds))
        elif answer.error is not None:
            _fail(answer.poll, answer.error)
        else:
            _land(answer)
    except Exception as error:  # whatever it is, the other polls of the batch go on
        logger.exception("landing_failed", resource=answer.poll.resource, workspace=answer.poll.workspace_id)
        failure = LandingFailed("What upstream answered could not be stored; the console's log says why.")
        failure.__cause__ = error
        _fail(answer.poll, failure)
        return replace(answer, error=failure)
    if answer.fetched_at is not None:
        tell_landed(answer.poll)
    return answer


def _land(answer: Answer) -> None:
    poll, fetched_at = answer.poll, answer.fetched_at
    assert fetched_at is not None  # noqa: S101 - set wherever there is data
    resource: Resource = resource_named(poll.resource)
    with transaction.atomic():
        resource.land(poll, answer.data, fetched_at)
        poll.last_success_at = fetched_at
        _reschedule(
            poll,
            next_run_at=timezone.now() + backoff.after_success(poll.interval_seconds),
            last_success_at=fetched_at,
            consecutive_failures=0,
            last_error="",
            last_error_kind="",
            last_request_id="",
        )


def _fail(poll: Poll, error: Exception) -> None:
    kind, request_id = type(error).__name__, getattr(error, "request_id", None) or ""
    failures = poll.consecutive_failures + 1
    wait = timedelta(seconds=backoff.LONGEST_SECONDS)
    if isinstance(error, CleanlistError):
        wait = backoff.after_failure(poll.interval_seconds, failures, error)
    poll.consecutive_failures, poll.last_error, poll.last_error_kind = failures, str(error), kind
    _reschedule(
        poll,
        next_run_at=timezone.now() + wait,
        consecutive_failures=failures,
        last_error=plain_text(str(error), 2000),
        last_error_kind=kind,
        last_request_id=request_id[:200],
    )
    logger.info("poll_failed", resource=poll.resource, workspace=poll.workspace_id, kind=kind, failures=failures)
    if isinstance(error, AuthenticationError | NotConnected | SessionExpired):
        pauses.credential_stopped(poll.workspace, resource_named(poll.resource).credential, error)


def _reschedule(poll: Poll, **changes: Any) -> None:
    """Write ``changes`` and give the lease back."""
    for name, value in changes.items():
        setattr(poll, name, value)
    Poll.objects.filter(pk=poll.pk).update(leased_until=None, **changes)
