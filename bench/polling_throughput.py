"""How many calls a second one worker makes through the whole engine, beside the bare client on the same core.

Run: python -m bench.polling_throughput [workspaces]. SQLite by default; with DATABASE_URL, a scratch database beside
that one. Upstream is a stub in a process of its own. Each round, the bare client asks for as many balances as there
are workspaces; then a worker polls as many that are due: lease, pacing, fetch, landing, next time. "engine" lands each
answer by one plain statement; "balance" in history and hours, as the console does; "with alerts" has the rules
evaluated after each landing as well. Each is compared with the rounds of the bare client just before its own. A worker
is pinned to one core. Compare processor time on a machine that is busy otherwise.
"""

import asyncio
import multiprocessing
import socket
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.scratch import surroundings  # first: it chooses the settings

# ruff: isort: split
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from bench.bare_client import KEY, ask_bare, pin, timed
from bench.client_throughput import serve
from config.gc_freeze import freeze_loaded_objects
from core.db.sql import execute_batch
from core.encryption import EncryptedValue
from usage.polls import fetch_balance
from workspaces.models import Poll, Workspace
from workspaces.polling import Resource, engine, fetcher, rate_limiter, register, registry

ROUNDS = 5
WANTED, INTERVAL_SECONDS = 10_000, 60
NEVER = "2999-01-01T00:00Z"


def ingest(poll: Poll, balance: object, _: object) -> None:
    """Write what was fetched to one row."""
    execute_batch(("UPDATE workspaces_workspace SET tier = %s WHERE id = %s", [f"{balance}"[:80], poll.workspace_id]))


register(
    Resource(
        name="engine",
        label="Bench",
        credential="api_key",
        endpoint="credits/balance",
        interval_seconds=lambda: INTERVAL_SECONDS,
        fetch=fetch_balance,
        ingest=ingest,
    )
)


def make_due(resource: str) -> None:
    Poll.objects.update(next_run_at=NEVER)
    Poll.objects.filter(resource=resource).update(next_run_at=timezone.now(), leased_until=None)
    rate_limiter.connection().flushdb()


def poll_all(expected: int) -> None:
    taken = 0
    while more := engine.run_turn():
        taken += more
    assert taken >= expected
    failed = Poll.objects.exclude(last_error="")
    if reasons := set(failed.values_list("last_error", flat=True)):  # on a machine that has no time for the stub
        print(f"  {failed.update(consecutive_failures=0, last_error='')} polls failed: {', '.join(sorted(reasons))}")


def work_beside_another(core: int, barrier: Any, used: Any) -> None:
    """Poll what is due, in a process and on a core of its own, from the second meeting at the barrier to the third."""
    pin(core)
    engine.run_turn()  # nothing is due: it warms up
    barrier.wait()
    barrier.wait()
    began = time.process_time()
    while engine.run_turn():
        pass
    with used.get_lock():
        used.value += time.process_time() - began
    barrier.wait()
    fetcher._end_loop()  # noqa: SLF001 - a forked process runs no exit handlers


def poll_with_two(resource: str) -> tuple[float, float]:
    """Return what ``timed`` does, for two workers together."""
    context = multiprocessing.get_context("fork")
    barrier, used = context.Barrier(3), context.Value("d", 0.0)
    make_due("none of them")
    connections.close_all()
    both = [context.Process(target=work_beside_another, args=(core, barrier, used)) for core in range(2)]
    for one in both:
        one.start()
    barrier.wait()  # both have warmed up, and take nothing of what follows
    make_due(resource)
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    took = time.perf_counter() - began
    for one in both:
        one.join()
    assert not Poll.objects.filter(resource=resource, next_run_at__lte=timezone.now()).exists()
    return took, used.value


def populate(count: int, url: str) -> None:
    sealed = EncryptedValue.encrypt(KEY)
    known = {"base_url": url, "api_key": sealed}
    rows = Workspace.objects.bulk_create(
        Workspace(name=f"W{n:05d}", slug=f"w{n:05d}", organization_id=f"org-{n}", **known) for n in range(count)
    )
    # Longer than a round takes, so that each poll is due once in it.
    facts = {"interval_seconds": 24 * 3600, "next_run_at": NEVER}
    Poll.objects.bulk_create(
        Poll(workspace=row, resource=name, **facts) for row in rows for name in ("engine", "balance")
    )
    make_due("balance")
    poll_all(count)  # the first reading of a workspace makes rows, the others change them


def with_alerts(count: int) -> None:
    listeners.extend(silenced)
    try:
        poll_all(count)
    finally:
        listeners.clear()


listeners = registry._listeners  # noqa: SLF001 - what is measured with and without
silenced = list(listeners)


def measure(url: str, count: int) -> None:
    ways: dict[str, tuple[str, Callable[[], object]]] = {
        "engine": ("engine", lambda: poll_all(count)),
        "balance": ("balance", lambda: poll_all(count)),
        "with alerts": ("balance", lambda: with_alerts(count)),
    }
    print(f"{connection.vendor}, {count} workspaces, one worker pinned to one core, median of {ROUNDS} rounds:")
    speeds = {}
    for name, (resource, work) in ways.items():
        bare, took = [], []
        for _ in range(ROUNDS):
            make_due("none of them")
            bare.append(timed(lambda: asyncio.run(ask_bare(url, count))))
            make_due(resource)
            took.append(timed(work))
        (speed, of_processor), (bare_speed, bare_of_processor) = _speeds(count, took), _speeds(count, bare)
        speeds[name] = speed, of_processor
        print(
            f"  {name:12} {speed:6,.0f} calls/s ({speed / bare_speed:4.2f} of bare), {of_processor:6,.0f} a second of"
            f" processor ({of_processor / bare_of_processor:4.2f} of {bare_of_processor:,.0f})"
        )
    extrapolate(count, speeds)


def _speeds(count: int, times: list[tuple[float, float]]) -> tuple[float, float]:
    return count / median(wall for wall, _ in times), count / median(used for _, used in times)


def extrapolate(count: int, speeds: dict[str, tuple[float, float]]) -> None:
    need = WANTED / INTERVAL_SECONDS
    for name in ("engine", "balance"):
        wall, used = poll_with_two(name)
        print(
            f"  {name:12} with two workers {count / wall:,.0f} calls/s ({count / wall / speeds[name][0]:4.2f} of one),"
            f" {count / used:,.0f} a second of processor; {WANTED:,} workspaces at {INTERVAL_SECONDS} s are"
            f" {need:,.0f} calls/s: {need / speeds[name][1]:4.2f} cores"
        )


def main(count: int) -> None:
    listeners.clear()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening, surroundings():
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings.CLEANLIST_API_ORIGINS = [url]
        stub = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
        stub.start()
        try:
            pin(0)
            populate(count, url)
            freeze_loaded_objects()  # as a worker does
            measure(url, count)
        finally:
            stub.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
