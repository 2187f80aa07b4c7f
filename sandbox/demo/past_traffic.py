"""The past as table rows, from a simulation in which log, ledger, workflows and webhooks agree.

Events are processed in order of time. An enrichment that the balance does not cover becomes a 402 without polls; a
finished one is settled, added to the lead list and delivered. A pure function of seed and times.
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

from sandbox.db.column_types import JsonObject
from sandbox.enrichment import contact_directory, workflows
from sandbox.enrichment.contact_directory import DirectoryContact
from sandbox.lists import leads
from sandbox.webhooks.deliveries import RETRY_WAITS

from .call_patterns import BULK, DAYS, PERSON_V2, STATUS_V2, ClientSession, Submission, generate_sessions
from .demo_keys import DEMO_KEYS, DemoKey

TOP_UP = Decimal(10_000)
TOP_UP_BELOW = Decimal(1_500)

# Hours until the customer pays, one top-up after another. Two are too late, so the log has hours of 402.
TOP_UP_HOURS = (5.0, 2.0, 41.0, 3.0, 1.5, 46.0, 2.5, 4.0)

Row = JsonObject


@dataclass(frozen=True, slots=True)
class PastSettings:
    """The input of the simulation: organization, lead list, opening balance and times."""

    seed: int
    anchor: dt.datetime
    now: dt.datetime
    organization_id: str
    lead_list_id: str
    opening_balance: Decimal


@dataclass(slots=True)
class PastRows:
    """Rows by table, and the `balance` at the end."""

    balance: Decimal
    request_logs: list[Row] = field(default_factory=list)
    ledger_entries: list[Row] = field(default_factory=list)
    workflows: list[Row] = field(default_factory=list)
    workflow_tasks: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    delivery_attempts: list[Row] = field(default_factory=list)


RECOVERED_URL = "http://127.0.0.1/recovered"  # until live traffic knows the port
RECOVERED = 2  # deliveries: two people can try it out

# URL and possible outcomes of each receiver, as (weight, the status code or error of each attempt).
PAST_RECEIVERS: dict[str, tuple[str, list[tuple[int, list[int | str]]]]] = {
    "works": ("https://hooks.example-3.test/cleanlist", [(94, [200]), (4, [503, 200]), (2, [502, 502, 200])]),
    "slow": ("https://warehouse.example-5.test/in", [(8, [202]), (2, ["timeout", 202]), (1, ["timeout"] * 5)]),
    "broken": ("https://crm.example-9.test/webhook", [(3, [200]), (2, [500] * 5), (1, [500, 500, 500, 200])]),
    "hangs": ("https://reports.example-14.test/nightly", [(1, ["timeout"] * 5)]),
    "missing": ("https://sheets.example-11.test/hooks/17", [(1, [404] * 5)]),
    # Was unavailable, and is one of the demo's own receivers: a result that is redelivered there is accepted.
    "recovered": (RECOVERED_URL, [(1, [503] * 5)]),
    "vanished": ("https://old-host.example-21.test/cleanlist", [(1, ["dns"] * 5)]),
}
ERROR_MESSAGES = {
    200: None,
    202: None,
    404: "HTTP 404 Not Found",
    500: "HTTP 500 Internal Server Error",
    502: "HTTP 502 Bad Gateway",
    503: "HTTP 503 Service Unavailable",
    "timeout": "Connection timed out: no answer within 10 s",
    "dns": "DNS error: the host name could not be resolved",
}


def generate_past(settings: PastSettings) -> PastRows:
    """Return the past of all demo keys, from 35 days before the anchor up to now."""
    return _Simulation(settings).run()


class _Simulation:
    """The state of the simulation: balance, events to come, and rows so far."""

    def __init__(self, settings: PastSettings) -> None:
        self.settings = settings
        self.rows = PastRows(balance=settings.opening_balance)
        self.rng = random.Random(f"{settings.seed}/walk")  # noqa: S311 - a repeatable past, no secret
        self.delays = itertools.cycle(TOP_UP_HOURS)
        self.topping_up = False
        self.leads: dict[str | None, Row] = {}
        self.order = itertools.count()
        self.queue: list[tuple[dt.datetime, int, Any]] = []

    def run(self) -> PastRows:
        for session in self._sessions():
            self._push(session.at, session)
        while self.queue:
            at, _, event = heapq.heappop(self.queue)
            if isinstance(event, ClientSession):
                self._session(event)
            elif isinstance(event, Decimal):
                self._top_up(at, event)
            else:
                self._finish(event)
        self._sort()
        return self.rows

    def _sessions(self) -> list[ClientSession]:
        """Return all sessions. The webhooks of the latest ones failed, and can be troubleshot and redelivered."""
        until = self.settings.now - dt.timedelta(minutes=3)
        generated = (
            session
            for demo_key in DEMO_KEYS
            for session in generate_sessions(demo_key, self.settings.seed, self.settings.anchor)
        )
        past_sessions = [session for session in generated if session.at < until]
        with_webhook = [one.submission for one in past_sessions if one.submission and one.submission.receiver]
        before = [submission for submission in with_webhook if submission.at < self.settings.anchor]
        for submission in sorted(before, key=lambda submission: submission.at)[-RECOVERED:]:
            submission.receiver = "recovered"
        return past_sessions

    def _push(self, at: dt.datetime, event: object) -> None:
        heapq.heappush(self.queue, (at, next(self.order), event))

    def _sort(self) -> None:
        self.rows.request_logs.sort(key=lambda row: row["created_at"])

    def _session(self, session: ClientSession) -> None:
        workflow_id = self._submit(session, session.submission) if session.submission else ""
        for call in session.calls:
            if call.polls_workflow and not workflow_id:
                continue
            path = call.path + workflow_id if call.path == STATUS_V2 else call.path
            self._log(session, call.at, call.method, path, (call.status, call.duration_ms))

    def _submit(self, session: ClientSession, submission: Submission) -> str:
        """Reserve and start, or log the refusal: 402 on the legacy surface, 400 on v2 (docs)."""
        reserved = contact_directory.highest_cost(submission.enrichment_type) * len(submission.numbers)
        bulk = submission.kind == "bulk"
        path = BULK if bulk else PERSON_V2
        if reserved > self.rows.balance:
            self._log(session, submission.at, "POST", path, (402 if bulk else 400, 9))
            return ""
        self._log(session, submission.at, "POST", path, (200, submission.duration_ms))
        workflow = self._workflow(session.demo_key, submission, reserved)
        self._entry("reserve", -reserved, submission.at, workflow["id"])
        self._push(workflow["finish_at"], (workflow, submission))
        return str(workflow["id"])

    def _workflow(self, demo_key: DemoKey, submission: Submission, reserved: Decimal) -> Row:
        prefix = "public_bulk_" if submission.kind == "bulk" else "enrich-"
        url = PAST_RECEIVERS[submission.receiver][0] if submission.receiver else None
        return {
            "id": prefix + self._uuid(),
            "kind": submission.kind,
            "organization_id": self.settings.organization_id,
            "user_id": demo_key.owner,
            "api_key_id": demo_key.key_id(self.settings.seed),
            "lead_list_id": self.settings.lead_list_id,
            "enrichment_type": submission.enrichment_type,
            "webhook_url": url,
            "submitted_at": submission.at,
            "finish_at": submission.at + workflows.RunTime().duration(len(submission.numbers)),
            "reserved": reserved,
        }

    def _finish(self, event: tuple[Row, Submission]) -> None:
        workflow, submission = event
        at: dt.datetime = workflow["finish_at"]
        tasks = [self._task(workflow, position, number) for position, number in enumerate(submission.numbers)]
        cost = sum((task["credits"] for task in tasks), Decimal(0))
        self._entry("release", workflow["reserved"], at, workflow["id"])
        self._entry("settle", -cost, at, workflow["id"])
        failed = all(task["status"] == workflows.FAILED for task in tasks)
        outcome = workflows.FAILED if failed else workflows.COMPLETED
        self.rows.workflows.append({**workflow, "status": outcome, "completed_at": at, "settled": cost})
        self.rows.workflow_tasks.extend(tasks)
        if submission.receiver is not None:
            self._deliver(workflow, submission.receiver)
        if self.rows.balance < TOP_UP_BELOW and not self.topping_up:
            self.topping_up = True
            self._push(at + dt.timedelta(hours=next(self.delays)), TOP_UP)

    def _task(self, workflow: Row, position: int, number: int) -> Row:
        given = {"linkedin_url": DirectoryContact(number).linkedin_url}
        result = contact_directory.enrich_contact(given, workflow["enrichment_type"])
        row = {
            "id": self._uuid(),
            "workflow_id": workflow["id"],
            "position": position,
            "contact": given,
            "status": workflows.FAILED if result.failed else workflows.COMPLETED,
            "result": workflows.result_fields(result),
            "credits": result.cost,
        }
        found = result.contact is not None and not result.failed
        return row | {"lead_id": self._lead(row, workflow["finish_at"]) if found else None}

    def _lead(self, task: Row, at: dt.datetime) -> str:
        """Return the id of the person's lead, which is the organization's from the first result on."""
        identity = leads.identity_of(task["result"])
        drawn = str(uuid.UUID(int=self.rng.getrandbits(96), version=4))
        lead = self.leads.get(identity)
        if lead is not None:
            lead["contact"] = leads.merged(lead["contact"], task["result"])
            lead["enriched"] = lead["enriched"] or task["credits"] > 0
            return str(lead["id"])
        self.leads[identity] = {
            "id": drawn,
            "organization_id": self.settings.organization_id,
            "identity": identity,
            "contact": task["result"],
            "enriched": task["credits"] > 0,
            "created_at": at,
        }
        self.rows.leads.append(self.leads[identity])
        return drawn

    def _deliver(self, workflow: Row, receiver: str) -> None:
        url, plans = PAST_RECEIVERS[receiver]
        plan = self.rng.choices([outcomes for _, outcomes in plans], [weight for weight, _ in plans])[0]
        delivery = {
            "id": self._uuid(),
            "workflow_id": workflow["id"],
            "organization_id": self.settings.organization_id,
            "url": url,
            "state": "delivered" if ERROR_MESSAGES[plan[-1]] is None else "failed",
            "attempts": len(plan),
            "next_attempt_at": None,
            "created_at": workflow["finish_at"],
        }
        self.rows.deliveries.append(delivery)
        self.rows.delivery_attempts.extend(self._attempts(delivery, plan))

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
                "status": "success" if ERROR_MESSAGES[outcome] is None else "failed",
                "response_status_code": outcome if isinstance(outcome, int) else None,
                "error_message": ERROR_MESSAGES[outcome],
                "response_time_ms": took,
                "attempted_at": at,
            }
            at += dt.timedelta(milliseconds=took, seconds=RETRY_WAITS[number - 1])

    def _top_up(self, at: dt.datetime, amount: Decimal) -> None:
        if at < self.settings.now:
            self.topping_up = False
            self._entry("grant", amount, at, None)

    def _entry(self, kind: str, amount: Decimal, at: dt.datetime, workflow_id: str | None) -> None:
        if amount == 0:
            return
        self.rows.balance += amount
        self.rows.ledger_entries.append(
            {
                "organization_id": self.settings.organization_id,
                "kind": kind,
                "amount": amount,
                "balance_after": self.rows.balance,
                "workflow_id": workflow_id,
                "at": at,
            }
        )

    def _log(self, session: ClientSession, at: dt.datetime, method: str, path: str, result: tuple[int, int]) -> None:
        self.rows.request_logs.append(
            {
                "id": self._uuid(),
                "key_id": session.demo_key.key_id(self.settings.seed),
                "organization_id": self.settings.organization_id,
                "method": method,
                "path": path,
                "status_code": result[0],
                "duration_ms": result[1],
                "ip_address": session.ip_address,
                "user_agent": session.demo_key.user_agent,
                "created_at": at,
            }
        )

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))


def starts_at(anchor: dt.datetime) -> dt.datetime:
    """Return when a past with this anchor starts_at."""
    return anchor - dt.timedelta(days=DAYS)


def usage_by_key(rows: PastRows) -> dict[str, tuple[int, dt.datetime]]:
    """Return for each key id the number of calls and the time of the last one."""
    used: dict[str, list[dt.datetime]] = defaultdict(list)
    for row in rows.request_logs:
        used[row["key_id"]].append(row["created_at"])
    return {key_id: (len(times), max(times)) for key_id, times in used.items()}
