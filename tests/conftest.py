import contextlib
import gc
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import pytest
import redis as redis_client
import time_machine
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

from config.embedded import bundled_redis
from config.health import liveness, probes
from config.health.cached import Cached
from core import clock
from tests.sandbox.process import SHARED, SandboxProcess

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ["tests.fixtures"]  # the people and the workspace that most tests play with
# Fixtures without which a test has no connection: pytest-django refuses it to all others.
OF_DATABASES = {"db", "transactional_db"}

# Left out by --quick: these start programs, or take long.
NOT_QUICK = (
    *("tests/alerts/test_live.py", "tests/browser/", "tests/cleanlist/", "tests/config/backup/"),
    *("tests/config/embedded/", "tests/config/front/", "tests/config/metrics/", "tests/config/outages/"),
    *("tests/config/test_command_line.py", "tests/config/test_loading.py", "tests/deploy/", "tests/interface/scripts/"),
    *("tests/provisioning/", "tests/sandbox/", "tests/security/test_linear", "tests/usage/changes/test_rare"),
    *("tests/troubleshooting/test_body_agreement.py", "tests/webhooks/test_developers.py"),
)

# What takes minutes, the longest first.
LONG = (
    *("tests/browser/", "tests/deploy/", "tests/config/front/", "tests/config/embedded/test_up.py"),
    *("tests/alerts/test_live.py", "tests/security/", "tests/sandbox/"),
)

# How long an example takes says how busy the machine is. What makes too much of them is seen in the time of the whole.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


def pytest_collection_modifyitems(config, items):
    """Browser tests together: their console is started once, and Playwright's event loop is in nobody's way.

    On one core they come last, because the others fail faster. On several, what is longest begins first, and they are
    the longest of all. What only one database has is left to the run on that one, and what uses none to the run on
    SQLite.
    """
    kept = [item for item in items if belongs_to_this_run(item)]
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next(n for n, part in enumerate((*LONG, "")) if item.nodeid.startswith(part)))
    else:
        items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def belongs_to_this_run(item):
    if any(item.get_closest_marker(name) for name in {"sqlite", "postgresql"} - {connection.vendor}):
        return False
    asks = item.get_closest_marker("django_db") is not None or OF_DATABASES & set(item.fixturenames)
    if item.config.getoption("quick") and (asks or item.nodeid.startswith(NOT_QUICK)):
        return False
    return bool(asks) or connection.vendor == "sqlite"


def pytest_addoption(parser):
    parser.addoption(
        "--quick", action="store_true", help="only quick tests that need no database, browser or other program"
    )


def pytest_collection_finish():
    """Have the garbage collector look no more through what stays to the end: thousands of tests and all modules.

    And more seldom: looking after each 700 new objects, of which a page makes thousands, was a twelfth of its cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_xdist_auto_num_workers():
    """Two for each core: half of the time tests wait for servers that start, for browsers and for answers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores


class ByFile(LoadFileScheduling):
    """A file stays with one worker, and so do the folders whose files share a started console: it is made once.

    Browser tests are so many that two consoles halve their time.
    """

    folders = ("tests/browser", "tests/deploy", "tests/config/front")

    def _split_scope(self, nodeid):
        folder = next((folder for folder in self.folders if nodeid.startswith(f"{folder}/")), None)
        if folder != "tests/browser":
            return folder or super()._split_scope(nodeid)
        return f"{folder} {crc32(super()._split_scope(nodeid).encode()) % 2}"


def pytest_xdist_make_scheduler(config, log):
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the order above, not that of the number of tests
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def redis_server():
    """A real redis-server on a private socket, as the embedded set uses."""
    socket = Path(settings.REDIS_URL.removeprefix("unix://"))
    command = [*bundled_redis.command(socket, settings.VAR_DIR / "redis"), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            bundled_redis.wait_until_ready(server.poll, socket)
            yield server
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def redis(redis_server):
    """A client of that server."""
    with redis_client.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_quickly():
    """After a test that commits, PostgreSQL's tables are emptied by DELETE.

    TRUNCATE gives each table, index and partition a new file: two seconds for a handful of rows.
    """

    def delete_all(operations, style, tables, *, reset_sequences=False, allow_cascade=False):
        assert not reset_sequences
        return [f"DELETE FROM {operations.quote_name(table)};" for table in tables]  # noqa: S608 - names of our own tables

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            patch.setattr(type(connection.ops), "sql_flush", delete_all)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Keep a copy of the empty database for the consoles that tests start: making its tables takes seconds."""
    if connection.vendor == "sqlite":
        with (
            contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as made,
            contextlib.closing(sqlite3.connect(settings.VAR_DIR / "tables.sqlite3")) as copy,
        ):
            made.backup(copy)


@pytest.fixture(scope="session")
def tables(django_db_setup):
    """An SQLite database with all tables and no rows of anybody, to be copied; None on PostgreSQL."""
    return settings.VAR_DIR / "tables.sqlite3" if connection.vendor == "sqlite" else None


@pytest.fixture(autouse=True)
def _nothing_remembered(redis):
    """No test sees another's cached values, rate limits or locks."""
    yield
    redis.flushdb()
    probes.clear_cache()


@pytest.fixture(autouse=True)
def _background_work_goes_on(request, monkeypatch):
    """There are no workers in most tests; pages take them for well, unless a test is about that."""
    if not request.node.get_closest_marker("liveness"):
        monkeypatch.setattr(liveness, "_remembered", Cached(liveness.Liveness, 60))


@pytest.fixture(autouse=True)
def _the_database_travels_along(request, monkeypatch):
    """Tests that move this process's clock mean the database's too, which is another on PostgreSQL and stays."""
    if connection.vendor == "postgresql" and not request.node.get_closest_marker("two_clocks"):
        ask, is_travelling = clock._query_time, time_machine.escape_hatch.is_travelling
        monkeypatch.setattr(clock, "_query_time", lambda: timezone.now() if is_travelling() else ask())


@pytest.fixture(autouse=True)
def _force_login_is_a_sign_in():
    """`client.force_login` stands for signing in with the password a moment ago."""

    def note(request, user, **_):
        if type(request) is HttpRequest:  # a real sign-in has a request of the server's kind, and notes itself
            record_authentication(request, user, "password")

    user_logged_in.connect(note)
    yield
    user_logged_in.disconnect(note)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory):
    """The real sandbox without rate limits, shared by all tests that call upstream; started when first needed."""
    data_dir = tmp_path_factory.mktemp("sandbox") / "data"
    with SandboxProcess(data_dir, *SHARED, "--allow-local-webhooks") as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process, settings):
    """The sandbox, healthy again after the test, with its address among those that credentials may go to."""
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, sandbox_process.base_url]
    yield sandbox_process
    sandbox_process.control("faults", method="DELETE")


@pytest.fixture
def manage():
    """Run a management command as its own process, under settings of the test's choosing."""

    def run(*arguments, stdout=subprocess.PIPE, **variables):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=clean_environment(**variables),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def clean_environment(**variables):
    """The environment of a process that is a console of its own, with the production settings module."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**inherited, "ENV_FILE": "", **{name: str(value) for name, value in variables.items()}}
