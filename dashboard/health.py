"""What load balancers and supervisors ask."""

import threading
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


class Remembered:
    """The last answer to a question that is asked at most once in ``seconds``, by one thread at a time."""

    def __init__(self, question: Callable[[], str], seconds: float) -> None:
        self._question = question
        self._seconds = seconds
        self._asking = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Ask again next time."""
        self._answer, self._good_until = "", 0.0

    def __call__(self) -> str:
        """Return the answer, asked for anew if it is too old."""
        # While one thread asks, the others go on with the last answer; only the first one is waited for.
        if time.monotonic() >= self._good_until and self._asking.acquire(blocking=not self._answer):
            try:
                self._ask()
            finally:
                self._asking.release()
        return self._answer

    def _ask(self) -> None:
        if time.monotonic() >= self._good_until:
            self._answer = self._question()
            self._good_until = time.monotonic() + self._seconds


@require_safe
@login_not_required
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process can answer at all."""
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, migrations and Redis are usable, 503 otherwise, and say which is not."""
    checks = {name: check() for name, check in _CHECKS.items()}
    ready = all(answer == "ok" for answer in checks.values())
    body = {"status": "ok" if ready else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "no answer"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unknown"
    return f"{len(pending)} to apply: run `python manage.py migrate`" if pending else "ok"


def _redis() -> str:
    try:
        seconds = settings.REDIS_SECONDS
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds) as client:
            client.ping()
    except redis.RedisError:
        return "no answer"
    return "ok"


# Anybody may ask, so asking often costs nothing. Planning migrations costs most and its answer changes least.
_CHECKS = {
    "database": Remembered(_database, seconds=1),
    "migrations": Remembered(_migrations, seconds=20),
    "redis": Remembered(_redis, seconds=1),
}


def forget() -> None:
    """Have every check made anew."""
    for check in _CHECKS.values():
        check.forget()
