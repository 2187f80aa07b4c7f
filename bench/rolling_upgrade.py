"""Replace two web processes one after the other, and migrate before that, while people go on: no request may fail.

Run: DATABASE_URL=postgres://… python -m bench.rolling_upgrade [nginx|caddy] [requests] [git ref of the old version]
In a scratch database beside DATABASE_URL. Old code and new are checkouts, the old one of the given ref (else the same
code). Both web processes of the old version stand behind the proxy as deploy/ ships it, over TLS. Eight people from
eight addresses look at the start page, the sign-in page and its style sheet, and send a form, all the time. Then what
README says of updates is done: migrate with the new code, and end, start and wait for /readyz, one process after the
other. Every answer but those that are expected counts as failed. The old code runs on the new tables for a while.
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django
import httpx
import psycopg
from psycopg import sql

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"  # what is borrowed from the tests reads settings
django.setup()

from config.embedded import bundled_redis  # noqa: E402
from core.secret_files import generate_secret  # noqa: E402
from tests.conftest import clean_environment  # noqa: E402
from tests.console_process import free_port, production_command  # noqa: E402
from tests.deploy import proxies  # noqa: E402
from tests.wait import wait_until  # noqa: E402
from tests.webhooks.certificates import Authority  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PEOPLE, EMAIL, PASSWORD = 8, "bench@example.test", "a password of the bench"


class Web:
    """One of the two web processes, of one version at a time."""

    def __init__(self, environment, folder):
        self.port, self.environment, self.log = free_port(), environment, folder / "web.log"

    def start(self, tree):
        """Start the code in ``tree`` and wait until it is ready."""
        command = [*production_command(), "--port", str(self.port)]
        if not any((tree / package / "programs.py").exists() for package in ("config", "dashboard")):
            # From before there was `manage.py web`.
            words = ["--interface", "asginl", "--http", "1", "--no-ws", "dashboard.asgi:application"]
            command = [sys.executable, "-m", "granian", *words, *command[3:]]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=tree, env=self.environment, stdout=log, stderr=log)  # noqa: S603
        wait_until(self._is_ready, 120)

    def _is_ready(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def end(self):
        """Ask it to end, as a supervisor does."""
        self.process.terminate()
        self.process.wait(60)


class Person:
    """Somebody with an address of their own who is signed in and goes on asking."""

    def __init__(self, number, url, context):
        transport = httpx.HTTPTransport(verify=context, local_address=f"127.0.0.{number + 10}", retries=0)
        self.client = httpx.Client(transport=transport, base_url=url, timeout=90)
        self.stranger = httpx.Client(transport=transport, base_url=url, timeout=90)
        self.answers, self.slowest = Counter(), 0.0
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.client.get("/accounts/login/").text)[1]
        fields = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token}
        assert self.client.post("/accounts/login/", data=fields, headers={"Origin": url}).status_code == 302

    def go_on(self, is_over):
        """Ask until it is over."""
        while not is_over():
            self._ask("start page", self.client, "GET", "/", {200, 302})
            page = self._ask("sign-in page", self.stranger, "GET", "/accounts/login/", {200})
            sheet = re.search(r'href="(/static/[^"]+\.css)"', page.text if page is not None else "")
            if sheet:
                self._ask("style sheet", self.stranger, "GET", sheet[1], {200})
            self._ask("form", self.stranger, "POST", "/accounts/login/", {403}, content=b"login=nobody")  # no token

    def _ask(self, what, client, method, path, good, **options):
        begun = time.monotonic()
        form = {"Content-Type": "application/x-www-form-urlencoded"} if options else {}
        try:
            answer = client.request(method, path, headers=form, **options)
            outcome = "ok" if answer.status_code in good else f"failed: {answer.status_code}"
        except httpx.TransportError as error:
            answer, outcome = None, f"failed: {type(error).__name__}"
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.answers[what, outcome] += 1
        return answer if outcome == "ok" else None


@contextmanager
def scratch_database(url):
    """Give the address of an empty database beside ``url``."""
    name = f"console_rolling_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{url.rsplit('/', 1)[0]}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def checkout(ref, folder):
    """Give a folder with the code as of ``ref``."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), ref], check=True)  # noqa: S603
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)  # noqa: S603


def manage(tree, environment, *words):
    """Run a command of the version in ``tree``."""
    command = [sys.executable, "manage.py", *words]
    subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def prepare(tree, environment):
    """Bring tables and static files to the version in ``tree``."""
    manage(tree, environment, "migrate", "-v0")
    manage(tree, environment, "collectstatic", "-v0", "--noinput")


def upgrade(webs, environment):
    """Do what README says of updates, and say how long each step took."""
    for step, work in itertools.chain(
        [("migrate", lambda: prepare(ROOT, environment))],
        *([("end", web.end), ("start", lambda web=web: web.start(ROOT))] for web in webs),
    ):
        begun = time.monotonic()
        work()
        print(f"{step:<8} {time.monotonic() - begun:5.1f} s")


def main():
    """Run it and print the counts."""
    proxy = sys.argv[1] if len(sys.argv) > 1 else "nginx"
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rolling-")))
        old = stack.enter_context(checkout(sys.argv[3], folder / "old")) if len(sys.argv) > 3 else ROOT
        https_port = free_port()
        environment = {
            **clean_environment(VAR_DIR=folder / "var", REDIS_URL=f"unix://{folder}/redis.sock"),
            "DATABASE_URL": stack.enter_context(scratch_database(os.environ["DATABASE_URL"])),
            "SECRET_KEY": generate_secret("django"),
            "ENCRYPTION_KEYS": generate_secret("fernet"),
            "PUBLIC_URL": f"https://localhost:{https_port}",
            "TRUSTED_PROXY_COUNT": "1",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "LOG_LEVEL": "ERROR",
        }
        command = [*bundled_redis.command(folder / "redis.sock", folder / "redis"), "--save", ""]
        redis = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))  # noqa: S603
        stack.callback(redis.terminate)
        prepare(old, environment)
        manage(old, environment, "createsuperuser", "--noinput", "--email", EMAIL)
        webs = [Web(environment, folder), Web(environment, folder)]
        for web in webs:
            web.start(old)
            stack.callback(web.end)
        authority = Authority(folder)
        ports = [web.port for web in webs]
        line = getattr(proxies, proxy)(folder, ports, https_port, authority.certify("localhost"))
        stack.enter_context(proxies.running(line, https_port, folder / "proxy.log"))
        people = [Person(number, environment["PUBLIC_URL"], authority.context()) for number in range(PEOPLE)]
        begun, upgraded = time.monotonic(), threading.Event()

        def is_over():
            return upgraded.is_set() and sum(person.answers.total() for person in people) >= wanted

        threads = [threading.Thread(target=person.go_on, args=[is_over]) for person in people]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: sum(person.answers.total() for person in people) >= wanted // 5, 300)
            upgrade(webs, environment)
        finally:
            upgraded.set()
            for thread in threads:
                thread.join()
        seconds = time.monotonic() - begun
        counts = sum((person.answers for person in people), Counter())
        for (what, outcome), count in sorted(counts.items()):
            print(f"{what:<13} {outcome:<28} {count:6,}")
        failed = sum(count for (_, outcome), count in counts.items() if outcome != "ok")
        slowest = max(person.slowest for person in people)
        print(
            f"{proxy}: {counts.total():,} requests in {seconds:.0f} s, {failed} failed; slowest answer {slowest:.1f} s"
        )


if __name__ == "__main__":
    main()
