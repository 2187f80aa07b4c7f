"""The programs of the embedded set and how each is started."""

import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from dashboard.embedded import bundled_redis
from dashboard.embedded.processes import Process
from dashboard.settings import ENVIRONMENT

WORKER_THREADS = 4


def sandbox_data() -> Path:
    """Return where the sandbox keeps its own database."""
    return ENVIRONMENT.var_dir / "sandbox"


def redis_socket() -> Path:
    """Return where the bundled server listens."""
    return Path(settings.REDIS_URL.removeprefix("unix://"))


def redis() -> Process:
    """Return the broker, cache and lock server."""
    # Said at each start, whatever the log level; the last advises on dumps of a memory far larger than ours.
    banner = ("is starting", "version=", "Configuration loaded", "Server initialized", "overcommit_memory")
    command = bundled_redis.command(redis_socket(), ENVIRONMENT.var_dir / "redis")
    return Process("redis", command, unsaid=banner)


def sandbox() -> Process:
    """Return the Cleanlist-compatible API server with demonstration traffic."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", str(ENVIRONMENT.sandbox_port)]
    data = ["--data", str(sandbox_data())]
    return Process("sandbox", [*command, *data, "--traffic", "--allow-local-webhooks"])


def web() -> Process:
    """Return the web server. Requests are logged by Django, with ids and without secrets, not by the server."""
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "dashboard.asgi:application"]
    address = ["--host", ENVIRONMENT.bind_address, "--port", str(ENVIRONMENT.port)]
    protocol = ["--http", "1", "--no-ws", "--no-access-log", "--log-level", "warning"]
    return Process("web", [*command, *address, *protocol, "--workers", "1", "--workers-kill-timeout", "3"])


def workers() -> list[Process]:
    """Return the background worker; with ALERTS_WORKER a second one, so that alerts and mail wait for nothing else."""
    if not settings.ALERTS_WORKER:
        return [_worker("worker", WORKER_THREADS, settings.QUEUES)]
    return [_worker("worker", WORKER_THREADS, ["polling"]), _worker("alerts", 2, ["alerts"])]


def _worker(name: str, threads: int, queues: Sequence[str]) -> Process:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "dashboard", "worker", "-n", f"{name}@%h"]
    size = ["--pool", "threads", "--concurrency", str(threads), "-Q", ",".join(queues)]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # there is no other worker to talk to
    return Process(name, [*command, *size, *quiet])


def beat() -> Process:
    """Return the clock. Not inside the worker: if it dies there, the worker goes on without ticks and says nothing."""
    return Process("beat", [sys.executable, "-m", "celery", "--quiet", "-A", "dashboard", "beat", "--pidfile="])
