"""What one minute of polling costs: workspaces with all their resources, by part of the engine, beside the bare client.

Run: python -m bench.engine_mix [workspaces]. SQLite by default; with DATABASE_URL, a scratch database beside that one.
Upstream is a stub in a process of its own, in the shape of real organizations: five keys with full pages of requests,
30 webhook attempts (a new one every 20 minutes), a balance that changes in every other one, a Clerk session whose
tokens end after a minute, and together a million requests a day. A round is a minute of all of them: what is polled
every 30 seconds comes twice. The first rounds fill the database and are not counted. A worker is pinned to one core.
Each part's milliseconds are of the processor; "calls" is the thread that all calls share, with tokens, HTTP and
reading; "rest" is what is in no part.
The bare client makes as many calls for balances on the same core just before each round.
"""

import asyncio
import multiprocessing
import os
import random
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.scratch import surroundings  # first: it chooses the settings

# ruff: isort: split
from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench.bare_client import KEY, ask_bare, pin, timed
from bench.upstream import serve
from cleanlist import Secret
from cleanlist.credentials import ClerkSession
from config.gc_freeze import freeze_loaded_objects
from core.encryption import EncryptedValue
from usage.metrics_cache import RENEWED_SECONDS
from webhooks.models import Workflow
from workspaces.credentials import clients
from workspaces.models import ManagementSession, Poll, Workspace
from workspaces.polling import engine, fetcher, ingest, poll_setup, rate_limiter

ROUNDS = 5
STEADY = 0.98
TWICE_A_MINUTE = ("deliveries",)
GOAL = 270
NEVER = "2999-01-01T00:00Z"

spent: dict[str, float] = defaultdict(float)


def measured(holder: Any, name: str, part: Callable[..., str]) -> None:
    """Have each call of ``holder.name`` count its thread's processor time under ``part`` of its arguments."""
    original = getattr(holder, name)

    def wrapper(*args: Any, **options: Any) -> Any:
        began = time.thread_time()
        try:
            return original(*args, **options)
        finally:
            spent[part(*args)] += time.thread_time() - began

    setattr(holder, name, wrapper)


def measure_parts() -> None:
    manager = type(Poll.objects)
    measured(manager, "lease", lambda *_: "lease")
    measured(manager, "give_back", lambda *_: "give back")
    measured(engine, "_pace", lambda *_: "rate limit")
    measured(ingest, "_unchanged", lambda *_: "unchanged answers")
    measured(ingest, "_write", lambda answer: f"ingest {answer.poll.resource}")
    measured(ingest, "_ingest_all", lambda *_: "all ingest")
    measured(ingest, "notify_ingested", lambda *_: "rules")


def populate(count: int, url: str) -> None:
    sealed = [EncryptedValue.encrypt(Secret(f"{KEY.reveal()[:-6]}{number:06}")) for number in range(count)]
    Workspace.objects.bulk_create(
        Workspace(name=f"W{n:05}", slug=f"w{n:05}", organization_id=f"org-{n}", base_url=url, api_key=key)
        for n, key in enumerate(sealed)
    )
    for n, workspace in enumerate(Workspace.objects.order_by("pk")):
        ManagementSession.objects.create(
            workspace=workspace,
            kind=ManagementSession.Kind.CLERK,
            frontend_api_url=url,
            session_id=f"s-{n:06}",
            client_token=EncryptedValue.encrypt(Secret("client")),
        )
        poll_setup.set_up_polls(Workspace.objects.select_related("session").get(pk=workspace.pk))


