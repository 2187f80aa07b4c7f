"""Runs the due polls: leases their rows, fetches concurrently, and ingests each result in a transaction.

No network call happens inside a database transaction. The leases of a crashed worker expire and its polls run again.
Ingesting the same response twice changes nothing, so running each poll at least once is enough.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import redis
import structlog

from core import clock
from core.db import leases
from workspaces.models import Poll, Workspace
from workspaces.polling import heartbeats, rate_limiter, shutdown
from workspaces.polling.fetcher import FetchQueue, FetchResult
from workspaces.polling.ingest import ingest_results
from workspaces.polling.registry import is_registered, resource_named

# How many calls one thread runs at once, and how many of these slots must be free before it leases more polls.
BATCH = 100
_REFILL = 25
# How many responses are ingested and rescheduled together.
_INGEST_BATCH = 50
# How often a thread checks for more due polls and for the shutdown of its worker.
LOOK_SECONDS = 0.25
# How long a task leases more polls; after that it only waits for the calls in flight.
LONGEST_TURN_SECONDS = 60
# How many threads of one worker poll at once. Each runs up to a hundred calls; the other threads are for other tasks.
MOST_TURNS = 2
_turns = threading.BoundedSemaphore(MOST_TURNS)
# How long background calls are held while Redis, and so the rate limiter, is unreachable.
_WAIT_WITHOUT_RATE_LIMITER = 5.0
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SentPoll:
    """A poll with its call in flight, and when the rate limiter counted it: by Redis's clock and by this process's."""

    poll: Poll
    counted_at: int
    since: float


class PollTurn:
    """The polls that one thread has leased and not yet finished."""

    def __init__(self) -> None:
        self._fetches = FetchQueue()
        self._taken: dict[int, SentPoll] = {}
        self._extend_at = time.monotonic() + leases.EXTEND_SECONDS

    def __len__(self) -> int:
        return len(self._taken)

    def begin(self, polls: list[Poll], *, asked_for: bool = False) -> list[FetchResult]:
        """Start the calls that the rate limiter allows; reschedule the others and return their results."""
        ready, held = _pace(polls, asked_for=asked_for)
        if asked_for:
            for poll in polls:
                poll.fingerprint = ""  # a person who asks gets everything ingested
        self._taken |= {sent.poll.pk: sent for sent in ready}
        if ready:
            now = clock.now()
            for sent in ready:
                sent.poll.last_attempt_at = now
            self._fetches.begin([sent.poll for sent in ready], now)
        return ingest_results(held) if held else []

    def settle(self, patience: float = LOOK_SECONDS) -> list[FetchResult]:
        """Ingest the responses that have arrived; wait up to ``patience`` seconds for the first."""
        self._extend_leases()
        # In order of arrival, so that a slow upstream does not delay the responses of others.
        answers = self._fetches.arrived(_INGEST_BATCH, patience)
        _count_late([self._taken.pop(answer.poll.pk) for answer in answers])
        return ingest_results(answers) if answers else []

    def _extend_leases(self) -> None:
        """Extend the leases if it is time: a call may take longer than a lease lasts."""
        if time.monotonic() >= self._extend_at:
            self._extend_at = time.monotonic() + leases.EXTEND_SECONDS
            # What a person asked for may run without a lease.
            Poll.objects.acquire(*(sent.poll for sent in self._taken.values() if sent.poll.leased_until))

    def give_back(self) -> None:
        """Cancel the calls in flight, because this worker is shutting down, and let another worker run them at once."""
        self._fetches.cancel()
        Poll.objects.give_back(sent.poll for sent in self._taken.values())
        logger.info("leases_given_back", polls=len(self))
        self._taken.clear()


def run_turn() -> int:
    """Run due polls until there are none, for at most a minute; return how many were leased.

    Free slots are filled while slow calls are still in flight. If enough threads of this worker poll already, none are
    leased.
    """
    if not _turns.acquire(blocking=False):
        return 0
    try:
        return _take_turn()
    finally:
        _turns.release()


def _take_turn() -> int:
    turn, taken, ends_at = PollTurn(), 0, time.monotonic() + LONGEST_TURN_SECONDS
    while True:
        if BATCH - len(turn) >= _REFILL and time.monotonic() < ends_at and not shutdown.requested():
            polls = Poll.objects.lease(BATCH - len(turn), leases.SECONDS)
            heartbeats.record_work("polling")
            taken += len(polls)
            if polls:
                turn.begin(polls)
        if not turn:
            return taken
        if shutdown.overdue():
            turn.give_back()
        else:
            turn.settle()


def run_due(limit: int = BATCH) -> int:
    """Fetch and ingest up to ``limit`` due polls; return how many were leased: none if the worker is shutting down."""
    if shutdown.requested():
        return 0
    polls = Poll.objects.lease(limit, leases.SECONDS)
    if polls:
        run(polls)
    return len(polls)


def run(polls: Iterable[Poll], *, asked_for: bool = False) -> list[FetchResult]:
    """Fetch and ingest ``polls``. With ``asked_for`` (by a person) the rate limiter counts the calls but holds none."""
    turn = PollTurn()
    answers = turn.begin(_with_workspaces(list(polls)), asked_for=asked_for)
    while turn and not shutdown.overdue():
        answers += turn.settle()
    if turn:
        turn.give_back()
    return answers


def _with_workspaces(polls: list[Poll]) -> list[Poll]:
    """Return ``polls`` with fresh workspaces and sessions, by one query; those of removed workspaces are left out."""
    fresh = Workspace.objects.select_related("session").in_bulk({poll.workspace_id for poll in polls})
    for poll in polls:
        if poll.workspace_id in fresh:
            poll.workspace = fresh[poll.workspace_id]
    return [poll for poll in polls if poll.workspace_id in fresh]


def _pace(polls: list[Poll], *, asked_for: bool) -> tuple[list[SentPoll], list[FetchResult]]:
    """Return the polls that may call upstream now, and results for the others."""
    known = [poll for poll in polls if is_registered(poll.resource)]
    unregistered = [poll for poll in polls if not is_registered(poll.resource)]
    failed = [FetchResult(poll, error=LookupError(f"This console reads no {poll.resource}.")) for poll in unregistered]
    since, calls = time.monotonic(), [_call_of(poll) for poll in known]
    try:
        limits = [resource_named(poll.resource).limit_per_minute for poll in known]
        taken = rate_limiter.record(calls) if asked_for else rate_limiter.acquire(calls, limits)
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))
        taken = rate_limiter.Grant([_WAIT_WITHOUT_RATE_LIMITER] * len(calls))
    pairs = list(zip(known, taken.waits, strict=True))
    held = [FetchResult(poll, hold_seconds=wait) for poll, wait in pairs if wait]
    return [SentPoll(poll, taken.taken_at, since) for poll, wait in pairs if not wait], held + failed


def _count_late(answered: list[SentPoll]) -> None:
    """Recount calls that may have reached upstream long after the rate limiter counted them."""
    now = time.monotonic()
    late = [
        (_call_of(sent.poll), sent.counted_at) for sent in answered if now - sent.since > rate_limiter.MARGIN_SECONDS
    ]
    if late:
        rate_limiter.recount(late)


def _call_of(poll: Poll) -> rate_limiter.Call:
    return poll.workspace.rate_limited_as, resource_named(poll.resource).endpoint
