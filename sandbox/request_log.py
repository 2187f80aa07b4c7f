"""The request log of each key, recorded without waiting and written in batches by one thread; the report on usage."""

import datetime as dt
import logging
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, String, case, cast, func, insert, literal, select, type_coerce, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .auth.authentication import Principal
from .db.column_types import JsonObject, UtcDateTime, utc_now
from .db.store import Store
from .db.tables import ApiKey, RequestLog, new_uuid
from .schemas import Usage, UsageRow

logger = logging.getLogger(__name__)

# Longer values are cut; a path or a user agent can be as long as the server's header limit.
MAX_TEXT = 512
RETRY_SECONDS = 0.2
# Rows of this time are written together, which costs calls under load much less than each on its own.
GATHER_SECONDS = 0.05
MAX_REFUSED = 25
GroupBy = Literal["tool", "key", "day", "error"]


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A row to write."""

    key_id: str
    organization_id: str
    method: str
    path: str
    status_code: int
    duration_ms: int
    ip_address: str | None
    user_agent: str | None
    created_at: dt.datetime = field(default_factory=utc_now)
    id: str = field(default_factory=new_uuid)

    def as_row(self) -> JsonObject:
        """Return it in the format of `write_rows`."""
        return asdict(self)


class RequestLogWriter:
    """Queues rows and writes them in the background.

    A row is written within a tenth of a second. A normal stop writes all of them; a kill loses those still queued.
    Readers of the log call `flush()` first, so that callers see their own calls.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # Calls that no key let in: no key's log has them, but whoever looks for their mistake.
        self.refused: deque[LoggedRequest] = deque(maxlen=MAX_REFUSED)
        self._queue: list[LoggedRequest] = []
        self._changed = threading.Condition()
        self._writing = False
        self._awaited = 0  # those who wait in ``flush``
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def record(self, row: LoggedRequest) -> None:
        """Queue one row; never blocks on the database."""
        with self._changed:
            self._queue.append(row)
            if len(self._queue) == 1:
                self._changed.notify_all()

    def flush(self, timeout: float = 10) -> None:
        """Wait until everything recorded so far is written, at most `timeout` seconds."""
        with self._changed:
            self._awaited += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._queue and not self._writing, timeout)
            self._awaited -= 1

    def _run(self) -> None:
        while batch := self._take():
            self._write_until_done(batch)
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _take(self) -> list[LoggedRequest]:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            self._changed.wait_for(lambda: self._awaited or self._stopping, GATHER_SECONDS)
            batch, self._queue = self._queue, []
            self._writing = bool(batch)
            return batch

    def _write_until_done(self, batch: list[LoggedRequest]) -> None:
        while True:
            try:
                write_rows(self._store, [row.as_row() for row in batch])
            except IntegrityError:
                logger.info("a reset has removed a key of %d request log rows", len(batch))
                return
            except SQLAlchemyError:
                logger.exception("%d request log rows could not be written", len(batch))
                if self._stopping:
                    return
                time.sleep(RETRY_SECONDS)
            else:
                return


def write_rows(store: Store, rows: list[JsonObject]) -> None:
    """Insert log rows and bring `request_count` and `last_used_at` of their keys up to date, in one transaction."""
    counts: dict[str, int] = {}
    latest: dict[str, dt.datetime] = {}
    for row in rows:
        key_id = row["key_id"]
        counts[key_id] = counts.get(key_id, 0) + 1
        latest[key_id] = max(latest.get(key_id, row["created_at"]), row["created_at"])
    with store.session() as session:
        session.execute(insert(RequestLog), rows)
        for key_id, count in counts.items():
            newest = literal(latest[key_id], UtcDateTime())
            used_at = func.max(func.coalesce(ApiKey.last_used_at, newest), newest)
            change = {"request_count": ApiKey.request_count + count, "last_used_at": used_at}
            session.execute(update(ApiKey).where(ApiKey.id == key_id).values(change))


class RequestLogMiddleware:
    """ASGI middleware: logs every public call authenticated by a key, errors included.

    Calls refused with 401 have no key to log: a revoked or expired key no longer authenticates. The latest of them
    are kept in memory.
    """

    def __init__(self, app: ASGIApp, writer: RequestLogWriter) -> None:
        self._app = app
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the call when the response starts, so that a caller who has it finds the call in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def recording_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                milliseconds = round((time.perf_counter() - started) * 1000)
                row = _row(scope, message["status"], milliseconds)
                if row.key_id:
                    self._writer.record(row)
                elif row.status_code >= 400:
                    self._writer.refused.append(row)
            await send(message)

        await self._app(scope, receive, recording_send)


def _row(scope: Scope, status_code: int, duration_ms: int) -> LoggedRequest:
    principal: Principal | None = scope.get("state", {}).get("principal")
    client = scope.get("client")
    user_agent = Headers(scope=scope).get("user-agent")
    return LoggedRequest(
        key_id=(principal.api_key_id or "") if principal else "",
        organization_id=principal.organization_id if principal else "",
        method=scope["method"],
        path=scope["path"].encode("utf-8", "replace").decode()[:MAX_TEXT],
        status_code=status_code,
        duration_ms=duration_ms,
        ip_address=client[0] if client else None,
        user_agent=user_agent[:MAX_TEXT] if user_agent is not None else None,
    )


def create_report(session: Session, organization_id: str, days: int, group_by: GroupBy) -> Usage:
    """Count calls and errors (anything but 2xx) of the last `days` days.

    The buckets are the request path, the key's id, the UTC day, or, for "error", the status code; that last
    one has rows for errors only, while the totals count every call. Days come in order, the rest busiest first.
    """
    since = utc_now() - dt.timedelta(days=days)
    failed = ~RequestLog.status_code.between(200, 299)
    errors = func.sum(case((failed, 1), else_=0))
    window = select(func.count(), errors).where(
        RequestLog.organization_id == organization_id, RequestLog.created_at >= since
    )
    calls, total_errors = session.execute(window).one()
    bucket = _bucket(group_by)
    order = [bucket] if group_by == "day" else [func.count().desc(), bucket]
    grouped = window.add_columns(bucket).group_by(bucket).order_by(*order)
    if group_by == "error":
        grouped = grouped.where(failed)
    rows = [
        UsageRow(group=str(group), calls=count, credits_spent=0.0, errors=failures)
        for count, failures, group in session.execute(grouped)
    ]
    return Usage(
        days=days,
        group_by=group_by,
        total_calls=calls,
        total_credits_spent=0.0,
        total_errors=total_errors or 0,
        rows=rows,
    )


def _bucket(group_by: GroupBy) -> ColumnElement[Any]:
    if group_by == "tool":
        return RequestLog.path.expression
    if group_by == "key":
        return RequestLog.key_id.expression
    if group_by == "error":
        return cast(RequestLog.status_code, String)
    seconds = type_coerce(RequestLog.created_at, BigInteger) / 1_000_000
    return func.strftime("%Y-%m-%d", cast(seconds, BigInteger), "unixepoch")
