"""Is a redelivered result ever lost or repeated? Failed deliveries to a receiver that fails a third of the time.

Run: python -m bench.redelivery [results] [seed]. The sandbox, a redis-server and the worker run as processes of their
own; every few seconds the worker is killed with SIGKILL and started again. Leases of a killed worker are ended by
hand, as time would. In the end each result must be delivered and acknowledged exactly once, or be listed as failed; of
one that was on its way when the worker was killed, nobody can know, so it is listed as unknown and never repeated.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

RESULTS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 500
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdecimal() else 1
PAUSE_SECONDS = (2.0, 8.0)  # of work, from when the worker is ready
CONTACT = {"linkedin_url": "https://www.linkedin.com/in/contact-0042"}


def start(command, **options):
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, **options)  # noqa: S603


def end(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def start_sandbox(folder):
    """Return the process, its URL and a key."""
    data = ["--data", str(folder / "sandbox")]
    flags = ["--port", "0", "--org-limit", "0", "--key-limit", "0"]
    process = start([sys.executable, "-m", "sandbox", "serve", *data, *flags], stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
    command = [sys.executable, "-m", "sandbox", "credentials", *data]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603
    return process, url, json.loads(shown)


def prepare(folder, origin):
    """Set the environment for this process and the worker; return the redis-server."""
    from core.secret_files import generate_secret  # noqa: PLC0415 - reads no settings

    os.environ |= {
        "ENV_FILE": "",
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": generate_secret("django"),
        "ENCRYPTION_KEYS": generate_secret("fernet"),
        "CLEANLIST_API_ORIGINS": origin,
        "RATE_LIMIT_PER_MINUTE": "1000000",
        "WEBHOOK_ALLOW_LOCAL_TARGETS": "true",
        "LOG_LEVEL": "ERROR",
    }
    import django  # noqa: PLC0415 - after the environment

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from config.embedded import bundled_redis  # noqa: PLC0415

    socket = Path(settings.REDIS_URL.removeprefix("unix://"))
    server = start([*bundled_redis.command(socket, folder / "redis"), "--save", ""], stdout=subprocess.DEVNULL)
    bundled_redis.wait_until_ready(server.poll, socket)
    call_command("migrate", verbosity=0)
    return server


def work():
    """Redeliver until killed, with short waits between tries."""
    import django  # noqa: PLC0415

    django.setup()
    from webhooks.redelivery import engine, item_sender  # noqa: PLC0415

    item_sender.RETRY_AFTER = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3))
    item_sender.SECONDS_BETWEEN = 0.0
    print("ready", flush=True)
    while True:
        engine.run_due()
        time.sleep(0.1)


def serve(taken):
    """Return a running receiver that records what it acknowledges, and how often it was called."""
    dice, calls = random.Random(SEED), []  # noqa: S311 - not for secrets

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 200 if dice.random() > 1 / 3 else 503
            calls.append(status)
            if status == 200:
                taken[body["workflow_id"]] += 1
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """Say nothing: a killed worker hangs up in the middle."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook", calls


def fail(credentials, url):
    """Have the sandbox make results, and ingest failed deliveries of them; return the workspace."""
    from django.utils import timezone  # noqa: PLC0415

    from cleanlist import DeliveryAttempt, Secret  # noqa: PLC0415
    from core.encryption import EncryptedValue  # noqa: PLC0415
    from webhooks.ingest.attempts import ingest_page  # noqa: PLC0415
    from workspaces.models import Workspace  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {credentials['api_key']}"}
    body = {"enrichment_type": "partial", "contacts": [CONTACT]}
    with httpx.Client(base_url=credentials["base_url"], headers=headers, timeout=60) as client:
        ids = [client.post("/api/v1/public/enrich/bulk", json=body).json()["workflow_id"] for _ in range(RESULTS)]
        while (
            client.get("/api/v1/public/enrich/status", params={"workflow_id": ids[-1]}).json()["status"] != "completed"
        ):
            time.sleep(0.5)
    workspace = Workspace.objects.create(
        name="Bench",
        slug="bench",
        base_url=credentials["base_url"],
        organization_id=credentials["organization_id"],
        api_key=EncryptedValue.encrypt(Secret(credentials["api_key"])),
    )
    now = timezone.now()
    rows = [
        DeliveryAttempt(
            id=f"{one}-{number}",
            workflow_id=one,
            attempt_number=number,
            status="failed",
            response_status_code=503,
            error_message="HTTP 503",
            url=url,
            attempted_at=now - timedelta(minutes=10) + timedelta(seconds=2**number),
        )
        for one in ids
        for number in range(1, 6)
    ]
    ingest_page(workspace, rows, now)
    return workspace


def redeliver(workspace):
    """Run one redelivery of everything to its end, killing the worker now and then; return job and kills."""
    from django.http import QueryDict  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from webhooks.models import Redelivery  # noqa: PLC0415
    from webhooks.redelivery import services  # noqa: PLC0415
    from workspaces.audit.events import Actor  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    by = Actor(User.objects.create_superuser("bench@example.test"))
    job = services.start_redelivery(workspace, by, QueryDict("state=failed"), "", RESULTS)
    dice, kills = random.Random(SEED), 0  # noqa: S311 - not for secrets
    while True:
        worker = start([sys.executable, "-m", "bench.redelivery", "worker"], stdout=subprocess.PIPE)
        worker.stdout.readline()
        ends = time.monotonic() + dice.uniform(*PAUSE_SECONDS)
        while time.monotonic() < ends and job.state == "running":
            time.sleep(0.2)
            job.refresh_from_db()
        end(worker)
        if job.state != "running":
            return job, kills
        kills += 1
        Redelivery.objects.filter(pk=job.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sandbox, origin, credentials = start_sandbox(folder)
        server = None
        try:
            server = prepare(folder, origin)
            taken = Counter()
            url, calls = serve(taken)
            workspace = fail(credentials, url)
            started = time.monotonic()
            job, kills = redeliver(workspace)
            seconds = time.monotonic() - started
            report(job, taken, calls, kills, seconds)
        finally:
            for process in filter(None, (sandbox, server)):
                end(process)


def report(job, taken, calls, kills, seconds):
    rows = list(job.items.values_list("workflow__workflow_id", "state"))
    states = Counter(state for _, state in rows)
    wrong = [name for name, state in rows if (taken[name] != 1 if state == "delivered" else taken[name] > 1)]
    failed_yet_taken = [name for name, state in rows if state == "failed" and taken[name]]
    print(f"results {len(rows)}, seed {SEED}, {seconds:.0f} s, job {job.state}, worker killed {kills} times")
    print(f"states {dict(states)}; calls {len(calls)}, of which {calls.count(503)} answered 503")
    print(f"acknowledged more than once {sum(count > 1 for count in taken.values())}")
    print(f"not as listed {len(wrong) + len(failed_yet_taken)}, lost {RESULTS - len(rows)}")
    assert not wrong
    assert not failed_yet_taken
    assert len(rows) == RESULTS
    assert set(states) <= {"delivered", "failed", "unknown"}


if __name__ == "__main__":
    work() if sys.argv[1:] == ["worker"] else main()
