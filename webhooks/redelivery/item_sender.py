"""Sends one item of a redelivery: checks that it is still wanted, fetches its body, posts it, stores the result."""

import time
from contextlib import suppress
from datetime import datetime, timedelta

import redis
import structlog
from django.db import transaction
from django.db.models import F

from cleanlist import Client, EnrichmentStatus
from cleanlist.errors import (
    AuthenticationError,
    BadRequest,
    CleanlistError,
    Forbidden,
    NotFound,
    RateLimited,
    UnexpectedResponse,
)
from core import clock
from webhooks import payloads
from webhooks.ingest.enrichment_status import is_finished
from webhooks.models import Delivery, DeliveryState, Item, ItemState, Redelivery
from webhooks.outgoing import PostResult, post
from webhooks.redelivery.leases import JobOnHold, LeaseLost, extend
from workspaces.error_messages import explain
from workspaces.models import Workspace
from workspaces.polling import rate_limiter

logger = structlog.get_logger(__name__)
_SUCCESS_FIELDS = ["state", "reason", "next_attempt_at", "next_is_estimate", "redelivered_at", "delivered_at"]
# Waits after the first, second … failed try; there is one try more than waits.
RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300))
# Failures that may be over by the next try. Of the others the receiver's answer would be the same.
TRANSIENT_REASONS = frozenset({"server_error", "timeout", "refused", "closed", "dns", "tls"})
TRANSIENT_STATUSES = frozenset({408, 425, 429})
# After so many tries without a success the endpoint does not work, and a person should look.
PAUSE_AFTER = 20
# A receiver gets at most so many webhooks a second from one job.
SECONDS_BETWEEN = 0.1
# The rate limiter's name of it.
ENDPOINT = "enrich/status"
# Upstream could not be asked: the whole job waits.
UPSTREAM_WAIT = timedelta(seconds=30)
# Upstream tries again itself: this item waits.
RETRYING_WAIT = timedelta(minutes=1)


def deliver(job: Redelivery, item: Item, client: Client) -> None:
    """Send one item, or put it off. An internal error fails only this item. Raises JobOnHold or LeaseLost."""
    try:
        if _is_still_wanted(item):
            _acquire_rate_limit(job)
            body = _body(item, client)
            if body is not None:
                _send(job, item, body)
    except (JobOnHold, LeaseLost):
        raise
    except Exception:
        logger.exception("redelivery_failed", item=item.pk)
        _finish(item, ItemState.FAILED, "The console couldn't send this one. Details are in its log.")


def _is_still_wanted(item: Item) -> bool:
    """Return whether ``item`` should be sent now: it has not arrived since, and upstream does not retry it."""
    state = item.delivery.state if item.delivery else None
    if state == DeliveryState.DELIVERED:
        _finish(item, ItemState.SKIPPED, "It arrived in the meantime.")
    elif state == DeliveryState.RETRYING:
        waiting = Item.objects.filter(pk=item.pk, state=ItemState.WAITING)
        words = "Waiting while Cleanlist retries."
        waiting.update(next_try_at=clock.now() + RETRYING_WAIT, error=words)
    else:
        return True
    return False


def _acquire_rate_limit(job: Redelivery) -> None:
    """Acquire a call to upstream from the rate limiter. Raises JobOnHold if its share is used up."""
    try:
        wait = rate_limiter.acquire([(job.workspace.rate_limited_as, ENDPOINT)]).waits[0]
    except redis.RedisError as error:
        raise JobOnHold("The console can't reach Redis.", UPSTREAM_WAIT) from error
    if wait:
        raise JobOnHold(
            "The console has used its share of Cleanlist's rate limit for this minute.", timedelta(seconds=wait)
        )


def _body(item: Item, client: Client) -> bytes | None:
    """Return the body, read from upstream; None if there is nothing to send (the item says why)."""
    try:
        return _encode(item, client.enrich.status(workflow_id=item.workflow.workflow_id))
    except (NotFound, BadRequest) as error:
        _finish(item, ItemState.FAILED, f"Cleanlist has no result for this workflow: {error.message[:300]}")
    except UnexpectedResponse as error:
        item.tries += 1
        _store_failure(item, PostResult(None, "unknown", explain(error).sentence, 0), is_transient=True)
    except RateLimited as error:
        wait = timedelta(seconds=error.retry_after) if error.retry_after else UPSTREAM_WAIT
        with suppress(redis.RedisError):
            rate_limiter.block(item.redelivery.workspace.rate_limited_as, ENDPOINT, wait.total_seconds())
        raise JobOnHold("Cleanlist's rate limit was reached.", wait) from error
    except (AuthenticationError, Forbidden) as error:
        raise JobOnHold(explain(error).sentence, None) from error
    except CleanlistError as error:
        raise JobOnHold(explain(error).sentence, UPSTREAM_WAIT) from error
    return None


