"""The past as table rows: sessions meet the credits, so that log, ledger, workflows and webhooks agree.

One walk through all events in the order of time. An enrichment that the balance does not cover becomes a 402
and its polls never happen; a finished one settles, lands in the lead list and is announced. Pure: seed and
times in, rows out.
"""

import datetime as dt
import heapq
import itertools
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox import directory, enrichment
from sandbox.deliveries import WAITS
from sandbox.directory import Contact

from .characters import CAST, Character
from .sessions import BULK, DAYS, PERSON_V2, STATUS_V2, Session, Submission, sessions

TOP_UP = Decimal(10_000)
TOP_UP_BELOW = Decimal(1_500)

# How long the customer takes to notice and to pay, in hours, one top-up after another. Two were noticed too
# late, so the log has hours of 402 in it.
TOP_UP_HOURS = (5.0, 2.0, 41.0, 3.0, 1.5, 46.0, 2.5, 4.0)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the past is put: whose it is, its list, the balance it begins with and when it ends."""

    seed: int
    anchor: dt.datetime
    now: dt.datetime
    organization_id: str
    lead_list_id: str
    opening_balance: Decimal


@dataclass(slots=True)
class Past:
    """Rows by table; `balance` is what is left at the end."""

    balance: Decimal
    request_logs: list[Row] = field(default_factory=list)
    ledger_entries: list[Row] = field(default_factory=list)
    workflows: list[Row] = field(default_factory=list)
    workflow_tasks: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    delivery_attempts: list[Row] = field(default_factory=list)


# What each receiver of the past did, as (weight, status code or words) for every attempt in turn.
RECEIVERS: dict[str, tuple[str, list[tuple[int, list[int | str]]]]] = {
    "works": ("https://hooks.example-3.test/cleanlist", [(94, [200]), (4, [503, 200]), (2, [502, 502, 200])]),
    "slow": ("https://warehouse.example-5.test/in", [(8, [202]), (2, ["timeout", 202]), (1, ["timeout"] * 5)]),
    "broken": ("https://crm.example-9.test/webhook", [(3, [200]), (2, [500] * 5), (1, [500, 500, 500, 200])]),
    "hangs": ("https://reports.example-14.test/nightly", [(1, ["timeout"] * 5)]),
    "missing": ("https://sheets.example-11.test/hooks/17", [(1, [404] * 5)]),
    "vanished": ("https://old-host.example-21.test/cleanlist", [(1, ["dns"] * 5)]),
}
REASONS = {
    200: None,
    202: None,
    404: "HTTP 404 Not Found",
    500: "HTTP 500 Internal Server Error",
    502: "HTTP 502 Bad Gateway",
    503: "HTTP 503 Service Unavailable",
    "timeout": "Connection timed out: no answer within 10 s",
    "dns": "DNS error: the host name could not be resolved",
}


def make(place: Place) -> Past:
    """Return the whole past of the cast, from 35 days before the anchor up to now."""
    return _Walk(place).run()


class _Walk:
    """The walk's state: the balance, what is still to come, and the rows so far."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.past = Past(balance=place.opening_balance)
        self.rng = random.Random(f"{place.seed}/walk")  # noqa: S311 - a repeatable past, no secret
        self.delays = itertools.cycle(TOP_UP_HOURS)
        self.topping_up = False
        self.order = itertools.count()
        self.queue: list[tuple[dt.datetime, int, Any]] = []

    def run(self) -> Past:
        for session in self._sessions():
            self._push(session.at, session)
        while self.queue:
            at, _, event = heapq.heappop(self.queue)
            if isinstance(event, Session):
                self._session(event)
            elif isinstance(event, Decimal):
                self._top_up(at, event)
            else:
                self._finish(event)
        self._sort()
        return self.past

    def _sessions(self) -> list[Session]:
        """Return the cast's sessions; the results of a recent one do not arrive, so that there is one to look into."""
        until = self.place.now - dt.timedelta(minutes=3)
        every = (one for character in CAST for one in sessions(character, self.place.seed, self.place.anchor))
        found = [session for session in every if session.at < until]
        announced = [one.submission for one in found if one.submission and one.submission.receiver]
        before = (submission for submission in announced if submission.at < self.place.anchor)
        max(before, key=lambda submission: submission.at).receiver = "missing"
        return found

    def _push(self, at: dt.datetime, event: Any) -> None:
        heapq.heappush(self.queue, (at, next(self.order), event))

    def _sort(self) -> None:
        self.past.request_logs.sort(key=lambda row: row["created_at"])

    def _session(self, session: Session) -> None:
        workflow_id = self._submit(session, session.submission) if session.submission else ""
        for call in session.calls:
            if call.follows and not workflow_id:
                continue
            path = call.path + workflow_id if call.path == STATUS_V2 else call.path
            self._log(session, call.at, call.method, path, (call.status, call.duration_ms))

    def _submit(self, session: Session, submission: Submission) -> str:
        """Reserve and start, or log the refusal: 402 on the legacy surface, 400 on v2 (docs)."""
        reserved = directory.highest_cost(submission.enrichment_type) * len(submission.numbers)
        bulk = submission.kind == "bulk"
        path = BULK if bulk else PERSON_V2
        if reserved > self.past.balance:
            self._log(session, submission.at, "POST", path, (402 if bulk else 400, 9))
            return ""
        self._log(session, submission.at, "POST", path, (200, submission.duration_ms))
        workflow = self._workflow(session.character, submission, reserved)
        self._entry("reserve", -reserved, submission.at, workflow["id"])
        self._push(workflow["finish_at"], (workflow, submission))
        return str(workflow["id"])

    def _workflow(self, character: Character, submission: Submission, reserved: Decimal) -> Row:
        prefix = "public_bulk_" if submission.kind == "bulk" else "enrich-"
        url = RECEIVERS[submission.receiver][0] if submission.receiver else None
        return {
            "id": prefix + self._uuid(),
            "kind": submission.kind,
            "organization_id": self.place.organization_id,
            "user_id": character.owner,
            "api_key_id": character.key_id(self.place.seed),
            "lead_list_id": self.place.lead_list_id,
            "enrichment_type": submission.enrichment_type,
            "webhook_url": url,
            "submitted_at": submission.at,
            "finish_at": submission.at + enrichment.Pace().duration(len(submission.numbers)),
            "reserved": reserved,
        }

    def _finish(self, event: tuple[Row, Submission]) -> None:
        workflow, submission = event
        at: dt.datetime = workflow["finish_at"]
        tasks = [self._task(workflow, position, number) for position, number in enumerate(submission.numbers)]
        cost = sum((task["credits"] for task in tasks), Decimal(0))
        self._entry("release", workflow["reserved"], at, workflow["id"])
        self._entry("settle", -cost, at, workflow["id"])
        failed = all(task["status"] == enrichment.FAILED for task in tasks)
        outcome = enrichment.FAILED if failed else enrichment.COMPLETED
        self.past.workflows.append({**workflow, "status": outcome, "completed_at": at, "settled": cost})
        self.past.workflow_tasks.extend(tasks)
        if submission.receiver is not None:
            self._deliver(workflow, submission.receiver)
        if self.past.balance < TOP_UP_BELOW and not self.topping_up:
            self.topping_up = True
            self._push(at + dt.timedelta(hours=next(self.delays)), TOP_UP)

    def _task(self, workflow: Row, position: int, number: int) -> Row:
        given = {"linkedin_url": Contact(number).linkedin_url}
        find = directory.enrich(given, workflow["enrichment_type"])
        row = {
            "id": self._uuid(),
            "workflow_id": workflow["id"],
            "position": position,
            "contact": given,
            "status": enrichment.FAILED if find.failed else enrichment.COMPLETED,
            "result": enrichment.as_result(find),
            "credits": find.cost,
        }
        if find.contact is not None and not find.failed:
            self.past.leads.append(self._lead(workflow, row))
        return row

    def _lead(self, workflow: Row, task: Row) -> Row:
        return {
            "id": f"lead_{self.rng.getrandbits(96):024x}",
            "lead_list_id": workflow["lead_list_id"],
            "workflow_id": workflow["id"],
            "task_id": task["id"],
            "contact": task["result"],
            "created_at": workflow["finish_at"],
        }

    def _deliver(self, workflow: Row, receiver: str) -> None:
        url, plans = RECEIVERS[receiver]
        plan = self.rng.choices([outcomes for _, outcomes in plans], [weight for weight, _ in plans])[0]
        delivery = {
            "id": self._uuid(),
            "workflow_id": workflow["id"],
            "organization_id": self.place.organization_id,
            "url": url,
            "state": "delivered" if REASONS[plan[-1]] is None else "failed",
            "attempts": len(plan),
            "next_attempt_at": None,
            "created_at": workflow["finish_at"],
        }
        self.past.deliveries.append(delivery)
        self.past.delivery_attempts.extend(self._attempts(delivery, plan))

    def _attempts(self, delivery: Row, plan: list[int | str]) -> Iterator[Row]:
        at: dt.datetime = delivery["created_at"]
        for number, outcome in enumerate(plan, 1):
            took = 10_000 if outcome == "timeout" else round(self.rng.lognormvariate(4.6, 0.6))
            yield {
                "id": self._uuid(),
                "delivery_id": delivery["id"],
                "workflow_id": delivery["workflow_id"],
                "organization_id": delivery["organization_id"],
                "attempt_number": number,
                "url": delivery["url"],
                "status": "success" if REASONS[outcome] is None else "failed",
                "response_status_code": outcome if isinstance(outcome, int) else None,
                "error_message": REASONS[outcome],
                "response_time_ms": took,
                "attempted_at": at,
            }
            at += dt.timedelta(milliseconds=took, seconds=WAITS[number - 1])

    def _top_up(self, at: dt.datetime, amount: Decimal) -> None:
        if at < self.place.now:
            self.topping_up = False
            self._entry("grant", amount, at, None)

    def _entry(self, kind: str, amount: Decimal, at: dt.datetime, workflow_id: str | None) -> None:
        if amount == 0:
            return
        self.past.balance += amount
        self.past.ledger_entries.append(
            {
                "organization_id": self.place.organization_id,
                "kind": kind,
                "amount": amount,
                "balance_after": self.past.balance,
                "workflow_id": workflow_id,
                "at": at,
            }
        )

    def _log(self, session: Session, at: dt.datetime, method: str, path: str, answer: tuple[int, int]) -> None:
        self.past.request_logs.append(
            {
                "id": self._uuid(),
                "key_id": session.character.key_id(self.place.seed),
                "organization_id": self.place.organization_id,
                "method": method,
                "path": path,
                "status_code": answer[0],
                "duration_ms": answer[1],
                "ip_address": session.address,
                "user_agent": session.character.user_agent,
                "created_at": at,
            }
        )

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))


def begins(anchor: dt.datetime) -> dt.datetime:
    """Return when a past with this anchor begins."""
    return anchor - dt.timedelta(days=DAYS)


def counts(past: Past) -> dict[str, tuple[int, dt.datetime]]:
    """Return for each key id how often it was used and when last."""
    used: dict[str, list[dt.datetime]] = defaultdict(list)
    for row in past.request_logs:
        used[row["key_id"]].append(row["created_at"])
    return {key_id: (len(times), max(times)) for key_id, times in used.items()}
