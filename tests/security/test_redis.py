"""Whoever can write to Redis runs nothing here; whoever can read it learns no secret."""

import base64
import dataclasses
import json
import pickle
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import kombu
import pytest
from django.core.cache import cache
from django.test import Client

from cleanlist import Secret
from config import checks, setting_checks
from config.celery import app, broker_url
from core.encryption import EncryptedValue
from core.secret_files import generate_secret
from tests.conftest import ROOT, clean_environment
from tests.fixtures import PASSWORD
from tests.wait import wait_until
from workspaces.credentials import clients
from workspaces.models import Role
from workspaces.polling import rate_limiter
from workspaces.services import account_mail, refresh
from workspaces.tasks import poll_due

pytestmark = pytest.mark.django_db


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


@pytest.fixture
def trap(tmp_path):
    return Trap(tmp_path / "sprung")


def sprung(trap):
    return Path(trap.path).exists()


@pytest.fixture
def planted(redis, trap):
    """The pickle in place of every value that the cache holds; returns how many."""

    def plant():
        keys = [key for key in redis.scan_iter("console:*") if redis.type(key) == b"string"]
        for key in keys:
            redis.set(key, pickle.dumps(trap))
        return len(keys)

    return plant


def fail_to_sign_in(browser, person):
    return browser.post("/accounts/login/", {"login": person.email, "password": "wrong"})


def test_a_pickle_that_somebody_put_under_a_rate_limit_is_not_run(client, owner, trap, planted):
    fail_to_sign_in(client, owner)
    assert planted() >= 2
    assert fail_to_sign_in(client, owner).status_code == 200
    assert not sprung(trap)


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\xff", b"{", b"null", b"5", b'"y"', b'{"a":1}', b"9" * 5000, b"1e999", b"[" * 100_000, b"[null]"),
        *(b'["x"]', b"[[1]]", b"[true]", b"[NaN]", b"[1e999]", b"[-1]", b"[9e18]", b"[" + b"1," * 2000 + b"1]"),
    ],
    ids=lambda value: value[:12].decode("latin-1"),
)
def test_what_is_no_history_under_a_rate_limit_counts_as_none_and_goes(client, owner, redis, value):
    fail_to_sign_in(client, owner)
    histories = list(redis.scan_iter("console:*allauth:rl:*"))
    for key in histories:
        redis.set(key, value)
    for _ in range(5):
        assert "Wrong email address or password" in fail_to_sign_in(client, owner).content.decode()
    assert len(histories) >= 2
    assert "Too many attempts" in fail_to_sign_in(client, owner).content.decode()
    assert not [key for key in histories if redis.get(key) == value]


def test_a_value_of_another_kind_under_a_rate_limit_counts_as_none_and_goes(client, owner, redis):
    fail_to_sign_in(client, owner)
    for key in redis.scan_iter("console:*allauth:rl:*"):
        redis.delete(key)
        redis.hset(key, "a", 1)
    assert "Wrong email address or password" in fail_to_sign_in(client, owner).content.decode()


def test_the_cache_reads_nothing_but_json(trap, planted):
    cache.set("key", [1, 2.5, "three", True, None])
    assert cache.get("key") == [1, 2.5, "three", True, None]
    planted()
    with pytest.raises(ValueError, match="codec"):
        cache.get_many(["key"])
    assert cache.get("key", "missing") == "missing"
    assert not cache.has_key("key")
    assert not sprung(trap)


def test_the_cache_counts():
    cache.set("key", 41)
    assert cache.incr("key") == cache.get("key") == 42


@pytest.mark.parametrize("value", [(1, 2), {1: "one"}, {"a", "b"}, object(), b"bytes", float("nan")])
def test_what_json_would_change_is_refused_and_not_changed(value):
    with pytest.raises((TypeError, ValueError)):
        cache.set("key", value)
    assert cache.get("key") is None


@pytest.mark.parametrize("junk", [b"x", b"nan", b"inf", b"9e18", b"-1", b"", b"9" * 5000, b"\xff", pickle.dumps(None)])
def test_the_rate_limiter_of_calls_drops_what_is_no_time(redis, junk):
    redis.rpush(rate_limiter._key("org", "endpoint"), junk)
    assert rate_limiter.calls_used("org", ["endpoint"]) == {"endpoint": 0}
    assert rate_limiter.acquire([("org", "endpoint")] * 2).waits == [0, 0]
    assert rate_limiter.calls_used("org", ["endpoint"]) == {"endpoint": 2}
    assert redis.llen(rate_limiter._key("org", "endpoint")) == 2


def test_the_rate_limiter_of_calls_is_not_stopped_by_what_is_no_list(redis):
    redis.set(rate_limiter._key("org", "endpoint"), "5")
    assert rate_limiter.acquire([("org", "endpoint")]).waits == [0]


def test_the_rate_limiter_of_calls_waits_at_times_in_the_midst_of_junk(redis):
    rate_limiter.record([("org", "endpoint")] * rate_limiter.share())
    for place in range(rate_limiter.share()):
        redis.lset(rate_limiter._key("org", "endpoint"), place, "nan" if place else str(int(time.time() * 1000)))
    waits = rate_limiter.acquire([("org", "endpoint")] * 2 * rate_limiter.share()).waits
    assert all(0 < wait <= 2 * 62 for wait in waits)


