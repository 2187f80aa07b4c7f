"""Is an alert's e-mail ever lost or doubled? Transitions while worker, Redis and mail server are killed at random.

Run: python -m bench.alert_chaos [transitions] [seed]. A Celery worker with beat, a redis-server and an SMTP server run
as processes of their own; every few seconds one of them is killed with SIGKILL and started again. The balance goes up
and down across a threshold, so that each transition owes exactly one e-mail. Leases of a killed worker are ended by
hand, as time would. In the end each e-mail owed must have arrived; one may arrive again only as the same message.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from bench.mail_recorder import Recorder

TRANSITIONS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 200
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdecimal() else 1
PAUSE_SECONDS = (2.0, 8.0)  # a worker needs about three to start
LONGEST_WAIT_SECONDS = 90


def serve_mail(port, path):
    from aiosmtpd.controller import Controller  # noqa: PLC0415 - only this process needs it

    Controller(Recorder(Path(path)), hostname="127.0.0.1", port=int(port)).start()
    signal.pause()


class Program:
    """A process that is killed and started again."""

    def __init__(self, name, command):
        self.name, self.command, self.process, self.kills = name, command, None, 0

    def start(self):
        """Start it in a group of its own."""
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self):
        """End it and all that it started, without notice."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def prepare(folder):
    """Set the environment for this process and all that it starts; return the programs."""
    from core.secret_files import generate_secret  # noqa: PLC0415 - reads no settings

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    os.environ |= {
        "ENV_FILE": "",
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": generate_secret("django"),
        "ENCRYPTION_KEYS": generate_secret("fernet"),
        "LOG_LEVEL": "ERROR",
        "REDIS_URL": f"unix://{folder}/redis.sock",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
    }
    os.environ.pop("DATABASE_URL", None)
    from config.embedded import bundled_redis  # noqa: PLC0415

    redis_command = [*map(str, bundled_redis.command(folder / "redis.sock", folder / "redis")), "--save", ""]
    worker = [sys.executable, "-m", "celery", "-A", "config", "worker", "-B", "--pool", "threads", "-c", "2"]
    mail = [sys.executable, "-m", "bench.alert_chaos", "serve-mail", str(port), str(folder / "arrived.txt")]
    return [
        Program("worker", [*worker, "-s", str(folder / "beat")]),
        Program("redis", redis_command),
        Program("mail server", mail),
    ]


def end_leases():
    """Let the time pass that a killed worker's leases have left."""
    from django.utils import timezone  # noqa: PLC0415

    from alerts.models import Evaluation, Notification, SendingTurn  # noqa: PLC0415

    now = timezone.now()
    Evaluation.objects.update(leased_until=None)
    SendingTurn.objects.update(leased_until=None)
    Notification.objects.filter(state="sending").update(leased_until=now)
    Notification.objects.filter(state="queued").update(next_attempt_at=now)


def wreak(programs, stop, rng):
    """Kill one program after another until it is stopped."""
    while not stop.wait(rng.uniform(*PAUSE_SECONDS)):
        program = rng.choice(programs)
        program.kill()
        program.kills += 1
        time.sleep(rng.uniform(0, 0.5))
        if program.name == "worker":
            end_leases()
        program.start()


def set_up():
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    from alerts.engine.rule_kinds import all_kinds  # noqa: PLC0415
    from alerts.models import Evaluation, Rule  # noqa: PLC0415
    from workspaces.models import Membership, Poll, Role, User, Workspace  # noqa: PLC0415

    workspace = Workspace.objects.create(name="Chaos", slug="chaos", base_url="http://127.0.0.1:9")
    owner = User.objects.create_user("operations@example.test", "bench only")
    Membership.objects.create(user=owner, workspace=workspace, role=Role.OWNER)
    Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, leased_until="2999-01-01T00:00Z")
    Evaluation.objects.create(workspace=workspace, known_kinds=[kind.name for kind in all_kinds()])
    Rule.objects.create(
        workspace=workspace, kind="balance_below", name="Low", severity="critical", threshold=500, recovery=550
    )
    return workspace


def nudge():
    """Ask for an evaluation, as an ingested poll would; if Redis is down the beat will."""
    from kombu.exceptions import OperationalError  # noqa: PLC0415

    from alerts.tasks import evaluate_rules  # noqa: PLC0415
    from config.celery import app  # noqa: PLC0415

    with suppress(OperationalError, OSError), app.connection_for_write(connect_timeout=0.5) as connection:
        evaluate_rules.apply_async(connection=connection, retry=False, expires=5)


def cross(workspace, amount, firing):
    """Set the balance, and wait until the worker has made an alert of it, or ended one. Return whether it did."""
    from django.utils import timezone  # noqa: PLC0415

    from alerts.models import Alert, Evaluation  # noqa: PLC0415
    from usage import readings  # noqa: PLC0415

    now = timezone.now()
    readings.record_reading(workspace, Decimal(amount), now)
    workspace.polls.update(last_success_at=now)
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < deadline:
        Evaluation.objects.filter(leased_until__isnull=True).update(next_run_at=timezone.now())
        workspace.polls.update(last_success_at=timezone.now())
        nudge()
        if Alert.objects.open().exists() == firing:
            return True
        time.sleep(0.3)
    return False


def drain():
    """Wait until the outbox is empty."""
    from alerts.models import Notification  # noqa: PLC0415

    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while Notification.objects.unsent().exists() and time.monotonic() < deadline:
        Notification.objects.filter(state="queued").update(next_attempt_at="2000-01-01T00:00Z")
        time.sleep(0.5)


def report(folder, made, programs, seconds):
    from alerts.models import Notification, Transition  # noqa: PLC0415

    lines = (folder / "arrived.txt").read_text().splitlines()
    arrived = Counter(line.partition("\t")[0] for line in lines)
    owed = set(Notification.objects.values_list("message_id", flat=True))
    transitions = Transition.objects.filter(after__in=["firing", "resolved"]).count()
    lost, strange = owed - set(arrived), set(arrived) - owed
    doubled = Notification.objects.count() - transitions
    print(f"{made} crossings, {transitions} transitions, {len(owed)} e-mails owed, in {seconds:.0f} s")
    print("killed: " + ", ".join(f"{program.name} {program.kills} times" for program in programs))
    print(f"lost: {len(lost)}, doubled: {doubled}, unknown: {len(strange)}")
    print(f"the same message again (killed between the server's answer and our note): {len(lines) - len(arrived)}")
    return not lost and not strange and doubled == 0 and made == transitions


def main():
    rng = random.Random(SEED)  # noqa: S311 - repeatable, no secret
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        programs = prepare(folder)
        workspace = set_up()
        for program in reversed(programs):
            program.start()
        began, stop = time.monotonic(), threading.Event()
        wrecker = threading.Thread(target=wreak, args=(programs, stop, rng))
        wrecker.start()
        made = 0
        try:
            for number in range(TRANSITIONS):
                if not cross(workspace, 9000 if number % 2 else 412, firing=number % 2 == 0):
                    break
                made += 1
            stop.set()
            wrecker.join()
            end_leases()
            drain()
            good = report(folder, made, programs, time.monotonic() - began) and made == TRANSITIONS
        finally:
            stop.set()
            wrecker.join()
            for program in programs:
                program.kill()
    sys.exit(not good)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve-mail"]:
        serve_mail(*sys.argv[2:])
    else:
        main()
