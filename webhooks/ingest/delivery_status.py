"""Derives the status of a delivery from its attempts. Pure, and independent of the order in which they arrived."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhooks.ingest.normalize import is_final
from webhooks.models import Attempt, Delivery, DeliveryState
from webhooks.models.delivery import MAX_ATTEMPTS

# Seconds between one attempt and the next (``docs/cleanlist-api.md``, "Webhooks"). The last would follow the fifth.
RETRY_WAITS = (1, 2, 4, 8, 16)
# An attempt that was not seen for so long after it was due is assumed never to have been made.
GRACE_PERIOD = timedelta(minutes=5)
# Where upstream numbers nothing: attempts so far apart are not of one run, whose waits are seconds.
_PAUSE_BETWEEN_RUNS = timedelta(minutes=10)


@dataclass(frozen=True)
class DeliveryStatus:
    """The status of a delivery; the fields are named like its columns."""

    state: DeliveryState
    reason: str
    attempts: int
    runs: int
    first_attempt_at: datetime
    last_attempt_at: datetime
    last_status_code: int | None
    last_error: str
    last_duration_ms: int | None
    next_attempt_at: datetime | None
    next_is_estimate: bool
    delivered_at: datetime | None


def derive_status(attempts: Iterable[Attempt], now: datetime) -> DeliveryStatus:
    """Set each attempt's run, and return the delivery's status at ``now``. Needs at least one attempt.

    A new run begins where the numbers start again, and after an attempt that was acknowledged.
    """
    ordered = sorted(attempts, key=lambda attempt: (attempt.at, attempt.number, attempt.upstream_id))
    numbers: list[int] = []  # the latest of each run
    for before, attempt in zip([None, *ordered[:-1]], ordered, strict=True):
        if before is None or _begins_run(before, numbers[-1], attempt):
            numbers.append(attempt.number or 1)
        else:
            numbers[-1] = attempt.number or numbers[-1] + 1
        attempt.run = len(numbers)
    first, last = ordered[0], ordered[-1]
    state, following, is_estimate = _state(last, numbers[-1], now)
    return DeliveryStatus(
        state=state,
        reason=last.reason or ("unknown" if state == DeliveryState.FAILED else ""),
        attempts=sum(numbers),
        runs=len(numbers),
        first_attempt_at=first.at,
        last_attempt_at=last.at,
        last_status_code=last.status_code,
        last_error=last.error,
        last_duration_ms=last.duration_ms,
        next_attempt_at=following,
        next_is_estimate=is_estimate,
        delivered_at=min((ended_at(attempt) for attempt in ordered if attempt.acknowledged), default=None),
    )


def ended_at(attempt: Attempt) -> datetime:
    """Return when the response came, or the attempt timed out."""
    return attempt.at + timedelta(milliseconds=attempt.duration_ms or 0)


def explain_failure(delivery: Delivery) -> str:
    """Return for a failed delivery why no further attempt follows; empty for any other."""
    if delivery.state != DeliveryState.FAILED:
        return ""
    if delivery.attempts >= MAX_ATTEMPTS * delivery.runs:
        return f"All {MAX_ATTEMPTS} attempts failed. No more retries."
    return "No further attempts were seen, so Cleanlist seems to have stopped retrying."


def fail(overdue: Iterable[Delivery]) -> None:
    """Mark deliveries as failed whose next attempt is overdue; nothing is stored."""
    for delivery in overdue:
        delivery.state, delivery.next_attempt_at, delivery.next_is_estimate = DeliveryState.FAILED, None, False
        delivery.reason = delivery.reason or "unknown"


def _begins_run(before: Attempt, number_before: int, attempt: Attempt) -> bool:
    if before.acknowledged:
        return True
    if attempt.number:
        return attempt.number <= number_before
    return number_before >= MAX_ATTEMPTS or attempt.at - before.at > _PAUSE_BETWEEN_RUNS


def _state(last: Attempt, number: int, now: datetime) -> tuple[DeliveryState, datetime | None, bool]:
    """Return the state after ``last``, the run's attempt of that number, with when the next is due if one is."""
    if last.acknowledged:
        return DeliveryState.DELIVERED, None, False
    announced = last.next_at if last.next_at is not None and last.next_at > last.at else None
    undecided = not last.reason
    if not undecided and (is_final(last) or (announced is None and number >= MAX_ATTEMPTS)):
        return DeliveryState.FAILED, None, False
    wait = 0 if undecided else RETRY_WAITS[min(number, MAX_ATTEMPTS) - 1]
    following = announced or ended_at(last) + timedelta(seconds=wait)
    if _is_late(following, now):
        return DeliveryState.FAILED, None, False
    return DeliveryState.RETRYING, following, announced is None


def _is_late(due: datetime, now: datetime) -> bool:
    return now > due + GRACE_PERIOD
