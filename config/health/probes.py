"""Health endpoints for load balancers and supervisors."""

from collections.abc import Mapping
from datetime import UTC

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config.health import liveness
from config.health.cached import Cached
from core.encryption import DecryptionError
from workspaces.credentials.encryption_keys import check_encryption_keys
from workspaces.models import Heartbeat

NOT_KNOWN = "not known"
TAKES_NOTHING = "not writable: read-only, disk full or not responding"


@require_safe
@login_not_required
def healthz(_request: HttpRequest) -> JsonResponse:
    """Respond with 200 while this process can respond at all."""
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Respond with 200 if database, migrations and Redis are usable, otherwise 503, with the state of each.

    With ``?full`` the background work must be running too. A load balancer must not use that, because it would send
    people away from pages that work.
    """
    checks = {name: check() for name, check in _CHECKS.items()}
    if "full" in request.GET:
        checks |= _background()
    ready = all(answer == "ok" for answer in checks.values())
    body = {"status": "ok" if ready else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _background() -> Mapping[str, str]:
    """Return the state of the clock, each queue and the encryption keys; with reason and time if one is not running."""
    found = liveness.current_liveness()
    answers = dict.fromkeys(("clock", *settings.QUEUES), "ok" if found.is_known else "unknown yet")
    for one in found.troubles:
        since = f"since {one.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if one.since else "never seen"
        answers[one.name] = f"{one.title} ({since})"
    return answers | {"encryption_keys": encryption_keys()}


def _encryption_keys() -> str:
    try:
        check_encryption_keys()
    except DecryptionError as error:
        return str(error)
    except DatabaseError:
        return NOT_KNOWN
    return "ok"


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "no answer"
    return _WRITING()


def _writable() -> str:
    """Try to write: a database that is read-only or has a full disk still answers queries."""
    try:
        Heartbeat.beat(Heartbeat.Kind.PROBE, "readyz")
    except DatabaseError:
        return TAKES_NOTHING
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return NOT_KNOWN
    return f"{len(pending)} pending: run migrate" if pending else "ok"


def _redis() -> str:
    try:
        seconds = settings.REDIS_SECONDS
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds) as client:
            client.ping()
    except redis.RedisError:
        return "no answer"
    return "ok"


_WRITING = Cached(_writable, seconds=10, doubtful=(TAKES_NOTHING,))
# The problem with this process's encryption keys, or "ok".
encryption_keys = Cached(_encryption_keys, seconds=10, doubtful=(NOT_KNOWN,))
# Anyone may request these, so they are cached. Planning migrations costs most, and its result changes least.
_CHECKS = {
    "database": Cached(_database, seconds=1),
    "migrations": Cached(_migrations, seconds=20, doubtful=(NOT_KNOWN,)),
    "redis": Cached(_redis, seconds=1),
}


def clear_cache() -> None:
    for check in _CHECKS.values():
        check.forget()
    _WRITING.forget()
    encryption_keys.forget()
    liveness.clear_cache()
