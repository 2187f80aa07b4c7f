"""Processor time of the pages of a console with its demo data, beside Django's admin over the same rows.

    python -m bench.pages [names of pages] [--profile]

A console is started with its sandbox until its first syncs are done, then stopped. Its SQLite database is asked from
this process, signed in, through the WSGI application with all middleware, without network and compression. Each figure
is the least processor time (user and system) of 40 requests; the pages take turns, so that what else the machine does
falls on all alike. "admin" is a changelist of the same rows, tuned (see ``bench.admin_site``); what counts is the ratio
to it. "queries" are those of one request. ``--profile`` prints where the time of the named pages goes.
``BENCH_DATA`` names a folder that keeps the data for the next run.
"""

import cProfile
import os
import pstats
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

KEPT = os.environ.get("BENCH_DATA")
FOLDER = Path(KEPT or tempfile.mkdtemp(prefix="bench-pages-"))
os.environ |= {"ENV_FILE": "", "VAR_DIR": str(FOLDER), "LOG_LEVEL": "ERROR"}
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
ROUNDS = 40
SYNC_SECONDS = 30
LISTS = {"keys": "keys/apikey", "requests": "keys/loggedrequest", "webhooks": "webhooks/delivery"}
LISTS |= {"audit": "workspaces/auditevent", "alerts": "alerts/rule"}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def fill() -> None:
    """Have a console make its demo data in the folder, and sync them."""
    ports = {"PORT": free_port(), "SANDBOX_PORT": free_port()}
    with subprocess.Popen(
        [sys.executable, "manage.py", "up"], env=os.environ | ports, stdout=subprocess.PIPE, text=True
    ) as console:
        for line in console.stdout or ():
            if "Press Ctrl-C" in line:
                break
        time.sleep(SYNC_SECONDS)
        console.terminate()
        console.communicate(timeout=60)


def run(names: list[str], *, profiled: bool) -> None:
    import django  # noqa: PLC0415 - the folder has the console's secrets from here on
    from django.conf import settings  # noqa: PLC0415

    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.admin"]
    settings.ROOT_URLCONF = "bench.admin_site"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "Compression" not in one]
    django.setup()

    from django.core.management import call_command  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    from config.embedded import bundled_redis  # noqa: PLC0415
    from config.gc_freeze import freeze_loaded_objects  # noqa: PLC0415

    call_command("collectstatic", interactive=False, verbosity=0)  # the admin's too
    command = [*bundled_redis.command(FOLDER / "redis.sock", FOLDER / "redis"), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:  # noqa: S603 - our own command
        bundled_redis.wait_until_ready(redis.poll, FOLDER / "redis.sock")
        try:
            application = get_wsgi_application()
            freeze_loaded_objects()  # as the web server does
            Pages(application).measure(names, profiled=profiled)
        finally:
            redis.terminate()


class Pages:
    """The console's pages, asked by its first admin."""

    def __init__(self, application: Callable) -> None:
        from django.test import Client  # noqa: PLC0415

        from tests.browser.all_pages import PAGES  # noqa: PLC0415
        from workspaces.models import User  # noqa: PLC0415

        self.application = application
        client = Client()
        client.force_login(User.objects.get(is_superuser=True))
        self.cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        # Pages that ask for the password again are redirects.
        self.all = {name: path for name, path in PAGES.items() if self.ask(path)[0] == 200}
        self.all |= {f"admin {name}": f"/django-admin/{path}/" for name, path in LISTS.items()}

    def ask(self, url: str) -> tuple[int, bytes]:
        """Return status and body of the page at ``url``."""
        path, _, query = url.partition("?")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": ""}
        environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "8000", "HTTP_HOST": "localhost:8000"}
        environ |= {"REMOTE_ADDR": "127.0.0.1", "HTTP_COOKIE": self.cookie}
        found: list[str] = []
        answer = self.application(
            environ | {"wsgi.input": BytesIO(), "wsgi.url_scheme": "http"}, lambda status, _: found.append(status)
        )
        body = b"".join(answer)
        answer.close()
        return int(found[0].split()[0]), body

    def get(self, url: str) -> bytes:
        status, body = self.ask(url)
        assert status == 200, (url, status)
        return body

    def measure(self, names: list[str], *, profiled: bool) -> None:
        chosen = {name: url for name, url in self.all.items() if not names or name in names}
        for name, url in chosen.items():
            if profiled:
                self.profile(name, url)
        times = {name: [] for name in chosen}
        for _ in range(ROUNDS):
            for name, url in chosen.items():
                began = time.process_time()
                self.get(url)
                times[name].append((time.process_time() - began) * 1000)
        print(f"{'page':<24}{'ms':>7}{'admin':>8}{'ratio':>7}{'queries':>9}{'bytes':>9}")
        for name, url in chosen.items():
            took, admin = min(times[name]), min(times.get(f"admin {name}", [0]))
            beside = f"{admin:>8.1f}{took / admin:>7.2f}" if admin else " " * 15
            print(f"{name:<24}{took:>7.1f}{beside}{self.queries(url):>9}{len(self.get(url)):>9,}")

    def queries(self, url: str) -> int:
        from django.db import connection  # noqa: PLC0415
        from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

        with CaptureQueriesContext(connection) as captured:
            self.get(url)
        return sum(query["sql"].startswith(("SELECT", "WITH")) for query in captured)

    def profile(self, name: str, url: str) -> None:
        self.get(url)
        with cProfile.Profile() as profile:
            for _ in range(ROUNDS):
                self.get(url)
        print(f"== {name}")
        pstats.Stats(profile).sort_stats("cumulative").print_stats(100)


if __name__ == "__main__":
    try:
        if not (FOLDER / "console.sqlite3").exists():
            fill()
        run([one for one in sys.argv[1:] if not one.startswith("--")], profiled="--profile" in sys.argv)
    finally:
        if not KEPT:
            shutil.rmtree(FOLDER, ignore_errors=True)
