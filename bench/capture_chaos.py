"""Is a request ever lost, doubled or miscounted, a verdict ever false? Six keys at work while all around them fails.

Run: python -m bench.capture_chaos [seconds]; SQLite by default, with DATABASE_URL a scratch database beside that one.
The real sandbox, two Celery workers, a beat and a redis-server run as processes of their own. Six keys make 60 requests
a minute in total, 10 minutes long; every 20 seconds a worker is killed with SIGKILL, Redis twice (it keeps nothing),
and one answer in twenty is faulty. One worker's clock jumps by an hour, ahead and behind, every two minutes. One record
in fifty cannot be read: of a log always the same ones, of the list of keys now and then. Pruning and a recount that
repairs run beside it over and over, and 200 commands create and revoke keys (``bench.key_commands``). Then more
requests than upstream shows are made at once. What upstream wrote is read from the sandbox itself, row by row. In a
shorter run the pauses are shorter, and requests come as much faster.
"""

import itertools
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bench.alert_chaos import Program
from bench.key_commands import COMMANDS, Commands
from keys.log.completeness import log_completeness
from sandbox.http.faults import is_spoiled
from tests.sandbox.process import SandboxProcess

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 600
PACE = 600 / SECONDS  # how much faster than life
KEYS, KILL_EVERY, REDIS_RESTARTS = 6, 20, 2  # a user can have ten keys: some are left for the commands
JUMP_EVERY, ODD_SHARE = 120, 0.02
BURSTS = (501, 700, 1300)
FAULTS = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "retry_after": 2},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "drop"},
    {"kind": "drop", "after": True},
    {"kind": "hang", "seconds": 3},
)
FAULTY_SHARE = 0.05
# Always the same rows of a log have no id; of the list of keys, ten times as many in one answer of ten.
ODD = (
    {"kind": "odd", "path": "*/requests", "method": "GET", "share": ODD_SHARE},
    {"kind": "odd", "path": "/api/v1/api-keys", "method": "GET", "share": ODD_SHARE * 10, "probability": 0.1},
)
PATHS = ("auth/validate-key", "credits/balance", "webhooks/deliveries", "enrich/status?workflow_id=public_bulk_none")
LONGEST_WAIT_SECONDS = 600


def prepare(folder, sandbox):
    """Set the environment for this process and all that it starts; return the programs."""
    from core.secret_files import generate_secret  # noqa: PLC0415 - reads no settings

    os.environ |= {
        "ENV_FILE": "",
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": generate_secret("django"),
        "ENCRYPTION_KEYS": generate_secret("fernet"),
        "LOG_LEVEL": "ERROR",
        "REDIS_URL": f"unix://{folder}/redis.sock",
        "CLEANLIST_API_ORIGINS": sandbox.base_url,
        "POLL_KEYS_SECONDS": str(max(2, round(60 / PACE))),
        "POLL_REQUESTS_SECONDS": str(max(2, round(60 / PACE))),
        "RATE_LIMIT_PER_MINUTE": str(round(60 * PACE)),
    }
    from config.embedded import bundled_redis  # noqa: PLC0415

    redis_command = [*map(str, bundled_redis.command(folder / "redis.sock", folder / "redis")), "--save", ""]
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config"]
    worker = [*celery, "worker", "--pool", "threads", "-c", "2", "--without-gossip", "--without-mingle", "-n"]
    wrong_clock = [sys.executable, "-m", "bench.wrong_clock", str(JUMP_EVERY / min(PACE, 4))]
    return {
        "redis": Program("redis", redis_command),
        "worker 1": Program("worker 1", [*wrong_clock, *worker[3:], "one@%h"]),
        "worker 2": Program("worker 2", [*worker, "two@%h"]),
        "beat": Program("beat", [*celery, "beat", "--pidfile="]),
    }


@contextmanager
def database():
    """Make a database that all processes find, and remove it afterwards."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    if connection.vendor == "sqlite":  # in the folder, which is removed
        call_command("migrate", verbosity=0)
        yield
        return
    connection.creation.create_test_db(verbosity=0, serialize=False, autoclobber=True)
    known = connection.settings_dict
    os.environ["DATABASE_URL"] = (
        f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"
    )
    try:
        yield
    finally:
        with connection.cursor() as cursor:  # PostgreSQL notices late that a client was killed
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connection.creation.destroy_test_db(known["NAME"], verbosity=0)


def connect(sandbox):
    """Connect a workspace with a management session only, so that no call of the console's is in a key's log."""
    from cleanlist import Secret  # noqa: PLC0415
    from workspaces.audit.events import CONSOLE  # noqa: PLC0415
    from workspaces.services import Credentials, connect_workspace  # noqa: PLC0415

    known = sandbox.credentials()
    credentials = Credentials(
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=Secret(known["clerk_client_token"]),
    )
    return connect_workspace(CONSOLE, name="Chaos", base_url=sandbox.base_url, credentials=credentials)


def make_keys(sandbox):
    """Return the secrets of the keys that are at work."""
    session = sandbox.session()
    made = [session.post("/api/v1/api-keys", json={"name": f"Key {n}"}).json()["api_key"] for n in range(1, KEYS)]
    return [sandbox.credentials()["api_key"], *made]


def write(sandbox, secrets, stop, made):
    """Use the keys in turn, as their owner's programs would."""
    calls = zip(itertools.cycle(secrets), itertools.cycle(PATHS + PATHS[:1]), strict=False)
    with httpx.Client(base_url=f"{sandbox.base_url}/api/v1/public/", timeout=30) as client:
        began = time.monotonic()
        for number, (secret, path) in enumerate(calls):
            if stop.wait(max(0.0, began + number / PACE - time.monotonic())):
                return
            with suppress(httpx.HTTPError):
                client.get(path, headers={"Authorization": f"Bearer {secret}"})
            made.append(number)