def _encode(item: Item, status: EnrichmentStatus) -> bytes | None:
    if is_finished(status):
        return payloads.encode(payloads.build_payload(item.workflow.workflow_id, status))
    _finish(
        item, ItemState.SKIPPED, f"The enrichment is not finished (“{status.status[:40]}”), so there is no result yet."
    )
    return None


def _send(job: Redelivery, item: Item, body: bytes) -> None:
    """POST ``body`` once. If the worker ends between marking the item and storing the result, it becomes unknown."""
    extend(job)
    waiting = Item.objects.filter(pk=item.pk, state=ItemState.WAITING)
    if not waiting.update(state=ItemState.SENDING, tries=item.tries + 1, tried_at=clock.now()):
        return
    item.tries += 1
    result = post(item.url, body, {payloads.REDELIVERY_HEADER: str(job.job_id)})
    if result.acknowledged:
        _store_success(job, item, result)
    else:
        is_transient = result.reason in TRANSIENT_REASONS or result.status_code in TRANSIENT_STATUSES
        _store_failure(item, result, is_transient=is_transient)
        _count_failure(job)
    time.sleep(SECONDS_BETWEEN)


def _store_success(job: Redelivery, item: Item, result: PostResult) -> None:
    """Store that the receiver acknowledged ``item``, on it and on its delivery."""
    now = clock.now()
    with transaction.atomic():
        # Attempts are ingested under this lock: they must not overwrite the redelivery's outcome.
        Workspace.objects.lock(job.workspace_id)
        _store_result(item, ItemState.DELIVERED, result)
        delivery = Delivery.objects.filter(redelivery_items=item).first()
        if delivery is not None:
            delivery.state, delivery.reason = DeliveryState.DELIVERED, ""
            delivery.next_attempt_at, delivery.next_is_estimate = None, False
            delivery.redelivered_at, delivery.delivered_at = now, delivery.delivered_at or now
            delivery.save(update_fields=_SUCCESS_FIELDS)
        Redelivery.objects.filter(pk=job.pk).update(failed_in_a_row=0)


def _store_failure(item: Item, result: PostResult, *, is_transient: bool) -> None:
    """Store a failed try; another follows unless it cannot help or the tries are used up."""
    if is_transient and item.tries <= len(RETRY_AFTER):
        _store_result(item, ItemState.WAITING, result, next_try_at=clock.now() + RETRY_AFTER[item.tries - 1])
    else:
        _store_result(item, ItemState.FAILED, result)


def _store_result(item: Item, state: ItemState, result: PostResult, next_try_at: datetime | None = None) -> None:
    """Store how a try ended, even over "unknown", if another worker had given this one up already."""
    Item.objects.filter(pk=item.pk).exclude(state=ItemState.DELIVERED).update(
        state=state,
        tries=item.tries,
        status_code=result.status_code,
        reason=result.reason,
        error=result.error[:1000],
        duration_ms=result.duration_ms,
        next_try_at=next_try_at,
    )


def _finish(item: Item, state: ItemState, words: str) -> None:
    Item.objects.filter(pk=item.pk, state=ItemState.WAITING).update(state=state, error=words, next_try_at=None)


def _count_failure(job: Redelivery) -> None:
    """Count a failed try. Raises JobOnHold once so many have failed that more of them help nobody."""
    Redelivery.objects.filter(pk=job.pk).update(failed_in_a_row=F("failed_in_a_row") + 1)
    job.refresh_from_db(fields=["failed_in_a_row"])
    if job.failed_in_a_row >= PAUSE_AFTER and job.items.filter(state=ItemState.WAITING).exists():
        words = f"The last {job.failed_in_a_row} tries all failed. Check the endpoint, then resume."
        raise JobOnHold(words, None)
