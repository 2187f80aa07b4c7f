"""Background work of the server: advances workflows, sends webhooks and, if enabled, makes demo traffic.

One thread with one event loop. All of its state is in the database, so it continues after a restart.
"""

import asyncio
import datetime as dt
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from .agents import runs
from .db.agent_tables import AgentRow, AgentRun
from .db.column_types import utc_now
from .db.store import Store
from .db.tables import Workflow, WorkflowTask
from .demo.live_traffic import LiveTraffic
from .directory.world import DEFAULT_SEED, world
from .enrichment import workflows
from .http.faults import ActiveFaults
from .webhooks.deliveries import RETRY_WAITS, WebhookSender
from .webhooks.guarded_post import RESPONSE_TIMEOUT, AllowedTargets

logger = logging.getLogger(__name__)

# The interval of checks for due work: two indexed reads of a small table. People would notice a second.
TICK_SECONDS = 0.2

# Enough for CONCURRENT_POSTS DNS look-ups, of which some may hang, and the database work.
ENGINE_THREADS = 64


class EngineSettings(Protocol):
    """The settings that the engine needs."""

    @property
    def allow_local_webhooks(self) -> bool:
        """Whether webhooks may go to loopback addresses."""

    @property
    def webhook_pace(self) -> float:
        """Factor of the time-outs and of the waits between attempts, compared with upstream."""

    @property
    def seed(self) -> int:
        """Seed of the directory and of the demo traffic."""


class Engine:
    """The background thread; `start` returns at once, `stop` waits until nothing runs."""

    def __init__(
        self,
        store: Store,
        settings: EngineSettings,
        *,
        traffic: bool = False,
        sender: WebhookSender | None = None,
        faults: ActiveFaults | None = None,
    ) -> None:
        self._store = store
        self._seed = settings.seed
        self._live = LiveTraffic(store, settings.seed) if traffic else None
        own_ports = self._live.ports if self._live else frozenset()
        targets = AllowedTargets(loopback=settings.allow_local_webhooks, own_ports=own_ports)
        self._sender = sender or _sender(store, targets, settings.webhook_pace, faults)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sandbox-engine")
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; interrupted work is repeated after the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    async def _run(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(ENGINE_THREADS, "sandbox-engine"))
        jobs: list[Callable[[], Awaitable[None]]] = [self._advance, self._advance_agents, self._sender.tick]
        if self._live:
            jobs.append(self._live.tick)
            await self._live.open()
        while not self._stopping.is_set():
            for job in jobs:
                await _run_safely(job)
            await asyncio.sleep(TICK_SECONDS)
        await self._sender.close()
        if self._live:
            await self._live.close()

    async def _advance(self) -> None:
        await asyncio.to_thread(advance_due_workflows, self._store, utc_now(), self._seed)

    async def _advance_agents(self) -> None:
        await asyncio.to_thread(advance_due_agents, self._store, utc_now(), self._seed)


def _sender(store: Store, targets: AllowedTargets, pace: float, faults: ActiveFaults | None) -> WebhookSender:
    waits = [pace * wait for wait in RETRY_WAITS]
    return WebhookSender(store, targets, waits, pace * RESPONSE_TIMEOUT, faults=faults)


async def _run_safely(job: Callable[[], Awaitable[None]]) -> None:
    """Run a job; a failure is logged and the engine continues, since the work is still in the database."""
    try:
        await job()
    except Exception:
        logger.exception("the engine's %s failed and will be tried again", getattr(job, "__name__", job))


def advance_due_workflows(store: Store, now: dt.datetime, seed: int = DEFAULT_SEED) -> int:
    """Advance every workflow with due work, and return how many finished.

    Each has a transaction of its own, opened only if needed: there is one write lock.
    """
    finished = 0
    for workflow_id in _due_workflows(store, now):
        try:
            with store.session() as session:
                workflow = session.get_one(Workflow, workflow_id)
                finished += workflows.advance(session, workflow, now, seed)
        except NoResultFound:
            continue  # a reset has removed it
        except Exception:
            logger.exception("workflow %s could not be advanced and will be tried again", workflow_id)
    return finished


def _due_workflows(store: Store, now: dt.datetime) -> list[str]:
    is_open = WorkflowTask.status == workflows.PROCESSING
    running = (
        select(Workflow, func.count(WorkflowTask.id), func.count(WorkflowTask.id).filter(is_open))
        .join(Workflow.tasks, isouter=True)
        .where(Workflow.status == workflows.PROCESSING)
        .group_by(Workflow.id)
        .order_by(Workflow.finish_at)
    )
    with store.reading() as session:
        rows = session.execute(running).all()
    return [workflow.id for workflow, total, still_open in rows if workflows.is_due(workflow, total, still_open, now)]


def advance_due_agents(store: Store, now: dt.datetime, seed: int = DEFAULT_SEED) -> int:
    """Advance every smart agent with due rows, and return how many runs ended; each has its own transaction."""
    done = select(func.count()).where(AgentRow.run_id == AgentRun.id, AgentRow.done).scalar_subquery()
    running = select(AgentRun, done).where(AgentRun.status.in_(runs.OPEN)).order_by(AgentRun.finish_at)
    with store.reading() as session:
        open_runs = session.execute(running).all()
    ended = 0
    for run, answered in open_runs:
        try:
            if now >= run.finish_at or runs.due_rows(run, now) > answered:
                ended += _advance_agent(store, run.id, now, seed)
        except NoResultFound:
            continue  # a reset has removed it
        except Exception:
            logger.exception("smart agent run %s could not be advanced and will be tried again", run.id)
    return ended


def _advance_agent(store: Store, run_id: str, now: dt.datetime, seed: int) -> bool:
    with store.reading() as session:
        prepared = runs.prepare(session, session.get_one(AgentRun, run_id), now, world(seed))
    with store.session() as session:
        return runs.advance(session, session.get_one(AgentRun, run_id), now, prepared)
