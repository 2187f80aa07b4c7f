"""Known costs of single calls: enrichments that can be attributed to one call of one key."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID

from django.db.models import Q

from keys.log.workflows import workflow_id_in, workflow_status_requests
from usage.changes.enrichments import enrichment_credits
from usage.changes.types import ZERO
from usage.spend.attribution import KnownCost
from usage.spend.enrichments import STILL_RUNNING
from webhooks.models import Workflow, kind_of
from webhooks.models.workflow import LIST
from workspaces.models import Workspace

BULK, PERSON, COMPANY = "enrich/bulk", "enrichment/person", "enrichment/company"
# A key at an endpoint.
Source = tuple[UUID, str]
MOST_ASKED, MOST_WORKS = 20_000, 5000
# An enrichment takes minutes, so the call that started it is not older than this when it ends.
LONGEST = timedelta(hours=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
# From this many on, the usual duration of enrichments is known.
ENOUGH = 5
# The longest response time of a call.
LONGEST_CALL = timedelta(minutes=5)
# Upstream records a call and the enrichment that it started by different clocks; whole seconds are a second wide.
CLOCKS, SECOND = timedelta(seconds=0.25), timedelta(seconds=1)


@dataclass(frozen=True)
class LoggedCall:
    """A paid call of the log; upstream may log its beginning or its end, which are ``took`` apart."""

    at: datetime
    source: Source
    took: timedelta = timedelta(0)


@dataclass(frozen=True)
class EnrichmentRun:
    """An enrichment, its reservation and cost, and the keys that requested its status, with the first time.

    It ended after ``ended_after`` and by ``ended_by``; both are None while it runs. ``begun_at`` is None if unknown.
    """

    workflow_id: str
    begun_at: datetime | None
    ended_by: datetime | None
    credits: float
    reserved: float
    asked_by: Mapping[UUID, datetime] = field(default_factory=dict)
    ended_after: datetime | None = None
    contacts: int = 1

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return the endpoints that may have started it; for an ID of unknown kind, by the number of contacts."""
        kind = kind_of(self.workflow_id)
        if kind is not None:
            return kind.endpoints
        return (BULK, *LIST.endpoints) if self.contacts > 1 else (PERSON,)

    def may_be_of(self, call: LoggedCall) -> bool:
        """Return whether ``call`` may have started it, judging by its time, or else by who requested its status."""
        if call.source[1] not in self.endpoints:
            return False
        if self.begun_at is not None:
            whole = SECOND if 0 in (self.begun_at.microsecond, call.at.microsecond) else timedelta(0)
            return abs(call.at - self.begun_at) <= call.took + CLOCKS + whole
        asked_at = self.asked_by.get(call.source[0])
        latest = min(filter(None, [self.ended_by, asked_at]), default=None)
        return asked_at is not None and latest is not None and latest - LONGEST <= call.at <= latest

    @property
    def between(self) -> tuple[datetime, datetime]:
        """Return the time range of possible calls."""
        if self.begun_at is not None:
            return self.begun_at - LONGEST_CALL, self.begun_at + LONGEST_CALL
        latest = max(self.asked_by.values(), default=self.ended_by)
        return (latest - LONGEST, latest) if latest else (_NEVER, _NEVER)

    def nearness(self, call: LoggedCall) -> timedelta:
        """Return the time difference of ``call`` from the expected one."""
        return abs((self.begun_at or self.asked_by[call.source[0]]) - call.at)


def known_costs(
    workspace: Workspace, since: datetime, until: datetime, calls: Sequence[LoggedCall]
) -> list[KnownCost[Source]]:
    """Return the known costs of ``calls`` (paid ones, oldest first), in at most two queries."""
    flat = [_cost_of_company_call(call) for call in _companies(calls)]
    rows = {row.workflow_id: row for row in _rows(workspace, since, until)}
    if not rows:
        return flat
    asked = _keys_that_asked(workspace, since - LONGEST, rows)
    found = [one for row in rows.values() if (one := _enrichment_run(row, asked[row.workflow_id])) is not None]
    return [*flat, *estimate_ends(match_calls(found, calls))]


def _cost_of_company_call(call: LoggedCall) -> KnownCost[Source]:
    at = call.at.timestamp()
    return KnownCost(at, at, 1.0, call.source, ended=at, called=at)


