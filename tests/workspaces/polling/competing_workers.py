"""A worker for a test: takes what is due until told to end, and counts in Redis who fetches which row at once."""

import asyncio
import os
import signal
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from workspaces.polling import engine, rate_limiter, shutdown  # noqa: E402
from workspaces.polling.registry import Resource, register  # noqa: E402


async def fetch(client, poll):
    redis = rate_limiter.connection()
    at_once = redis.incr(f"fetching:{poll.subject}")
    redis.rpush("fetched", f"{os.getpid()} {poll.subject} {at_once}")
    await asyncio.sleep(float(os.environ.get("FETCH_SECONDS", "0.01")))
    redis.decr(f"fetching:{poll.subject}")


def ingest(poll, data, read_at):
    """Nothing to store."""


register(
    Resource(
        name="weather",
        label="Weather",
        credential="api_key",
        endpoint="weather",
        interval_seconds=lambda: 3600,
        fetch=fetch,
        ingest=ingest,
    )
)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
if os.environ.get("STOPS_WHEN_TOLD"):
    signal.signal(signal.SIGTERM, lambda *_: shutdown.request())
engine.BATCH, engine._REFILL = 7, 3  # so that neither takes everything at once
engine.run_turn()