def decoded(text):
    """``text`` with what Celery and we wrap in base64 beside it in clear."""
    bodies = re.findall(r"(?:[A-Za-z0-9+/]{4}){5,}(?:[A-Za-z0-9+/]{2,3}={1,2})?", text)
    return text + "".join(base64.b64decode(body).decode(errors="replace") for body in bodies)


@pytest.fixture
def redis_seen(redis):
    """Every command that Redis gets, also those whose keys are gone again, and what it holds in the end."""
    seen = []

    def look(monitor):
        for command in monitor.listen():
            seen.append(command["command"])
            if "the end" in seen[-1]:
                return

    with redis.monitor() as monitor:
        watching = threading.Thread(target=look, args=[monitor])
        watching.start()

        def everything():
            redis.echo("the end")
            watching.join()
            kept = [(key, redis.type(key)) for key in redis.scan_iter()]
            readers = {b"string": redis.get, b"list": lambda key: redis.lrange(key, 0, -1), b"hash": redis.hgetall}
            readers |= {b"set": redis.smembers, b"zset": lambda key: redis.zrange(key, 0, -1)}
            return decoded("\n".join([*seen, *(f"{key} {readers[kind](key)}" for key, kind in kept)]))

        yield everything
        redis.echo("the end")
        watching.join()


def test_what_redis_is_given_in_a_day_of_work_holds_no_secret(
    console, connected, redis_seen, mailoutbox, sandbox, settings
):
    connected.memberships.update(role=Role.OWNER)
    connected.api_key = EncryptedValue.encrypt(Secret(sandbox.credentials()["api_key"]))
    connected.save()
    browser = Client()
    fail_to_sign_in(browser, console.user)
    browser.post("/accounts/login/", {"login": console.user.email, "password": PASSWORD})
    browser.post("/accounts/password/reset/", {"email": console.user.email})
    browser.post(f"/w/{connected.slug}/members/invite/", {"email": "guest@example.test", "role": "viewer"})
    made = console.create(name="Made for the crawl").context["secret"]
    for resource in ("balance", "keys"):
        refresh(connected, resource)
    poll_due.apply_async(expires=30)
    console.post("revoke", console.key(name="Made for the crawl").key_id)
    account_mail.send_due()
    links = re.findall(r"/(?:key|invitation)s?/([\w-]{20,})", "".join(mail.body for mail in mailoutbox))
    everything = redis_seen()
    pacer = f"pacer:{connected.organization_id}"
    for sign in ("allauth:rl", "session-token:", pacer, poll_due.name, '"callbacks": null'):
        assert sign in everything
    secrets = [PASSWORD, made[10:40], settings.SECRET_KEY, settings.ENCRYPTION_KEYS[0], *links]
    secrets += [sandbox.credentials()[name] for name in ("api_key", "clerk_client_token")]
    secrets += [browser.cookies["sessionid"].value, console.http.cookies["sessionid"].value]
    assert len(links) == 2
    assert not [secret for secret in secrets if secret in everything]
    assert clients._clerk_sessions
    assert not re.search(r"eyJ[\w-]{8,}\.", everything), "a minted token"


@pytest.fixture
def worker(tmp_path, settings):
    """A real worker on the tests' Redis, on an embedded database of its own."""
    variables = {"VAR_DIR": tmp_path / "var", "REDIS_URL": settings.REDIS_URL, "LOG_LEVEL": "INFO"}
    log = tmp_path / "log"
    command = [sys.executable, "manage.py", "worker", "--pool=threads", "--concurrency=1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(**variables), stdout=output, stderr=subprocess.STDOUT
        )
        yield log
        process.terminate()
        process.wait(20)


def test_a_worker_runs_no_pickle_that_somebody_put_into_its_queue(worker, trap, redis):
    with kombu.Connection(app.conf.broker_url) as connection, connection.SimpleQueue("polling") as queue:
        queue.put({"task": poll_due.name, "args": [trap]}, serializer="pickle", headers={"task": poll_due.name})
    wait_until(lambda: b"Refusing to deserialize" in worker.read_bytes(), 40)
    assert redis.llen("polling") == 0
    assert not sprung(trap)


def test_junk_that_somebody_put_into_its_queue_ends_no_worker(worker, redis):
    junk = [b"\xff", b"null", b"[]", b"5", b"{}", b"{", b'{"properties": []}', b"[" * 100_000]
    redis.lpush("polling", *junk)
    wait_until(lambda: worker.read_bytes().count(b"message_dropped") == len(junk), 40)
    assert is_working(redis)
    redis.set("unacked", "no hash")
    redis.set("unacked_index", "no set")
    redis.delete("_kombu.binding.polling")
    redis.hset("_kombu.binding.polling", "no", "set")
    poll_due.apply_async(expires=30)  # which the web process mends for
    redis.delete("polling")
    redis.set("polling", "no list")
    wait_until(lambda: redis.type("polling") in {b"none", b"list"}, 40)
    assert is_working(redis)
    kinds = {"unacked": b"hash", "unacked_index": b"zset", "_kombu.binding.polling": b"set"}
    assert all(redis.type(key) in {kind, b"none"} for key, kind in kinds.items())