def _companies(calls: Iterable[LoggedCall]) -> Iterable[LoggedCall]:
    """Return the company calls, which cost a credit at once: one that found no company is not successful."""
    return (call for call in calls if call.source[1] == COMPANY)


def _rows(workspace: Workspace, since: datetime, until: datetime) -> Iterable[Workflow]:
    ended = Q(completed_at__range=(since, until + LONGEST))
    running = Q(completed_at__isnull=True, status_gone=False, status_read_at__gte=until - STILL_RUNNING)
    return Workflow.objects.of(workspace).filter(ended | running).order_by("-pk")[:MOST_WORKS]


def _enrichment_run(row: Workflow, asked_by: Mapping[UUID, datetime]) -> EnrichmentRun | None:
    """Return an enrichment's data; None if its cost or reservation is unknown."""
    work = enrichment_credits(row)
    cost = work.charged if row.completed_at else work.reserved
    if cost is None:
        return None
    # If upstream does not report the end, ``completed_at`` is when the enrichment was first seen to have ended.
    is_exact = row.completed_at is not None and row.completed_at != row.status_read_at
    return EnrichmentRun(
        row.workflow_id,
        row.submitted_at,
        row.completed_at,
        float(work.charged or ZERO) if row.completed_at else 0.0,
        float(cost if work.reserved is None else work.reserved),
        asked_by,
        row.completed_at if is_exact else None,
        row.summary.get("total", 0),
    )


def _keys_that_asked(workspace: Workspace, since: datetime, ids: Collection[str]) -> Mapping[str, dict[UUID, datetime]]:
    """Return which keys requested each workflow's status according to the log, and when first."""
    found: dict[str, dict[UUID, datetime]] = defaultdict(dict)
    for path, key, at in workflow_status_requests(workspace, since).values_list("path", "key_id", "created_at")[
        :MOST_ASKED
    ]:
        if (name := workflow_id_in(path)) in ids:
            found[name][key] = at
    return found


def match_calls(found: Iterable[EnrichmentRun], calls: Sequence[LoggedCall]) -> list[KnownCost[Source]]:
    """Return the known costs of calls that are the only possible start of an enrichment.

    Of several calls of one key the nearest is taken; which one it was matters little. If calls of several keys are
    possible, those of keys that requested its status are preferred. If it is still ambiguous, it waits until other
    enrichments have taken their calls.
    """
    waiting = sorted(found, key=lambda one: one.begun_at or min(one.asked_by.values(), default=_NEVER))
    known: list[KnownCost[Source]] = []
    times, free = [call.at for call in calls], set(range(len(calls)))
    while True:
        undecided = []
        for one in waiting:
            place = _take_call(one, calls, times, free)
            if place is None:
                undecided.append(one)
            else:
                known.append(_known_cost(one, calls[place]))
        if len(undecided) == len(waiting):
            return known
        waiting = undecided


def _take_call(
    one: EnrichmentRun, calls: Sequence[LoggedCall], times: Sequence[datetime], free: set[int]
) -> int | None:
    """Take and return the index of the call that started ``one``; None if that is not certain."""
    earliest, latest = one.between
    places = range(bisect_left(times, earliest), bisect_right(times, latest))
    fitting = [place for place in places if place in free and one.may_be_of(calls[place])]
    workflow_status_requests = [place for place in fitting if calls[place].source[0] in one.asked_by]
    fitting = workflow_status_requests or fitting
    if len({calls[place].source for place in fitting}) != 1:
        return None
    found = min(fitting, key=lambda place: one.nearness(calls[place]))
    free.discard(found)
    return found


def estimate_ends(known: Sequence[KnownCost[Source]]) -> list[KnownCost[Source]]:
    """Return ``known`` with estimated ends, from others' durations, for those only seen to have ended."""
    took = [one.until - one.since for one in known if one.since < one.ended == one.until]
    if len(took) < ENOUGH:
        return list(known)
    usual = median(took)
    return [
        replace(one, ended=end, until=end)
        if one.ended < one.until < math.inf and (end := min(one.until, one.since + usual))
        else one
        for one in known
    ]


def _known_cost(one: EnrichmentRun, call: LoggedCall) -> KnownCost[Source]:
    began = (one.begun_at or call.at).timestamp()
    ended_by = math.inf if one.ended_by is None else one.ended_by.timestamp()
    ended_after = began if one.ended_after is None else one.ended_after.timestamp()
    return KnownCost(began, ended_by, one.credits, call.source, one.reserved, ended_after, call.at.timestamp())
