"""Live traffic: calls of the demo keys while the server runs.

Each call does what its route does, with the same functions (`workflows.submit`, `ledger.balance`, the validation of
the bulk request, `request_log.write_rows`), so that rows, credits, workflows and webhooks are real and durations are
measured. It does not use HTTP: a client on loopback would log 127.0.0.1 for everybody, and it would need the secrets
of the keys, to be stored or issued anew at every start. Therefore rate limits, scopes and injected faults do not
apply to it, and a live 429 or 500 never comes from it.

A key that somebody revokes is silent at once, as its client would get a 401. Time in which the server was off is not
filled in.
"""

import asyncio
import heapq
import itertools
import logging
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from sandbox.credits import ledger
from sandbox.db.column_types import utc_now
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, Delivery, DeliveryAttempt, Fact, User, Workflow
from sandbox.enrichment import contact_directory, workflows
from sandbox.enrichment.contact_directory import DirectoryContact
from sandbox.request_log import LoggedRequest, write_rows
from sandbox.schemas import BulkRequest
from sandbox.seed import ORGANIZATION_ID
from sandbox.webhooks.guarded_post import AllowedTargets

from .call_patterns import BALANCE, BALANCE_V2, BULK, DELIVERIES, PERSON_V2, STATUS, STATUS_V2, VALIDATE, ApiCall
from .demo_keys import DEMO_KEYS, DemoKey, UsagePattern
from .installer import installed_seed
from .past_traffic import RECOVERED_URL, TOP_UP
from .receivers import HOST, WebhookReceivers

logger = logging.getLogger(__name__)

FACT_PORT = "traffic.receivers_port"

# Mean seconds between two sessions of a key. Together the keys make about 5 calls a minute, and none so many in an
# hour that it looks unusual next to its past.
MEAN_PAUSE_SECONDS: dict[UsagePattern, float] = {
    "pipeline": 45,
    "crm": 220,
    "monitor": 80,
    "casual": 190,
    "nightly": 150,
}

# The share of sessions that are enrichments.
ENRICHMENT_SHARE: dict[UsagePattern, float] = {"pipeline": 0.13, "nightly": 1.0}
NIGHT_HOURS = range(2, 4)

# The customer tops up some minutes after the balance falls below this.
TOP_UP_BELOW = Decimal(300)
TOP_UP_AFTER_SECONDS = (600.0, 2400.0)
BALANCE_CHECK_SECONDS = 20.0

# Weights of the receivers of bulk enrichments; "" is none.
WEBHOOKS = {"works": 11, "broken": 2, "missing": 1, "hangs": 1, "": 3}

Step = Callable[[], None]