def forget_a_minute() -> None:
    """End what ends within a minute: the calls that the rate limiter counted, tokens, and metrics in their turn."""
    redis = rate_limiter.connection()
    ended = [*redis.scan_iter("pacer:*"), *redis.scan_iter("session-token:*")]
    cached = list(redis.scan_iter("figures:*"))
    ended += random.sample(cached, len(cached) * 60 // RENEWED_SECONDS)
    if ended:
        redis.delete(*ended)
    with clients._clerk_lock:  # noqa: SLF001
        clients._clerk_sessions.clear()  # noqa: SLF001


def one_minute() -> int:
    """Poll all that a minute holds; return how many calls that were."""
    forget_a_minute()
    calls = 0
    for again in (False, True):
        rows = Poll.objects.filter(paused_reason="")
        Poll.objects.update(next_run_at=NEVER, leased_until=None)
        (rows.filter(resource__in=TWICE_A_MINUTE) if again else rows).update(next_run_at=timezone.now())
        while taken := engine.run_turn():
            calls += taken
    return calls


def of_the_loop() -> float:
    """Return the processor time of the thread that all calls share."""
    loop, _ = fetcher._begun_loop()  # noqa: SLF001 - what it used is measured

    async def used() -> float:
        return time.thread_time()

    return asyncio.run_coroutine_threadsafe(used(), loop).result()


def of_the_server() -> float:
    """Return the processor time of PostgreSQL's processes for this database on this machine; 0 if there are none."""
    ticks, name = 0, f" {connection.settings_dict['NAME']} ".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title, stat = (process / "cmdline").read_bytes(), (process / "stat").read_text()
        except OSError:
            continue
        if title.startswith(b"postgres: ") and name in title:
            ticks += sum(map(int, stat.rpartition(") ")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Round:
    """One minute: its calls, and seconds of the processor in all, by part, and of the bare client."""

    calls: int
    mints: int
    used: float
    parts: dict[str, float]
    bare: float


def count_mints() -> Iterator[int]:
    """Yield how many tokens were minted since the last time."""
    minted = 0
    original = ClerkSession._store_token  # noqa: SLF001

    def store(session: ClerkSession, response: Any) -> Secret:
        nonlocal minted
        minted += 1
        return original(session, response)

    ClerkSession._store_token = store  # type: ignore[method-assign]  # noqa: SLF001
    while True:
        found, minted = minted, 0
        yield found


def warm_up() -> int:
    """Poll until a minute has no more calls than the one before; return how many.

    What the first pages of webhooks brought is taken as read: asking for each enrichment's state takes ten minutes.
    """
    one_minute()
    Workflow.objects.update(status="completed", completed_at=timezone.now())
    Poll.objects.exclude(subject="").exclude(resource="requests").delete()
    before, calls = sys.maxsize, one_minute()
    while calls < STEADY * before:
        before, calls = calls, one_minute()
    return calls


def measured_round(url: str, calls: int, mints: Iterator[int]) -> Round:
    _, bare = timed(lambda: asyncio.run(ask_bare(url, calls)))
    spent.clear()
    next(mints)
    loop, server, began = of_the_loop(), of_the_server(), time.process_time()
    calls = one_minute()
    used = time.process_time() - began
    parts = dict(spent) | {"calls": of_the_loop() - loop}
    parts["ingest: transactions"] = parts.pop("all ingest") - sum(
        seconds for name, seconds in parts.items() if name.startswith("ingest ")
    )
    parts["rest"] = used - sum(parts.values())
    parts["(the database's server)"] = of_the_server() - server
    return Round(calls, next(mints), used, parts, bare / calls)


def report(count: int, rounds: list[Round]) -> None:
    one = median(found.used / (found.calls + found.mints) for found in rounds)
    bare = median(found.bare for found in rounds)
    last = rounds[-1]
    need = 10_000 / count * (last.calls + last.mints) / 60
    print(
        f"{connection.vendor}, {count} workspaces: {last.calls:,} calls a minute and {last.mints:,} mints of tokens\n"
        f"  {1 / one:,.0f} a second of a worker's core (goal {GOAL}), {bare / one:.2f} of the bare {1 / bare:,.0f}\n"
        f"  10,000 such workspaces: {need:,.0f} calls/s, {need * one:.1f} cores\n"
        f"  {'':34} ms a call  share"
    )
    parts = {
        name: median(found.parts.get(name, 0) / (found.calls + found.mints) for found in rounds) for name in last.parts
    }
    for name, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {name:34} {1000 * seconds:9.3f} {seconds / one:6.0%}")
    print(f"  {'together':34} {1000 * one:9.3f}")


def main(count: int) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening, surroundings():
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings.CLEANLIST_API_ORIGINS = [url]
        stub = multiprocessing.get_context("fork").Process(target=serve, args=(listening, count), daemon=True)
        stub.start()
        try:
            pin(0)
            populate(count, url)
            measure_parts()
            calls, mints = warm_up(), count_mints()
            freeze_loaded_objects()  # as a worker does
            report(count, [measured_round(url, calls, mints) for _ in range(ROUNDS)])
        finally:
            stub.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
