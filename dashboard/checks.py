"""What ``manage.py check --deploy`` looks at beyond Django's own checks: the ways to Redis and to the database."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags, Warning, register  # noqa: A004 - Django's names

_HERE = {"", "localhost", "127.0.0.1", "::1"}
_TLS = {"require", "verify-ca", "verify-full"}


@register(Tags.security, deploy=True)
def redis_is_guarded(**_: Any) -> list[CheckMessage]:
    """Say what stands between the tasks and counters in Redis and others on its machine or network."""
    parts = urlsplit(settings.REDIS_URL)
    open_to_all = not (parts.password or parse_qs(parts.query).get("password"))
    if parts.scheme == "unix" or parts.hostname in _HERE:
        hint = "Give it a password, or a socket that only the console's account may open."
        note = "Redis takes commands from every account of this machine that reaches it: REDIS_URL has no password."
        bundled = settings.ENVIRONMENT.bundled_redis
        return [Info(note, hint=hint, id="dashboard.I001")] if open_to_all and not bundled else []
    found: list[CheckMessage] = []
    if open_to_all:
        note = (
            "REDIS_URL has no password and leads to another machine: whoever reaches Redis can give the workers tasks."
        )
        found.append(Warning(note, hint="Set requirepass and use rediss://:password@host.", id="dashboard.W001"))
    if parts.scheme != "rediss":
        note = "REDIS_URL leads to another machine without TLS: its password and what it holds can be read on the way."
        found.append(Warning(note, hint="Use rediss://.", id="dashboard.W002"))
    return found


@register(Tags.security, deploy=True)
def the_way_to_the_database_is_sealed(**_: Any) -> list[CheckMessage]:
    """Warn of a database on another machine that may be talked to without TLS."""
    database = settings.DATABASES["default"]
    host = str(database.get("HOST") or "")
    if host in _HERE or host.startswith("/") or database.get("OPTIONS", {}).get("sslmode") in _TLS:
        return []
    note = "DATABASE_URL leads to another machine and does not ask for TLS."
    return [Warning(note, hint="Add ?sslmode=verify-full, or require, to it.", id="dashboard.W003")]