class LiveTraffic:
    """Makes the calls of the demo keys when they are due; the engine calls `tick`."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        installed = installed_seed(store)
        self._seed = seed if installed is None else installed
        self._receivers = WebhookReceivers(_remembered_port(store))
        self._targets = AllowedTargets(own_ports=self.ports)
        self._rng = random.Random()  # noqa: S311 - demo traffic
        self._sequence = itertools.count()
        self._schedule: list[tuple[float, int, Step]] = []

    @property
    def ports(self) -> frozenset[int]:
        """The port of the receivers, which webhooks of the demo may reach although it is on loopback."""
        return frozenset({self._receivers.port})

    async def open(self) -> None:
        """Start the receivers and schedule the first session of each key."""
        await asyncio.to_thread(self._remember_port)
        self._receivers.start()
        for demo_key in DEMO_KEYS:
            if demo_key.usage_pattern != "none" and not demo_key.use_ended():
                self._call_later(
                    self._rng.uniform(0.5, MEAN_PAUSE_SECONDS[demo_key.usage_pattern]),
                    self._recurring_session(demo_key),
                )
        self._call_later(BALANCE_CHECK_SECONDS, self._watch_balance)

    async def close(self) -> None:
        """Stop the receivers."""
        await asyncio.to_thread(self._receivers.stop)

    async def tick(self) -> None:
        """Make the calls that are due, one after another."""
        while self._schedule and self._schedule[0][0] <= time.monotonic():
            _, _, step = heapq.heappop(self._schedule)
            await asyncio.to_thread(_run_safely, step)

    def _call_later(self, seconds: float, step: Step) -> None:
        heapq.heappush(self._schedule, (time.monotonic() + seconds, next(self._sequence), step))

    def _recurring_session(self, demo_key: DemoKey) -> Step:
        def session() -> None:
            self._call_later(MEAN_PAUSE_SECONDS[demo_key.usage_pattern] * self._rng.uniform(0.5, 1.5), session)
            if demo_key.usage_pattern != "nightly" or utc_now().hour in NIGHT_HOURS:
                self._session(demo_key)

        return session

    def _session(self, demo_key: DemoKey) -> None:
        if demo_key.usage_pattern == "monitor":
            self._get(demo_key, BALANCE, self._read_balance)
        elif demo_key.usage_pattern == "crm":
            self._get(demo_key, BALANCE_V2, self._read_balance)
            if self._rng.random() < 0.45:
                self._submit(demo_key, PERSON_V2, contacts=1)
        elif self._rng.random() < ENRICHMENT_SHARE.get(demo_key.usage_pattern, 0.25):
            self._submit(
                demo_key, BULK, contacts=12 if demo_key.usage_pattern == "nightly" else self._rng.randint(1, 3)
            )
        elif self._rng.random() < 0.05:
            self._call(demo_key, "POST", BULK, self._incomplete_bulk)
        else:
            path = self._rng.choice((VALIDATE, BALANCE, DELIVERIES))
            self._get(demo_key, path, self._read_deliveries if path == DELIVERIES else self._read_balance)

    def _submit(self, demo_key: DemoKey, path: str, contacts: int) -> None:
        """Start an enrichment and poll it, as a client does."""
        workflow_ids: list[str] = []

        def start() -> int:
            try:
                workflow_ids.append(self._start(demo_key, path, contacts))
            except ledger.InsufficientCredits:
                return 402 if path == BULK else 400
            return 200

        self._call(demo_key, "POST", path, start)
        for workflow_id in workflow_ids:
            path_to_poll = STATUS if path == BULK else STATUS_V2 + workflow_id
            for seconds in (1.5, 4.0, 7.5) if path == BULK else (2.0, 5.0):
                self._call_later(seconds, self._poll(demo_key, path_to_poll, workflow_id))

    def _poll(self, demo_key: DemoKey, path: str, workflow_id: str) -> Step:
        return lambda: self._get(demo_key, path, lambda: self._read_workflow(workflow_id))

    def _start(self, demo_key: DemoKey, path: str, contacts: int) -> str:
        receiver = self._rng.choices(list(WEBHOOKS), list(WEBHOOKS.values()))[0] if path == BULK else ""
        types, weights = zip(*demo_key.enrichments.items(), strict=True)
        enrichment_type = self._rng.choices(types, weights)[0]
        # Phone numbers are expensive: one contact at a time limits the spending.
        count = contacts if enrichment_type == "partial" else 1
        numbers = [self._rng.randrange(contact_directory.CONTACTS + 100) for _ in range(count)]
        with self._store.session() as session:
            return workflows.submit(
                session,
                principal_user_id=demo_key.owner,
                organization_id=ORGANIZATION_ID,
                api_key_id=demo_key.key_id(self._seed),
                enrichment_type=enrichment_type,
                contacts=[{"linkedin_url": DirectoryContact(number).linkedin_url} for number in numbers],
                webhook_url=self._receivers.url(receiver) if receiver else None,
                kind="bulk" if path == BULK else "person",
                targets=self._targets,
            ).id

    def _incomplete_bulk(self) -> int:
        """Validate a contact without a company, as the route does."""
        contact = {"first_name": "Contact", "last_name": "0042"}
        return _validate({"enrichment_type": "partial", "contacts": [contact]})

    def _read_balance(self) -> int:
        with self._store.reading() as session:
            ledger.balance(session, ORGANIZATION_ID)
        return 200

    def _read_deliveries(self) -> int:
        newest = select(DeliveryAttempt).filter_by(organization_id=ORGANIZATION_ID)
        with self._store.reading() as session:
            session.scalars(newest.order_by(DeliveryAttempt.attempted_at.desc()).limit(100)).all()
        return 200

    def _read_workflow(self, workflow_id: str) -> int:
        loaded = select(Workflow).options(selectinload(Workflow.tasks)).filter_by(id=workflow_id)
        with self._store.reading() as session:
            workflow = session.scalar(loaded)
            if workflow is None:
                return 404
            workflows.status_payload(session, workflow)
        return 200

    def _get(self, demo_key: DemoKey, path: str, act: Callable[[], int]) -> None:
        self._call(demo_key, "GET", path, act)

    def _call(self, demo_key: DemoKey, method: str, path: str, act: Callable[[], int]) -> None:
        """Make a call if the key is active, and log it with its status and measured duration."""
        if not self._is_active(demo_key):
            return
        started, at = time.perf_counter(), utc_now()
        status = act()
        call = ApiCall(at, method, path, status, max(1, round((time.perf_counter() - started) * 1000)))
        write_rows(self._store, [asdict(self._row(demo_key, call))])

    def _row(self, demo_key: DemoKey, call: ApiCall) -> LoggedRequest:
        return LoggedRequest(
            key_id=demo_key.key_id(self._seed),
            organization_id=ORGANIZATION_ID,
            method=call.method,
            path=call.path,
            status_code=call.status,
            duration_ms=call.duration_ms,
            ip_address=self._rng.choice(demo_key.ip_addresses),
            user_agent=demo_key.user_agent,
            created_at=call.at,
        )

    def _is_active(self, demo_key: DemoKey) -> bool:
        with self._store.reading() as session:
            key = session.get(ApiKey, demo_key.key_id(self._seed))
            return key is not None and key.is_active(utc_now()) and session.get(User, key.user_id) is not None

    def _watch_balance(self) -> None:
        with self._store.reading() as session:
            low = ledger.balance(session, ORGANIZATION_ID) < TOP_UP_BELOW
        if low:
            self._call_later(self._rng.uniform(*TOP_UP_AFTER_SECONDS), self._top_up)
        else:
            self._call_later(BALANCE_CHECK_SECONDS, self._watch_balance)

    def _top_up(self) -> None:
        with self._store.session() as session:
            if ledger.balance(session, ORGANIZATION_ID) < TOP_UP_BELOW:
                ledger.grant(session, ORGANIZATION_ID, TOP_UP)
        self._call_later(BALANCE_CHECK_SECONDS, self._watch_balance)

    def _remember_port(self) -> None:
        """Note the port for the next start, and let the past lead to the receiver that accepts again."""
        url = self._receivers.url("recovered")
        with self._store.session() as session:
            former = session.get(Fact, FACT_PORT)
            known = {RECOVERED_URL, f"http://{HOST}:{former.value}/recovered" if former else RECOVERED_URL}
            for column in (Workflow.webhook_url, Delivery.url, DeliveryAttempt.url):
                session.execute(update(column.class_).where(column.in_(known - {url})).values({column.key: url}))
            session.merge(Fact(name=FACT_PORT, value=str(self._receivers.port)))


def _remembered_port(store: Store) -> int:
    with store.reading() as session:
        fact = session.get(Fact, FACT_PORT)
        return int(fact.value) if fact is not None else 0


def _validate(body: dict[str, object]) -> int:
    try:
        BulkRequest.model_validate(body)
    except ValidationError:
        return 422
    return 200


def _run_safely(step: Step) -> None:
    try:
        step()
    except Exception:
        logger.exception("a step of the demo traffic failed; the traffic goes on")
