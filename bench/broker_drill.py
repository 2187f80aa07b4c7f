"""See whether all workers go on after each outage of Redis, and nothing is lost or doubled.

Run: python -m bench.broker_drill [outages] [longest outage in seconds] [seed]. SQLite, or a scratch database beside
DATABASE_URL. Two workers as README starts them in production, one as the embedded set does, and the clock run as
processes of their own, on a redis-server of the bench. Upstream and mail server are stubs. In each outage Redis is
restarted, killed, emptied, stopped (SIGSTOP), replaced by an empty one or cuts all connections, while calls are on
their way; meanwhile each workspace's balance crosses its alert's threshold. Then each worker must take a message that
only it can take, each workspace must have been polled afresh, and each crossing must have become one e-mail. No
workspace may be asked again sooner than its interval: that would be a poll doubled.
"""

import asyncio
import json
import multiprocessing
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from bench.mail_recorder import Recorder

ROOT = Path(__file__).resolve().parent.parent
WORKSPACES, INTERVAL_SECONDS = 12, 2
RECOVERS_WITHIN = 60  # seconds after the outage; kombu waits up to half of that between two tries
HIGH, LOW = 9000, 412
KINDS = ("restart", "kill", "flush", "hang", "replace", "cut")


def read_number(place, otherwise):
    return int(sys.argv[place]) if len(sys.argv) > place and sys.argv[place].isdecimal() else otherwise


class Upstream:
    """Answers for balances after a while, and notes when it was asked for which."""

    def __init__(self, folder):
        self.folder = folder

    async def answer(self, reader, writer):
        """Answer what comes over one connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                number = int(re.search(r"clapi_(\d+)", head)[1])
                with (self.folder / "asked.txt").open("a") as file:
                    file.write(f"{number}\t{time.time()}\n")
                await asyncio.sleep(random.uniform(0.1, 3))  # noqa: S311 - no secret
                credits_left = (self.folder / "balance").read_text()
                body = json.dumps({"organization_id": f"org_{number}", "credits": int(credits_left)}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))

    async def serve(self, listening):
        """Answer until killed."""
        server = await asyncio.start_server(self.answer, sock=listening)
        await server.serve_forever()


def serve_mail(port, path):
    from aiosmtpd.controller import Controller  # noqa: PLC0415 - only this process needs it

    Controller(Recorder(path), hostname="127.0.0.1", port=port).start()
    signal.pause()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def prepare(folder, upstream_port, mail_port, redis_port):
    """Set the environment for this process and all that it starts."""
    from core.secret_files import generate_secret  # noqa: PLC0415 - reads no settings

    os.environ |= {
        "ENV_FILE": "",
        "VAR_DIR": str(folder),
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": generate_secret("django"),
        "ENCRYPTION_KEYS": generate_secret("fernet"),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "CLEANLIST_API_ORIGINS": f"http://127.0.0.1:{upstream_port}",
        "RATE_LIMIT_PER_MINUTE": "100000",
        "POLL_BALANCE_SECONDS": str(INTERVAL_SECONDS),
    }


class Redis:
    """The redis-server of the bench, and what can happen to it."""

    def __init__(self, folder, port):
        self.port, self.folder = port, folder

    def start(self):
        """Start it, with what it saved when it was stopped."""
        from config.embedded import bundled_redis  # noqa: PLC0415

        command = [bundled_redis.executable(), "--port", str(self.port), "--dir", str(self.folder), "--save", "1", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command

    def send(self, *command):
        """Send it one command."""
        import redis  # noqa: PLC0415

        with redis.Redis(port=self.port, socket_timeout=2) as client:
            return client.execute_command(*command)

    def end(self, number=signal.SIGKILL):
        """End it."""
        self.process.send_signal(number)
        self.process.wait()

    def out(self, kind, seconds):
        """Be away for ``seconds``, in one of the ways there are."""
        if kind in {"restart", "kill"}:
            self.end(signal.SIGTERM if kind == "restart" else signal.SIGKILL)
            time.sleep(seconds)
            self.start()
        elif kind == "replace":
            self.end()
            (self.folder / "dump.rdb").unlink(missing_ok=True)
            self.start()
        elif kind == "hang":
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self.process.send_signal(signal.SIGCONT)
        elif kind == "flush":
            self.send("FLUSHALL")
        else:
            for _ in range(3):
                self.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                self.send("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
                time.sleep(1)


class Program:
    """A process of the console, and what it writes."""

    def __init__(self, name, command, folder):
        self.name, self.command, self.log = name, command, folder / f"{name}.log"

    def start(self):
        """Start it in a group of its own."""
        from config.programs import environment  # noqa: PLC0415

        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command, env=environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def end(self):
        """End it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def programs(folder):
    """Return workers and clock: README's command of production twice, and that of the embedded set."""
    from config.embedded import programs as embedded  # noqa: PLC0415

    readme = (ROOT / "README.md").read_text()
    options = shlex.split(re.search(r"^\| worker \|.*?\| `python manage.py worker([^`]*)`", readme, re.MULTILINE)[1])
    (ours, *_) = (worker.command for worker in embedded.workers())
    production = [sys.executable, "-m", "celery", "-A", "config", "worker", *options]
    commands = [production, production, ours]
    workers = [
        Program(f"worker-{place}", [*_with_drill(command, place)], folder) for place, command in enumerate(commands)
    ]
    return [*workers, Program("beat", embedded.beat().command, folder)]


