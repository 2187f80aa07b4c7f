import pytest
from django.db import DatabaseError, connection

from dashboard import health


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
    assert "manage.py migrate" in answer.json()["checks"]["migrations"]


def test_not_ready_without_a_database(client, monkeypatch):
    def refuse():
        raise DatabaseError

    monkeypatch.setattr(health.connection, "cursor", refuse, raising=False)
    monkeypatch.setattr(health.MigrationExecutor, "__init__", lambda *_: refuse())
    assert client.get("/readyz").json()["checks"]["database"] == "no answer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_cannot_be_posted_to(client, path):
    assert client.post(path).status_code == 405