def is_working(redis):
    """Give the worker something that it refuses, and wait until it took that; twice, since one may be on its way."""
    for _ in range(2):
        with kombu.Connection(app.conf.broker_url) as connection, connection.SimpleQueue("polling") as queue:
            queue.put({}, serializer="pickle", headers={"task": poll_due.name})
        wait_until(lambda: redis.llen("polling") == 0, 40)
    return True


def test_a_pickle_for_a_task_that_does_not_exist_ends_no_worker(worker, redis):
    with kombu.Connection(app.conf.broker_url) as connection, connection.SimpleQueue("polling") as queue:
        queue.put({}, serializer="pickle", headers={"task": "no.such.task"})
    wait_until(lambda: b"message_dropped" in worker.read_bytes(), 40)
    assert is_working(redis)


def test_a_worker_takes_no_commands_from_who_can_write_to_redis(worker, redis):
    assert is_working(redis)
    assert app.control.inspect(timeout=0.5).conf() is None  # the secret of single sign-on would be in it
    app.control.cancel_consumer("polling")
    app.control.shutdown()
    assert is_working(redis)
    assert redis.pubsub_channels() == []  # nor does it listen to what others say of themselves


@pytest.mark.parametrize("junk", [b"\xff", b"null", b"[]", b"5", b"{}", b"[1, 2]", b'["x", "y", "z"]', b"[" * 100_000])
def test_junk_among_unfinished_tasks_is_dropped_and_the_others_come_back(redis, junk):
    good = json.dumps([{"body": "", "headers": {}, "properties": {"delivery_info": {"priority": 0}}}, "", "polling"])
    redis.hset("unacked", mapping={"junk": junk, "good": good})
    redis.zadd("unacked_index", {"junk": 1, "good": 2, "gone": 3})
    with kombu.Connection(app.conf.broker_url) as connection:
        connection.default_channel.qos.restore_visible(interval=1)
    assert (redis.hlen("unacked"), redis.zcard("unacked_index")) == (0, 0)
    assert redis.llen("polling") == 1


def test_results_are_json_as_well():
    assert app.conf.result_accept_content == app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == "json"


@pytest.mark.parametrize(
    "url", ["rediss://:pw@redis.example.com/0", "rediss://redis.example.com/0?ssl_ca_certs=/etc/ca.pem"]
)
def test_workers_check_the_certificate_of_redis(url):
    assert kombu.Connection(broker_url(url)).ssl["ssl_cert_reqs"].name == "CERT_REQUIRED"


FAR = "10.0.0.5"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", []),  # the bundled server: its socket is in a directory of the console's own
        ("unix:///run/redis.sock", ["config.I001"]),
        ("unix:///run/redis.sock?password=pw", []),
        ("redis://127.0.0.1:6379/0", ["config.I001"]),
        ("redis://:pw@127.0.0.1:6379/0", []),
        (f"redis://{FAR}:6379/0", ["config.W001", "config.W002"]),
        (f"redis://:pw@{FAR}:6379/0", ["config.W002"]),
        (f"rediss://{FAR}:6379/0", ["config.W001"]),
        (f"rediss://:pw@{FAR}:6379/0", []),
        ("redis://:pw@valkey:6379/0", ["config.I002"]),
        ("redis://:pw@[2001:db8::5]:6379/0", ["config.W002"]),
    ],
)
def test_the_deployment_check_tells_how_open_the_way_to_redis_is(settings, url, found):
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, redis_url=url)
    settings.REDIS_URL = settings.ENVIRONMENT.redis_address
    assert [note.id for note in checks.check_redis()] == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("sqlite:////tmp/console.sqlite3", []),
        ("postgres://console:pw@127.0.0.1/console", []),
        (f"postgres://console:pw@{FAR}/console", ["config.W003"]),
        (f"postgres://console:pw@{FAR}/console?sslmode=prefer", ["config.W003"]),
        ("postgres://console:pw@database/console", ["config.I003"]),
        (f"postgres://console:pw@{FAR}/console?sslmode=verify-full", []),
    ],
)
def test_the_deployment_check_tells_of_a_database_elsewhere_without_tls(monkeypatch, url, found):
    monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES={"default": setting_checks.database(url)}))
    assert [note.id for note in checks.check_database_tls()] == found


def test_the_deployment_check_runs_both(manage, tmp_path):
    keys = {"SECRET_KEY": generate_secret("django"), "ENCRYPTION_KEYS": generate_secret("fernet")}
    urls = {"REDIS_URL": f"redis://{FAR}/0", "DATABASE_URL": f"postgres://console:hush@{FAR}/console"}
    done = manage("check", "--deploy", "--fail-level", "WARNING", VAR_DIR=tmp_path / "var", **keys, **urls)
    assert done.returncode == 1
    assert {"W001", "W002", "W003"} <= set(re.findall(r"config\.(\w+)", done.stderr))
    assert "hush" not in done.stderr
