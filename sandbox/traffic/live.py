"""Live traffic: the cast goes on working while the server runs.

Each call does what its route does, with the same functions (`enrichment.submit`, `ledger.balance`, the bulk
request's own validation, `request_log.write_rows`), so that rows, credits, workflows and webhooks are real
consequences and durations are measured. It does not go over HTTP: a client on loopback would show 127.0.0.1
for everybody, and it would need secrets of the cast's keys, which either had to be stored or to be issued
anew at every start. The price: rate limits, scopes and injected faults do not touch the cast, so a live 429
or 500 is never its doing.

A key that somebody revokes falls silent at once, as its client would be refused with 401. Nothing is filled
in for the time in which the server was off.
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
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from sandbox import directory, enrichment, founding, ledger
from sandbox.columns import utc_now
from sandbox.directory import Contact
from sandbox.outgoing import Reach
from sandbox.request_log import LoggedRequest, write_rows
from sandbox.schemas import BulkRequest
from sandbox.store import Store
from sandbox.tables import ApiKey, DeliveryAttempt, Fact, User, Workflow

from .characters import CAST, Character, Habit
from .installing import installed_seed
from .past import TOP_UP
from .receivers import Receivers
from .sessions import BALANCE, BALANCE_V2, BULK, DELIVERIES, PERSON_V2, STATUS, STATUS_V2, VALIDATE, Call

logger = logging.getLogger(__name__)

FACT_PORT = "traffic.receivers_port"

# Mean seconds between two sessions of a key. Together the cast makes about 5 calls a minute, and no key so many in an
# hour that it looks unusual beside its past.
EVERY: dict[Habit, float] = {"pipeline": 45, "crm": 220, "monitor": 80, "casual": 190, "nightly": 150}

# Which share of its sessions are enrichments.
SUBMITS: dict[Habit, float] = {"pipeline": 0.13, "nightly": 1.0}
NIGHT_HOURS = range(2, 4)

# The customer tops up some minutes after the balance has fallen below this.
TOP_UP_BELOW = Decimal(300)
TOP_UP_AFTER_SECONDS = (600.0, 2400.0)
BALANCE_CHECK_SECONDS = 20.0

# Which of the receivers a live bulk enrichment names; "" stands for none.
WEBHOOKS = {"works": 11, "broken": 2, "missing": 1, "hangs": 1, "": 3}

Step = Callable[[], None]


class LiveTraffic:
    """Makes the cast's calls as they fall due; `tick` is called by the engine."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        installed = installed_seed(store)
        self._seed = seed if installed is None else installed
        self._receivers = Receivers(_remembered_port(store))
        self._reach = Reach(own_ports=self.ports)
        self._rng = random.Random()  # noqa: S311 - demo traffic
        self._order = itertools.count()
        self._plan: list[tuple[float, int, Step]] = []

    @property
    def ports(self) -> frozenset[int]:
        """The receivers' port, which webhooks of the cast may reach though it is on loopback."""
        return frozenset({self._receivers.port})

    async def open(self) -> None:
        """Start the receivers and plan everybody's first session."""
        await asyncio.to_thread(self._remember_port)
        self._receivers.start()
        for character in CAST:
            if character.habit != "none" and not character.ends():
                self._later(self._rng.uniform(0.5, EVERY[character.habit]), self._session_of(character))
        self._later(BALANCE_CHECK_SECONDS, self._watch_balance)

    async def close(self) -> None:
        """Stop the receivers."""
        await asyncio.to_thread(self._receivers.stop)

    async def tick(self) -> None:
        """Do what is due by now, one after another."""
        while self._plan and self._plan[0][0] <= time.monotonic():
            _, _, step = heapq.heappop(self._plan)
            await asyncio.to_thread(_surviving, step)

    def _later(self, seconds: float, step: Step) -> None:
        heapq.heappush(self._plan, (time.monotonic() + seconds, next(self._order), step))

    def _session_of(self, character: Character) -> Step:
        def session() -> None:
            self._later(EVERY[character.habit] * self._rng.uniform(0.5, 1.5), session)
            if character.habit != "nightly" or utc_now().hour in NIGHT_HOURS:
                self._session(character)

        return session

    def _session(self, character: Character) -> None:
        if character.habit == "monitor":
            self._get(character, BALANCE, self._read_balance)
        elif character.habit == "crm":
            self._get(character, BALANCE_V2, self._read_balance)
            if self._rng.random() < 0.45:
                self._submit(character, PERSON_V2, contacts=1)
        elif self._rng.random() < SUBMITS.get(character.habit, 0.25):
            self._submit(character, BULK, contacts=12 if character.habit == "nightly" else self._rng.randint(1, 3))
        elif self._rng.random() < 0.05:
            self._call(character, "POST", BULK, self._incomplete_bulk)
        else:
            path = self._rng.choice((VALIDATE, BALANCE, DELIVERIES))
            self._get(character, path, self._read_deliveries if path == DELIVERIES else self._read_balance)

    def _submit(self, character: Character, path: str, contacts: int) -> None:
        """Start an enrichment, then poll it as a client does."""
        started: list[str] = []

        def start() -> int:
            try:
                started.append(self._start(character, path, contacts))
            except ledger.InsufficientCredits:
                return 402 if path == BULK else 400
            return 200

        self._call(character, "POST", path, start)
        for workflow_id in started:
            polled = STATUS if path == BULK else STATUS_V2 + workflow_id
            for seconds in (1.5, 4.0, 7.5) if path == BULK else (2.0, 5.0):
                self._later(seconds, self._poll_of(character, polled, workflow_id))

    def _poll_of(self, character: Character, path: str, workflow_id: str) -> Step:
        return lambda: self._get(character, path, lambda: self._read_workflow(workflow_id))

    def _start(self, character: Character, path: str, contacts: int) -> str:
        receiver = self._rng.choices(list(WEBHOOKS), list(WEBHOOKS.values()))[0] if path == BULK else ""
        types, weights = zip(*character.enrichments.items(), strict=True)
        enrichment_type = self._rng.choices(types, weights)[0]
        # Phone numbers are dear: one contact at a time keeps the spending slow.
        count = contacts if enrichment_type == "partial" else 1
        numbers = [self._rng.randrange(directory.CONTACTS + 100) for _ in range(count)]
        with self._store.session() as session:
            return enrichment.submit(
                session,
                principal_user_id=character.owner,
                organization_id=founding.ORGANIZATION_ID,
                api_key_id=character.key_id(self._seed),
                enrichment_type=enrichment_type,
                contacts=[{"linkedin_url": Contact(number).linkedin_url} for number in numbers],
                webhook_url=self._receivers.url(receiver) if receiver else None,
                kind="bulk" if path == BULK else "person",
                reach=self._reach,
            ).id

    def _incomplete_bulk(self) -> int:
        """Send a contact that lacks its company to the route's own validation."""
        contact = {"first_name": "Contact", "last_name": "0042"}
        return _validated({"enrichment_type": "partial", "contacts": [contact]})

    def _read_balance(self) -> int:
        with self._store.reading() as session:
            ledger.balance(session, founding.ORGANIZATION_ID)
        return 200

    def _read_deliveries(self) -> int:
        newest = select(DeliveryAttempt).filter_by(organization_id=founding.ORGANIZATION_ID)
        with self._store.reading() as session:
            session.scalars(newest.order_by(DeliveryAttempt.attempted_at.desc()).limit(100)).all()
        return 200

    def _read_workflow(self, workflow_id: str) -> int:
        loaded = select(Workflow).options(selectinload(Workflow.tasks)).filter_by(id=workflow_id)
        with self._store.reading() as session:
            workflow = session.scalar(loaded)
            if workflow is None:
                return 404
            enrichment.status_payload(session, workflow)
        return 200

    def _get(self, character: Character, path: str, act: Callable[[], int]) -> None:
        self._call(character, "GET", path, act)

    def _call(self, character: Character, method: str, path: str, act: Callable[[], int]) -> None:
        """Act as the key if it still works, and log the call with its status and measured duration."""
        if not self._works(character):
            return
        started, at = time.perf_counter(), utc_now()
        status = act()
        call = Call(at, method, path, status, max(1, round((time.perf_counter() - started) * 1000)))
        write_rows(self._store, [asdict(self._row(character, call))])

    def _row(self, character: Character, call: Call) -> LoggedRequest:
        return LoggedRequest(
            key_id=character.key_id(self._seed),
            organization_id=founding.ORGANIZATION_ID,
            method=call.method,
            path=call.path,
            status_code=call.status,
            duration_ms=call.duration_ms,
            ip_address=self._rng.choice(character.addresses),
            user_agent=character.user_agent,
            created_at=call.at,
        )

    def _works(self, character: Character) -> bool:
        with self._store.reading() as session:
            key = session.get(ApiKey, character.key_id(self._seed))
            return key is not None and key.is_active(utc_now()) and session.get(User, key.user_id) is not None

    def _watch_balance(self) -> None:
        with self._store.reading() as session:
            low = ledger.balance(session, founding.ORGANIZATION_ID) < TOP_UP_BELOW
        if low:
            self._later(self._rng.uniform(*TOP_UP_AFTER_SECONDS), self._top_up)
        else:
            self._later(BALANCE_CHECK_SECONDS, self._watch_balance)

    def _top_up(self) -> None:
        with self._store.session() as session:
            if ledger.balance(session, founding.ORGANIZATION_ID) < TOP_UP_BELOW:
                ledger.grant(session, founding.ORGANIZATION_ID, TOP_UP)
        self._later(BALANCE_CHECK_SECONDS, self._watch_balance)

    def _remember_port(self) -> None:
        with self._store.session() as session:
            session.merge(Fact(name=FACT_PORT, value=str(self._receivers.port)))


def _remembered_port(store: Store) -> int:
    with store.reading() as session:
        fact = session.get(Fact, FACT_PORT)
        return int(fact.value) if fact is not None else 0


def _validated(body: dict[str, Any]) -> int:
    try:
        BulkRequest.model_validate(body)
    except ValidationError:
        return 422
    return 200


def _surviving(step: Step) -> None:
    try:
        step()
    except Exception:
        logger.exception("a step of the demo traffic failed; the traffic goes on")