def wreak(programs, stop):
    """Kill one worker after the other, and Redis in between, until stopped."""
    victims = itertools.cycle(["worker 1", "worker 2"])
    pause = KILL_EVERY / min(PACE, 2)  # a worker needs seconds to start
    restarts = {int(SECONDS / pause * (n + 1) / (REDIS_RESTARTS + 1)) for n in range(REDIS_RESTARTS)}
    for number in itertools.count(1):
        if stop.wait(pause):
            return
        names = [next(victims), *(["redis"] if number in restarts else [])]
        for name in names:
            programs[name].kill()
            programs[name].kills += 1
        time.sleep(0.5)
        for name in reversed(names):
            programs[name].start()


def tend(workspace, stop, rounds):
    """Prune and recount with repairs, over and over. Nothing is old and no cell is wrong, so neither may find work."""
    from keys.log.ingest import recount, retention  # noqa: PLC0415

    while not stop.wait(1):
        rounds.append(retention.prune() + len(list(recount.recount(workspace, repair=True))))


def upstream_rows(sandbox):
    """Return what the sandbox wrote, by key, oldest first: all rows, which only its own database shows."""
    sandbox.control("state", method="GET")  # writes what is still queued
    rows = {}
    with sqlite3.connect(f"file:{sandbox.data_dir}/sandbox.sqlite3?mode=ro", uri=True) as store:
        for key, row, at in store.execute(
            "SELECT key_id, id, created_at FROM request_logs ORDER BY created_at, sequence"
        ):
            rows.setdefault(key, []).append((row, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)))
    return rows


def upstream_keys(sandbox):
    """Return which keys upstream has, each with whether it works."""
    with sqlite3.connect(f"file:{sandbox.data_dir}/sandbox.sqlite3?mode=ro", uri=True) as store:
        return {key: revoked is None for key, revoked in store.execute("SELECT id, revoked_at FROM api_keys")}


def captured_rows(key):
    from keys.models import LoggedRequest  # noqa: PLC0415

    return list(LoggedRequest.objects.filter(key=key).values_list("upstream_id", flat=True))


def wait_until(condition):
    """Return whether it came true in time."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def all_read(workspace, sandbox):
    """Return whether no key's count has moved since its log was last read."""
    from keys.models import ApiKey  # noqa: PLC0415

    written = {key: len(rows) for key, rows in upstream_rows(sandbox).items()}
    keys = ApiKey.objects.of(workspace).prefetch_related("gaps")
    read = {key.upstream_id: key.captured_count + key.missed_count for key in keys if key.count_before is not None}
    sized = all(gap.size is not None for key in keys for gap in key.gaps.all())
    return sized and all(read.get(key) == count for key, count in written.items())


def judge(workspace, sandbox):
    """Print what was captured of what was written; return whether nothing is wrong. Missing rows need their gap."""
    from keys.log.ingest import recount  # noqa: PLC0415
    from keys.models import ApiKey, KeyTraffic, LogGap  # noqa: PLC0415

    written, keys = upstream_rows(sandbox), list(ApiKey.objects.of(workspace).prefetch_related("gaps"))
    captured = {key.upstream_id: captured_rows(key) for key in keys}
    readable = {key: [row for row in rows if not is_spoiled(row[0], ODD_SHARE)] for key, rows in written.items()}
    odd = sum(map(len, written.values())) - sum(map(len, readable.values()))
    expected = {key: gaps_in(rows, set(captured.get(key, ()))) for key, rows in readable.items()}
    found = {key.upstream_id: [(gap.after, gap.before, gap.size) for gap in LogGap.objects.of(key)] for key in keys}
    wrong_gaps = [key for key in {*found, *expected} if spans(found.get(key, [])) != spans(expected.get(key, []))]
    doubled = sum(sum(Counter(ids).values()) - len(set(ids)) for ids in captured.values())
    strange = sum(len(set(ids) - {row for row, _ in written.get(key, ())}) for key, ids in captured.items())
    differing = list(recount.recount(workspace))
    counted = sum(KeyTraffic.objects.filter(key__in=keys, endpoint="").values_list("count", flat=True))
    total, rows = sum(map(len, written.values())), sum(map(len, captured.values()))
    missing = total - rows
    complete = [log_completeness(key) for key in keys]
    in_gaps = sum(size or 0 for ones in found.values() for _, _, size in ones)
    print(f"  written {total}, captured {rows}, in gaps {in_gaps}, missed outside gaps {missing - in_gaps}")
    print(f"  without an id upstream {odd}, doubled {doubled}, unknown {strange}")
    print(f"  rollups: {counted} counted, {len(differing)} cells differ from a recount")
    print(f"  completeness: {Counter(f'{one.percent:.1f} %' for one in complete if one.percent is not None)}")
    for key in keys:
        for after, before, size in found[key.upstream_id]:
            print(f"  gap of {size} requests, {after:%H:%M:%S.%f} to {before:%H:%M:%S.%f}")
            print(f"    {log_completeness(key).explanation}")
    print(f"  keys whose gaps are not where rows are missing: {len(wrong_gaps)}")
    reported = sum(one.expected - one.captured for one in complete if one.expected is not None)
    # Rows without an id that lie in a gap, or were missed since the last one, count to its size.
    in_expected = sum(size for ones in expected.values() for _, _, size in ones)
    sized = in_expected <= in_gaps <= in_expected + odd and missing == in_expected + odd
    return not (doubled or strange or differing or wrong_gaps) and counted == rows and reported == missing and sized