def _with_drill(command, place):
    """Have the worker know the bench's task as well, and take messages from a queue of its own."""
    from config.celery import app  # noqa: PLC0415

    known = [one if one != "config" else "bench.marking" for one in command]
    queues = list(app.conf.task_queues or [app.conf.task_default_queue])
    names = [getattr(queue, "name", queue) for queue in queues]
    if "-Q" in known:
        names = known[known.index("-Q") + 1].split(",")
        del known[known.index("-Q") : known.index("-Q") + 2]
    return [*known, "-n", f"drill-{place}@%h", "-Q", ",".join([*names, f"drill-{place}"])]


def set_up(upstream_port):
    """Make the workspaces, whose balance alone is polled, each with one rule and one reader."""
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    from alerts.engine.rule_kinds import all_kinds  # noqa: PLC0415
    from alerts.models import Evaluation, Rule  # noqa: PLC0415
    from cleanlist import Secret  # noqa: PLC0415
    from core.encryption import EncryptedValue  # noqa: PLC0415
    from workspaces.models import Membership, Poll, Role, User, Workspace  # noqa: PLC0415

    known = [kind.name for kind in all_kinds()]
    owner = User.objects.create_user("operations@example.test", "bench only")
    for number in range(WORKSPACES):
        key = EncryptedValue.encrypt(Secret(f"clapi_{number:064}"))
        workspace = Workspace.objects.create(
            name=f"Drill {number}",
            slug=f"drill-{number}",
            base_url=f"http://127.0.0.1:{upstream_port}",
            api_key=key,
            organization_id=f"org_{number}",
        )
        Membership.objects.create(user=owner, workspace=workspace, role=Role.OWNER)
        Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=INTERVAL_SECONDS)
        Evaluation.objects.create(workspace=workspace, known_kinds=known)
        Rule.objects.create(
            workspace=workspace, kind="balance_below", name="Low", severity="critical", threshold=500, recovery=550
        )


