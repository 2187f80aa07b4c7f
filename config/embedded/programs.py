"""The programs of the embedded set and how to start each."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from config.embedded import bundled_redis
from config.embedded.processes import Process
from config.programs import command
from config.settings import ENVIRONMENT

WORKER_THREADS = 4


def sandbox_data() -> Path:
    """Return the directory of the sandbox's database."""
    return Path(settings.SANDBOX_DIR)


def redis_socket() -> Path:
    """Return the socket of the bundled server."""
    return Path(settings.REDIS_URL.removeprefix("unix://"))


def redis() -> Process:
    """Return the broker, cache and lock server."""
    # Printed at each start whatever the log level; the last one is advice for dumps of a much larger memory.
    banner = ("is starting", "version=", "Configuration loaded", "Server initialized", "overcommit_memory")
    server = bundled_redis.command(redis_socket(), ENVIRONMENT.var_dir / "redis")
    return Process("redis", server, unsaid=banner)


def sandbox() -> Process:
    """Return the Cleanlist-compatible API server with demonstration traffic."""
    address = ["--port", str(ENVIRONMENT.sandbox_port), "--data", str(sandbox_data())]
    return Process("sandbox", command("sandbox", ["serve", *address, "--traffic", "--allow-local-webhooks"]))


def web() -> Process:
    """Return the web server. Django logs requests, with ids and without secrets; the server does not."""
    address = ["--host", ENVIRONMENT.bind_address, "--port", str(ENVIRONMENT.port)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    return Process("web", command("web", [*address, *quiet, "--workers", "1", "--workers-kill-timeout", "3"]))


def workers() -> list[Process]:
    """Return the background worker; with ALERTS_WORKER a second one, so that alerts and mail never wait for polling."""
    if not settings.ALERTS_WORKER:
        return [_worker("worker", WORKER_THREADS, settings.QUEUES)]
    return [_worker("worker", WORKER_THREADS, ["polling"]), _worker("alerts", 2, ["alerts"])]


def _worker(name: str, threads: int, queues: Sequence[str]) -> Process:
    size = ["-n", f"{name}@%h", "--pool", "threads", "--concurrency", str(threads), "-Q", ",".join(queues)]
    return Process(name, command("worker", [*size, "--without-heartbeat"]))


def beat() -> Process:
    """Return beat. Not inside the worker: if beat dies there, the worker silently continues without ticks."""
    return Process("beat", command("beat", []))
