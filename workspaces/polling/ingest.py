"""Ingests the results of polls: writes data to the mirror, backs off after failures, and reschedules every poll."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import redis
import structlog
from django.db import DatabaseError, transaction

from cleanlist import Listing
from cleanlist.errors import AuthenticationError, FeatureGated, InsufficientScope, RateLimited, SessionExpired
from core import clock
from core.encryption import DecryptionError
from core.sanitize import sanitize_text
from workspaces.credentials.clients import AddressNotAllowed, NotConnected
from workspaces.models import Poll, Workspace
from workspaces.polling import credential_trust, poll_setup, rate_limiter
from workspaces.polling.fetcher import FetchResult
from workspaces.polling.registry import is_registered, notify_ingested, resource_named
from workspaces.polling.worker_metrics import POLLS

# How many results share a transaction: enough to save most round trips, few enough to hold locks only briefly.
TOGETHER = 10
logger = structlog.get_logger(__name__)
FIRST_WAIT_SECONDS = 15
LONGEST_WAIT_SECONDS = 15 * 60
# Only a person can fix these, so there is no point in retrying within a minute.
_LASTING = (FeatureGated, InsufficientScope, NotConnected, AddressNotAllowed, DecryptionError)


class IngestFailed(Exception):
    """Upstream responded, but the response could not be written to the mirror; see the cause."""


def ingest_results(answers: Sequence[FetchResult]) -> list[FetchResult]:
    """Ingest the results, then reschedule all the polls and end their leases at once.

    Returns the results; those that could not be stored become failures. A crash in between costs one more poll.
    """
    with clock.cache_now():  # one query for the time, however many rows are written
        unchanged = _unchanged(answers)
        ingested = _ingest_all(answers, unchanged)
    now = clock.now()
    for answer in ingested:
        _plan(answer, now)
    try:
        kept = Poll.objects.give_back([answer.poll for answer in ingested])
    except DatabaseError:  # the leases expire, and the polls run again
        logger.exception("settling_failed", polls=len(ingested))
        return ingested
    if kept < len(ingested):  # removed meanwhile, or leased by another worker after the leases expired
        logger.debug("polls_not_held", polls=len(ingested) - kept)
    for answer in ingested:
        try:
            _tell(answer)
        except Exception:  # the next such result reports it again
            logger.exception("telling_failed", resource=answer.poll.resource, workspace=answer.poll.workspace_id)
    fetched = [answer.poll for answer in ingested if answer.fetched_at is not None]
    if stored := [poll for poll in fetched if poll.pk not in unchanged]:
        notify_ingested(stored)
    return ingested


def _unchanged(answers: Sequence[FetchResult]) -> set[int]:
    """Return the keys of the polls whose answers are those that were ingested last and would change nothing now."""
    same: dict[str, list[Poll]] = defaultdict(list)
    for answer in answers:
        if answer.fingerprint and answer.fingerprint == answer.poll.fingerprint:
            same[answer.poll.resource].append(answer.poll)
    found: set[int] = set()
    for name, polls in same.items():
        settled = resource_named(name).settled
        try:
            found.update(settled(polls, clock.cached_now()) if settled else ())
        except Exception:  # then they are ingested
            logger.exception("settled_failed", resource=name, polls=len(polls))
    return found


def _ingest_all(answers: Sequence[FetchResult], unchanged: Collection[int]) -> list[FetchResult]:
    """Ingest fetched results in groups of one transaction; if a group fails, ingest each of its results alone."""
    ingested = {answer.poll.pk: answer for answer in answers}
    fetched = [answer for answer in answers if answer.fetched_at is not None]
    for group in _groups([answer for answer in fetched if answer.poll.pk not in unchanged]):
        try:
            with transaction.atomic():
                for answer in group:
                    _write(answer)
        except Exception:  # the culprit fails again on its own
            ingested |= {answer.poll.pk: _ingest_alone(answer) for answer in group}
    return list(ingested.values())


def _groups(answers: Sequence[FetchResult]) -> Iterator[list[FetchResult]]:
    """Group ``answers`` so that no group has two results of one workspace, and all groups are in order of workspace.

    So a group locks no more of a workspace than a single result would, and two workers cannot deadlock.
    """
    waiting: dict[int, list[FetchResult]] = {}
    for answer in answers:
        waiting.setdefault(answer.poll.workspace_id, []).append(answer)
    while waiting:
        order = sorted(waiting)
        for start in range(0, len(order), TOGETHER):
            yield [waiting[pk].pop(0) for pk in order[start : start + TOGETHER]]
        waiting = {pk: others for pk, others in waiting.items() if others}


def _write(answer: FetchResult) -> None:
    assert answer.fetched_at is not None  # noqa: S101 - nothing else is ingested
    resource_named(answer.poll.resource).ingest(answer.poll, answer.data, answer.fetched_at)


def _read_workspace_again(poll: Poll) -> None:
    """Replace the workspace, which the rolled-back transaction may have changed in memory."""
    fresh = Workspace.objects.select_related("session").filter(pk=poll.workspace_id).first()
    if fresh is not None:
        poll.workspace = fresh


def _ingest_alone(answer: FetchResult) -> FetchResult:
    """Write the data to the mirror. An exception is logged and becomes a failed result."""
    poll = answer.poll
    try:
        with transaction.atomic():
            _read_workspace_again(poll)
            _write(answer)
    except Exception as error:  # must not stop the other polls of the batch
        if _is_gone(poll):
            logger.info("poll_gone", resource=poll.resource, workspace=poll.workspace_id)
            return replace(answer, data=None, fetched_at=None)
        logger.exception("landing_failed", resource=poll.resource, workspace=poll.workspace_id)
        failure = IngestFailed("What upstream answered could not be stored; the console's log says why.")
        failure.__cause__ = error
        return replace(answer, data=None, error=failure, fetched_at=None)
    return answer


def _is_gone(poll: Poll) -> bool:
    """Return whether the row was deleted, because its workspace or subject was removed during the call."""
    try:
        return not Poll.objects.filter(pk=poll.pk).exists()
    except DatabaseError:
        return False


def _plan(answer: FetchResult, now: datetime) -> None:
    """Set the outcome and the next run time on the poll."""
    poll = answer.poll
    POLLS.count(poll.resource, _outcome(answer))
    if answer.hold_seconds:
        poll.next_run_at = now + timedelta(seconds=answer.hold_seconds)
    elif answer.error is not None:
        _plan_after_failure(poll, answer.error, now)
    else:
        poll.next_run_at = now + wait_after_success(poll.interval_seconds)
        poll.last_success_at, poll.consecutive_failures = answer.fetched_at, 0
        poll.last_error = poll.last_error_kind = poll.last_request_id = ""
        poll.fingerprint = answer.fingerprint
        _note_odd(poll, answer.data)


def _outcome(answer: FetchResult) -> str:
    if answer.hold_seconds:
        return "held"
    return "failed" if answer.error is not None else "succeeded"


def _note_odd(poll: Poll, data: object) -> None:
    """Store how many records of a list could not be parsed, with an example."""
    odd = data.malformed if isinstance(data, Listing) else ()
    poll.odd_count, poll.odd_example = len(odd), sanitize_text(str(odd[0]), 500) if odd else ""


def _plan_after_failure(poll: Poll, error: Exception, now: datetime) -> None:
    poll.consecutive_failures += 1
    poll.fingerprint = ""
    longest = resource_named(poll.resource).longest_wait_seconds() if is_registered(poll.resource) else None
    poll.next_run_at = now + wait_after_failure(poll.interval_seconds, poll.consecutive_failures, error, longest)
    poll.last_error, poll.last_error_kind = sanitize_text(str(error), 2000), type(error).__name__
    poll.last_request_id = (getattr(error, "request_id", None) or "")[:200]


def _tell(answer: FetchResult) -> None:
    """Record what the result says of its credential, and block the endpoint after a rate limit."""
    poll, error = answer.poll, answer.error
    if error is None:
        if answer.fetched_at is not None:
            credential_trust.record_acceptance(poll.workspace, resource_named(poll.resource).credential)
        return
    kind, failures = poll.last_error_kind, poll.consecutive_failures
    logger.info("poll_failed", resource=poll.resource, workspace=poll.workspace_id, kind=kind, failures=failures)
    if isinstance(error, RateLimited):
        _close(poll, error)
    if isinstance(error, AuthenticationError | NotConnected | SessionExpired):
        poll_setup.stop_using_credential(poll.workspace, resource_named(poll.resource).credential, error)


def _close(poll: Poll, error: RateLimited) -> None:
    """Stop the organization's other polls from calling an endpoint that has just rate-limited this one."""
    seconds = min(error.retry_after or FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    try:
        rate_limiter.block(poll.workspace.rate_limited_as, resource_named(poll.resource).endpoint, seconds)
    except redis.RedisError as failure:
        logger.warning("pacer_unreachable", error=str(failure))


def _spread(seconds: float) -> timedelta:
    # Jitter of up to 10 %, so that workspaces that started together drift apart.
    return timedelta(seconds=seconds * (1 + random.random() / 10))  # noqa: S311 - not a secret


def wait_after_success(interval_seconds: int) -> timedelta:
    return _spread(interval_seconds)


def wait_after_failure(interval_seconds: int, failures: int, error: Exception, longest: int | None = None) -> timedelta:
    """Return the wait after ``failures`` failed polls in a row: at most ``longest`` seconds, or 15 minutes.

    It doubles from 15 seconds even if the interval is long, because failed data should be read soon. A rate limit waits
    as long as upstream asks for, up to 15 minutes; errors that only a person can fix always wait 15 minutes.
    """
    if isinstance(error, RateLimited) and error.retry_after:
        return _spread(min(error.retry_after, LONGEST_WAIT_SECONDS))
    if isinstance(error, _LASTING):
        return _spread(LONGEST_WAIT_SECONDS)
    doubled = min(interval_seconds, FIRST_WAIT_SECONDS) * 2 ** min(failures - 1, 10)
    return _spread(min(doubled, longest or LONGEST_WAIT_SECONDS))
