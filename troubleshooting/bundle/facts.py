"""What the mirror knows about a problem as of a given time, and what runs here. The same time gives the same facts."""

import datetime as dt
import platform
import sqlite3
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.db import connection

import cleanlist
from core.form_messages import CleanedData
from keys.models import ApiKey, LoggedRequest
from usage.models import BalanceReading
from webhooks.models import Attempt, Workflow
from workspaces.models import Poll, Workspace

MOST_ROWS = 50
# Beside one request: what happened shortly before and after it.
NEARBY = dt.timedelta(minutes=5)
PACKAGES = ("celery", "django", "granian", "httpx", "msgspec", "psycopg", "redis")


@dataclass(frozen=True)
class BundleFacts:
    """Rows of the mirror; the newest first."""

    workspace: Workspace
    until: dt.datetime
    key: ApiKey | None
    workflow: Workflow | None
    attempts: list[Attempt]
    request: LoggedRequest | None
    requests: list[LoggedRequest]
    failing_polls: list[Poll]
    balance: BalanceReading | None


def collect_facts(workspace: Workspace, asked: CleanedData, key: ApiKey | None) -> BundleFacts:
    """Return what the mirror of ``workspace`` holds about what is asked, in a fixed number of queries."""
    until = asked["until"]
    workflow = Workflow.objects.of(workspace).filter(workflow_id=asked["workflow"]).first()
    request = _request(workspace, asked["request"])
    key = key or (request.key if request else None)
    return BundleFacts(
        workspace=workspace,
        until=until,
        key=key,
        workflow=workflow,
        attempts=_attempts(workspace, workflow, until),
        request=request,
        requests=_requests(workspace, key, request, until),
        failing_polls=list(workspace.polls.filter(consecutive_failures__gt=0).order_by("resource", "subject")[:20]),
        balance=BalanceReading.objects.of(workspace).begun_by(until),
    )


def _request(workspace: Workspace, request_id: str) -> LoggedRequest | None:
    if not request_id:
        return None
    keys = ApiKey.objects.of(workspace).values_list("pk", flat=True)  # by key, as the index of ids is
    return LoggedRequest.objects.with_upstream_id(request_id, list(keys)).select_related("key").first()


def _requests(
    workspace: Workspace, key: ApiKey | None, request: LoggedRequest | None, until: dt.datetime
) -> list[LoggedRequest]:
    rows = LoggedRequest.objects.filter(key=key) if key else LoggedRequest.objects.of(workspace)
    if request is not None:
        rows = rows.filter(created_at__range=(request.created_at - NEARBY, request.created_at + NEARBY))
    return list(rows.by_customer().filter(created_at__lte=until).select_related("key").newest_first()[:MOST_ROWS])


def _attempts(workspace: Workspace, workflow: Workflow | None, until: dt.datetime) -> list[Attempt]:
    if workflow is None:
        return []
    rows = Attempt.objects.filter(workspace=workspace, delivery__workflow=workflow, at__lte=until)
    return list(rows.select_related("delivery").order_by("-at", "-pk")[:MOST_ROWS])


def environment() -> dict[str, object]:
    """Return versions and the settings that change how the console asks upstream.

    No secret, no host name, no path of this machine.
    """
    return {
        "console": cleanlist.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "database": _database(),
        "packages": {name: _package_version(name) for name in PACKAGES},
        "settings": {name: getattr(settings, name) for name in settings.SETTINGS_FOR_SUPPORT},
    }


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _database() -> str:
    if connection.vendor == "sqlite":
        return f"sqlite {sqlite3.sqlite_version}"
    connection.ensure_connection()
    number: int = getattr(connection, "pg_version", 0)
    return f"{connection.vendor} {number // 10_000}.{number % 10_000}"