def wait_for(condition, seconds):
    """Return how many seconds it took, or None when it did not come true."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with suppress(OSError):
            if condition():
                return time.monotonic() - began
        time.sleep(0.2)
    return None


class Drill:
    """The outages, and what was seen after each."""

    def __init__(self, folder, redis, processes):
        self.folder, self.redis, self.processes, self.crossings = folder, redis, processes, 0

    def cross(self):
        """Have the balances cross the threshold."""
        self.crossings += 1
        (self.folder / "balance").write_text(str(LOW if self.crossings % 2 else HIGH))

    def arrived(self):
        """Return how many e-mails came."""
        path = self.folder / "arrived.txt"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def workers_work(self):
        """Return how long it took until each took its own message."""
        import kombu  # noqa: PLC0415

        from config.celery import app  # noqa: PLC0415

        marks = [self.folder / f"mark-{place}-{time.time()}" for place in range(3)]
        with kombu.Connection(app.conf.broker_url) as connection:
            for place, mark in enumerate(marks):
                app.send_task("mark", [str(mark)], queue=f"drill-{place}", connection=connection)
        return wait_for(lambda: all(mark.exists() for mark in marks), RECOVERS_WITHIN)

    def polled(self):
        """Return whether each workspace was read just now."""
        from django.utils import timezone  # noqa: PLC0415

        from workspaces.models import Poll  # noqa: PLC0415

        fresh = Poll.objects.filter(last_success_at__gt=timezone.now() - timedelta(seconds=3 * INTERVAL_SECONDS + 3))
        return fresh.count() == WORKSPACES

    def run(self, kind, seconds):
        """Have one outage; say what came of it and return whether all was well."""
        self.cross()
        time.sleep(random.uniform(0, 1))  # noqa: S311 - no secret
        self.redis.out(kind, seconds)
        wait_for(lambda: self.redis.send("PING"), 20)
        worked = self.workers_work()
        polled = wait_for(self.polled, RECOVERS_WITHIN)
        mailed = wait_for(lambda: self.arrived() >= WORKSPACES * self.crossings, RECOVERS_WITHIN)
        dead = [one.name for one in self.processes if one.process.poll() is not None]
        good = None not in {worked, polled, mailed} and not dead
        told = " ".join(
            f"{name} {f'{took:.0f} s' if took is not None else 'NEVER'};"
            for name, took in [("workers took messages after", worked), ("polls", polled), ("mail", mailed)]
        )
        print(f"{kind:8} {seconds:4.0f} s: {told} dead: {', '.join(dead) or 'none'}", flush=True)
        return good


def doubled_polls(folder):
    """Return how often a workspace was asked again before its interval was over."""
    asked = defaultdict(list)
    for line in (folder / "asked.txt").read_text().splitlines():
        number, moment = line.split("\t")
        asked[number].append(float(moment))
    return sum(
        later - earlier < INTERVAL_SECONDS * 0.9
        for moments in asked.values()
        for earlier, later in zip(sorted(moments), sorted(moments)[1:], strict=False)
    )


def report(drill, good):
    from alerts.models import Notification  # noqa: PLC0415

    lines = (drill.folder / "arrived.txt").read_text().splitlines()
    again = sum(count - 1 for count in Counter(line.partition("\t")[0] for line in lines).values())
    owed, written = WORKSPACES * drill.crossings, Notification.objects.count()
    doubled = doubled_polls(drill.folder)
    asked = len((drill.folder / "asked.txt").read_text().splitlines())
    print(f"e-mails: {owed} owed, {written} written, {len(lines)} arrived, of them {again} again")
    print(f"polls: {asked} made, {doubled} too early")
    print("lines in the logs: " + ", ".join(f"{p.name} {len(p.log.read_text().splitlines())}" for p in drill.processes))
    return good and owed == written == len(lines) and not again and not doubled


def main():
    outages, longest = read_number(1, 20), read_number(2, 30)
    random.seed(read_number(3, 1))
    with tempfile.TemporaryDirectory(prefix="broker-drill-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "balance").write_text(str(HIGH))
        mail_port, redis_port = free_port(), free_port()
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=256))
        upstream_port = listening.getsockname()[1]
        prepare(folder, upstream_port, mail_port, redis_port)
        import django  # noqa: PLC0415

        django.setup()
        _scratch_database(stack)
        set_up(upstream_port)
        fork = multiprocessing.get_context("fork")
        for work, arguments in (
            (_serve_upstream, (folder, listening)),
            (serve_mail, (mail_port, folder / "arrived.txt")),
        ):
            process = fork.Process(target=work, args=arguments, daemon=True)
            process.start()
            stack.callback(process.kill)
        redis = Redis(folder, redis_port)
        redis.start()
        stack.callback(redis.end)
        processes = programs(folder)
        for program in processes:
            program.start()
            stack.callback(program.end)
        drill = Drill(folder, redis, processes)
        if wait_for(drill.polled, 90) is None or drill.workers_work() is None:
            said = "\n".join(f"== {one.name}\n{one.log.read_text()[-2000:]}" for one in processes)
            sys.exit(f"They did not begin, polled: {drill.polled()}\n{said}")
        kinds = [KINDS[number % len(KINDS)] for number in range(outages)]
        good = all([drill.run(kind, random.uniform(5, longest)) for kind in kinds])  # noqa: S311, C419 - all of them
        sys.exit(not report(drill, good))


def _serve_upstream(folder, listening):
    asyncio.run(Upstream(folder).serve(listening))


def _scratch_database(stack):
    """Put a database of the bench beside the one of DATABASE_URL; the embedded one is the bench's anyway."""
    from django.db import connection, connections  # noqa: PLC0415

    if connection.vendor == "sqlite":
        return
    name = connection.creation.create_test_db(verbosity=0, serialize=False, autoclobber=True)
    os.environ["DATABASE_URL"] = re.sub(r"/[^/?]+(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"])
    stack.callback(lambda: (connections.close_all(), connection.creation.destroy_test_db(name, verbosity=0)))


if __name__ == "__main__":
    main()
