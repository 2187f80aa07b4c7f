"""Checks an installation by trying each part as the console uses it."""

import os
import shutil
import smtplib
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config import __version__
from config.environment import misspelled, secrets_in, settings_file
from config.health import liveness
from core import clock
from core.encryption import DecryptionError, EncryptedField
from workspaces.models import Heartbeat, User

OLDEST_POSTGRESQL = 15
LEAST_FREE_BYTES = 1024**3
MOST_SEALED = 1000  # values of each kind that are opened to test the keys

# Django's warnings about a URL without https: HSTS, redirects, cookies. They follow from PUBLIC_URL, which is reported.
OF_HTTP = {"security.W004", "security.W008", "security.W012", "security.W016"}


@dataclass(frozen=True)
class InstallationFinding:
    """The state of one part. ``advice`` says what to do, and is set only if something is wrong."""

    part: str
    text: str
    advice: str = ""


def check_installation() -> Iterator[InstallationFinding]:
    """Yield a finding for every part; those that need the tables only if these exist."""
    yield _version()
    yield _space()
    database = check_database()
    yield database
    yield _redis()
    yield _static_files()
    yield _mail()
    yield _proxies()
    if database.advice:
        return
    tables = _tables()
    yield tables
    if not tables.advice:
        for check in (_writing, _clock, _keys, _site_admin, _background):
            yield check()
    if not settings.ENVIRONMENT.embedded:
        yield from _django()
    yield from _misspelled()
    yield from _open_file()


def _version() -> InstallationFinding:
    return InstallationFinding("Version", f"{__version__} on Python {sys.version.split()[0]}")


def _space() -> InstallationFinding:
    free = shutil.disk_usage(settings.VAR_DIR).free
    text = f"{settings.VAR_DIR}, {free / 1024**3:.1f} GiB free"
    return InstallationFinding("VAR_DIR", text, "Free up disk space." if free < LEAST_FREE_BYTES else "")