def spans(gaps):
    return [gap[:2] for gap in gaps]


def gaps_in(rows, captured):
    """Return span and size of each range of ``rows`` that was not captured."""
    gaps, after, size = [], None, 0
    for row, at in rows:
        if row not in captured:
            size += 1
            continue
        if size:
            gaps.append((after, at, size))
        after, size = at, 0
    return [*gaps, (after, None, size)] if size else gaps


def burst(sandbox, workspace):
    """Make more requests at once than upstream shows: with one key just one more, with others many."""
    from keys.models import ApiKey  # noqa: PLC0415

    used = ApiKey.objects.of(workspace).filter(captured_count__gt=0)
    for key, count in zip(used.order_by("upstream_id"), BURSTS, strict=False):
        now = datetime.now(UTC)
        span = {"since": (now - timedelta(seconds=5)).isoformat(), "until": now.isoformat()}
        sandbox.control("requests", {"key_id": key.upstream_id, "count": count, **span})


def run(sandbox, programs):
    from workspaces.models import Poll  # noqa: PLC0415

    workspace, secrets = connect(sandbox), make_keys(sandbox)
    for fault in FAULTS:
        sandbox.control("faults", {"probability": FAULTY_SHARE / len(FAULTS), **fault})
    for fault in ODD:
        sandbox.control("faults", fault)
    for program in programs.values():
        program.start()
    # What was made before the first reading is no matter of this run.
    assert wait_until(lambda: Poll.objects.filter(resource="requests", last_success_at__isnull=False).count() == KEYS)
    stop_writing, stop, made = threading.Event(), threading.Event(), []
    writer = threading.Thread(target=write, args=(sandbox, secrets, stop_writing, made))
    wrecker = threading.Thread(target=wreak, args=(programs, stop))
    rounds = []
    tender = threading.Thread(target=tend, args=(workspace, stop, rounds))
    commands = Commands(workspace, lambda: upstream_keys(sandbox), SECONDS / COMMANDS)
    commander = threading.Thread(target=commands.run, args=(stop_writing,))
    began = time.monotonic()
    try:
        wrecker.start()
        commander.start()
        tender.start()
        writer.start()
        time.sleep(SECONDS)
        commander.join()
        stop_writing.set()
        writer.join()
        lasted = time.monotonic() - began
        in_time = wait_until(lambda: all_read(workspace, sandbox) and not commands.differing())
        took = time.monotonic() - began - lasted
        print(
            f"{len(made)} calls by {KEYS} keys in {lasted:.0f} s; all that upstream wrote was here {took:.0f} s later"
        )
        good = judge(workspace, sandbox) and in_time and not any(captured_gaps(workspace))
        good = commands.judge() and good
        burst(sandbox, workspace)
        in_time = wait_until(lambda: all_read(workspace, sandbox))
        print(f"bursts of {', '.join(map(str, BURSTS))} requests on three keys:")
        good = judge(workspace, sandbox) and in_time and good
    finally:
        stop.set()
        stop_writing.set()
        wrecker.join()
        tender.join()
        writer.join()
        commander.join()
    print(f"{len(rounds)} rounds of pruning and recounting beside it removed or repaired {sum(rounds)}")
    good = good and bool(rounds) and not sum(rounds)
    print("killed: " + ", ".join(f"{program.name} {program.kills} times" for program in programs.values()))
    return good


def captured_gaps(workspace):
    from keys.models import LogGap  # noqa: PLC0415

    return LogGap.objects.in_workspace(workspace)


def main():
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        limits = ["--org-limit", str(round(60 * PACE)), "--key-limit", str(round(30 * PACE))]
        with SandboxProcess(folder / "sandbox", *limits) as sandbox:
            programs = prepare(folder, sandbox)
            with database():
                try:
                    good = run(sandbox, programs)
                finally:
                    for program in programs.values():
                        if program.process is not None:
                            program.kill()
                    from django.db import connections  # noqa: PLC0415

                    connections.close_all()
    print("good" if good else "NOT GOOD")
    sys.exit(not good)


if __name__ == "__main__":
    main()
