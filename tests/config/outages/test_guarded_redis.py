"""A real redis-server that speaks TLS only and knows its users: everything that the console does there works."""

import shutil
import subprocess
import sys

import kombu
import pytest
import redis
from django.core.cache import caches

from config.celery import app, broker_url
from config.health import probes
from tests.conftest import ROOT, clean_environment
from tests.console_process import free_port
from tests.wait import wait_until
from tests.webhooks.certificates import Authority
from workspaces.polling import rate_limiter

# What README advises: no administration, and no other databases' keys.
RULES = "~* &* +@all -@admin -@dangerous +info"
PASSWORD = "hush-hush"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of the server with TLS, for the user that the console is."""
    folder = tmp_path_factory.mktemp("guarded")
    authority, port = Authority(folder), free_port()
    certificate = authority.certify("localhost")
    (folder / "users.acl").write_text(f"user default off\nuser console on >{PASSWORD} {RULES}\n")
    command = [shutil.which("redis-server"), "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
    files = {"cert-file": certificate, "key-file": certificate, "ca-cert-file": authority.path}
    command += [word for name, path in files.items() for word in (f"--tls-{name}", str(path))]
    command += ["--aclfile", str(folder / "users.acl"), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        address = f"rediss://console:{PASSWORD}@localhost:{port}/1?ssl_ca_certs={authority.path}"
        with redis.Redis.from_url(address) as client:
            wait_until(lambda: answers(client))
        yield address
        server.terminate()


def answers(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


@pytest.fixture
def guarded(url, settings, monkeypatch):
    settings.REDIS_URL = url
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": url}}
    monkeypatch.setattr(rate_limiter, "_pool", None)
    probes.clear_cache()
    yield url
    probes.clear_cache()


def test_cache_pacer_and_probe_work(guarded):
    caches["default"].set("key", [1, "two"])
    assert caches["default"].get("key") == [1, "two"]
    assert rate_limiter.acquire([("org", "endpoint")] * 2).waits == [0, 0]
    assert rate_limiter.calls_used("org", ["endpoint"]) == {"endpoint": 2}
    assert probes._redis() == "ok"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(f"console:{PASSWORD}", "console:guessed"), (f"console:{PASSWORD}@", ""), ("?ssl_ca_certs=", "?ssl_ca_path=")],
    ids=["password", "nobody", "authority"],
)
def test_whoever_shows_nothing_right_is_not_let_in(guarded, settings, right, wrong):
    settings.REDIS_URL = guarded.replace(right, wrong)
    assert probes._redis() == "no answer"


def test_a_worker_takes_its_tasks_there(guarded, tmp_path):
    environment = clean_environment(VAR_DIR=tmp_path / "var", REDIS_URL=guarded)
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.config.outages.blocking_task",
        "worker",
        "--pool",
        "threads",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as worker:
        mark = tmp_path / "mark"
        with kombu.Connection(broker_url(guarded)) as connection:
            app.send_task("hold", [str(mark)], connection=connection)
        wait_until(mark.exists, 40)
        mark.unlink()
        worker.terminate()
