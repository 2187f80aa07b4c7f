import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from config.health import probes
from config.health.cached import Cached
from tests.wait import wait_until


def test_alive_needs_nothing(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_database_migrations_and_redis_are(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_not_ready_without_redis(client, settings, tmp_path):
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "no answer"


@pytest.mark.django_db
def test_not_ready_before_the_migrations_ran(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "run migrate" in answer.json()["checks"]["migrations"]


def test_not_ready_without_a_database(client, monkeypatch):
    def refuse():
        raise DatabaseError

    monkeypatch.setattr(probes.connection, "cursor", refuse, raising=False)
    monkeypatch.setattr(probes.MigrationExecutor, "__init__", lambda *_: refuse())
    assert client.get("/readyz").json()["checks"]["database"] == "no answer"


@pytest.mark.django_db
def test_ready_within_seconds_of_the_database_being_back(client, monkeypatch):
    """Though plans of migrations are remembered for twenty, writing and keys for ten."""

    def refuse(*_):
        raise DatabaseError

    def not_ok():
        answers = client.get("/readyz?full").json()["checks"]
        return {name for name in ("database", "migrations", "encryption_keys") if answers[name] != "ok"}

    with monkeypatch.context() as away:
        away.setattr(probes.MigrationExecutor, "__init__", refuse)
        away.setattr(probes.Heartbeat, "beat", refuse)
        away.setattr(probes, "check_encryption_keys", refuse)
        assert not_ok() == {"database", "migrations", "encryption_keys"}
    wait_until(lambda: not not_ok(), 5)


@pytest.mark.django_db
def test_asking_again_and_again_costs_no_query(client, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(0):
        answers = [client.get("/readyz").status_code for _ in range(10)]
    assert answers == [200] * 10


def test_an_answer_is_asked_for_anew_when_it_is_too_old():
    answers = iter(["first", "second", "third"])
    check = Cached(lambda: next(answers), seconds=0)
    assert [check(), check()] == ["first", "second"]


def test_while_one_thread_asks_the_others_go_on_with_the_last_answer():
    asking, go_on = threading.Event(), threading.Event()
    answers = iter(["old", "new"])

    def question():
        answer = next(answers)
        if answer == "new":
            asking.set()
            assert go_on.wait(10)
        return answer

    check = Cached(question, seconds=0)
    check()
    with ThreadPoolExecutor(1) as others:
        slow = others.submit(check)
        assert asking.wait(10)
        assert check() == "old"
        go_on.set()
        assert slow.result() == "new"


def test_a_check_that_fails_is_made_again():
    outcomes = iter([RuntimeError, "ok"])

    def question():
        if (outcome := next(outcomes)) is RuntimeError:
            raise RuntimeError
        return outcome

    check = Cached(question, seconds=60)
    with pytest.raises(RuntimeError):
        check()
    assert check() == "ok"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["10.1.2.3", "pod-7.internal:8000"])
def test_probes_are_answered_whatever_host_they_name(client, path, host):
    assert client.get(path, headers={"Host": host}).status_code in {200, 404, 503}
    assert client.get("/accounts/login/", headers={"Host": host}).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 404), ("/", 301)])
def test_probes_are_not_sent_to_https(settings, path, status):
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get(path).status_code == status  # a client of its own: the middleware reads the setting at first


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_not_logged(client, caplog, path):
    with caplog.at_level("INFO"):
        client.post(path)
        client.get("/accounts/login/")
    assert "/accounts/login/" in caplog.text
    assert path not in caplog.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_cannot_be_posted_to(client, path):
    assert client.post(path).status_code == 405