def check_database() -> InstallationFinding:
    """Return whether the database answers and the console can use it."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        return InstallationFinding("Database", _first_line(error), "Start it or correct DATABASE_URL.")
    if connection.vendor != "postgresql":
        return InstallationFinding("Database", f"SQLite, {settings.DATABASES['default']['NAME']}")
    postgresql: Any = connection
    major = postgresql.pg_version // 10000
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        [encoding] = cursor.fetchone()
    advice = ""
    if major < OLDEST_POSTGRESQL:
        advice = f"Update it to {OLDEST_POSTGRESQL} or newer."
    elif encoding != "UTF8":  # other encodings reject alerts and logs with a dash or an accent
        advice = "Create a new one: createdb --encoding UTF8 --template template0."
    return InstallationFinding("Database", f"PostgreSQL {major}, {encoding}", advice)


def _tables() -> InstallationFinding:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        return InstallationFinding("Tables", f"{len(pending)} migrations pending", "Run prepare.")
    return InstallationFinding("Tables", "up to date")


def _writing() -> InstallationFinding:
    try:
        Heartbeat.beat(Heartbeat.Kind.PROBE, "readyz")
    except DatabaseError as error:
        return InstallationFinding("Writing", _first_line(error), "Make the database writable, or free up disk space.")
    return InstallationFinding("Writing", "possible")


def _clock() -> InstallationFinding:
    apart = abs((clock.now() - timezone.now()).total_seconds())  # noqa: TID251 - this machine's is what is compared
    text = f"{apart:.1f} s from the database's"
    return InstallationFinding(
        "Clock", text, "Sync both machines with NTP." if apart > clock.SLACK.total_seconds() else ""
    )


def _redis() -> InstallationFinding:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5) as client:
            server: Any = client.info("server")
    except redis.RedisError as error:
        hint = (
            "Start `up`, which includes one."
            if settings.ENVIRONMENT.bundled_redis
            else "Start it, or correct REDIS_URL."
        )
        return InstallationFinding("Redis", _first_line(error), hint)
    name = "Valkey" if "valkey_version" in server else "Redis"
    return InstallationFinding("Redis", f"{name} {server.get('valkey_version') or server['redis_version']}")


def _static_files() -> InstallationFinding:
    if settings.DEBUG or (settings.STATIC_ROOT / "staticfiles.json").is_file():
        return InstallationFinding("Static files", str(settings.STATIC_ROOT))
    return InstallationFinding("Static files", f"not in {settings.STATIC_ROOT}", "Run prepare.")


def _mail() -> InstallationFinding:
    if not settings.ENVIRONMENT.email_url:
        text = f"written to files in {settings.MAIL_DIR}"
        return InstallationFinding(
            "Mail", text, "" if settings.ENVIRONMENT.embedded else "Set EMAIL_URL, or no emails are sent."
        )
    try:
        get_connection(timeout=10).open()
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return InstallationFinding(
            "Mail", f"{settings.EMAIL_HOST} said: {error.smtp_code} {said}", "Correct EMAIL_URL."
        )
    except (OSError, ValueError) as error:  # smtplib's exceptions are OSErrors
        return InstallationFinding("Mail", _first_line(error), "Start the mail server, or correct EMAIL_URL.")
    return InstallationFinding("Mail", f"{settings.EMAIL_HOST} accepts mail (nothing was sent)")


def _proxies() -> InstallationFinding:
    text = f"{settings.PUBLIC_URL}, proxies in front: {settings.TRUSTED_PROXY_COUNT}"
    if settings.PUBLIC_URL.startswith("https://"):
        advice = "" if settings.TRUSTED_PROXY_COUNT else "Set TRUSTED_PROXY_COUNT: a proxy terminates TLS in front."
    elif settings.ENVIRONMENT.embedded:
        advice = ""
    else:
        text += "; passwords and sessions can be intercepted"
        advice = "Put a TLS proxy in front and set PUBLIC_URL to its https:// address."
    return InstallationFinding("Address", text, advice)


def _keys() -> InstallationFinding:
    opened = 0
    for model in apps.get_models():
        for column in [each for each in model._meta.fields if isinstance(each, EncryptedField)]:  # noqa: SLF001 - documented
            rows = model._default_manager.exclude(**{column.name: None})  # noqa: SLF001
            for sealed in rows.values_list(column.name, flat=True)[:MOST_SEALED]:
                try:
                    sealed.decrypt()
                except DecryptionError:
                    advice = "Add the key it was encrypted with to ENCRYPTION_KEYS."
                    return InstallationFinding("Encryption keys", f"can't decrypt a {model._meta.verbose_name}", advice)  # noqa: SLF001
                opened += 1
    return InstallationFinding("Encryption keys", f"decrypt stored secrets ({opened:,} checked)")


def _site_admin() -> InstallationFinding:
    count = User.objects.filter(is_superuser=True, is_active=True).count()
    return InstallationFinding("Site admins", str(count), "" if count else "Run prepare or createsuperuser.")


def _background() -> InstallationFinding:
    found = liveness.current_liveness()
    if not found.is_known:
        return InstallationFinding(
            "Workers and clock", "not seen yet", "Start them. If you just did, check again in a minute."
        )
    if not found.troubles:
        return InstallationFinding("Workers and clock", "running")
    titles = "; ".join(trouble.title for trouble in found.troubles)
    return InstallationFinding("Workers and clock", titles, "Start them, or check their logs.")


def _django() -> Iterator[InstallationFinding]:
    expected = set() if settings.PUBLIC_URL.startswith("https://") else OF_HTTP
    for message in run_checks(include_deployment_checks=True):
        if message.is_serious(level=WARNING) and not message.is_silenced() and message.id not in expected:
            yield InstallationFinding("Settings", message.msg, message.hint or "See Django's documentation.")


def _misspelled() -> Iterator[InstallationFinding]:
    """Report misspelled settings in the environment, where they may be meant for others; in a file they are errors."""
    for name, meant in misspelled(os.environ).items():
        yield InstallationFinding("Settings", f"{name} is set but isn't a known setting", f"Did you mean {meant}?")


def _open_file() -> Iterator[InstallationFinding]:
    path = settings_file()
    if path and secrets_in(path) and path.stat().st_mode & stat.S_IROTH:
        yield InstallationFinding("Settings", f"every account on this machine can read {path}", f"Run chmod o= {path}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
