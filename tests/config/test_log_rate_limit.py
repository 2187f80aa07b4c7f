"""While something is away, the log gets one line a minute of it."""

import io
import logging
import logging.config
from types import SimpleNamespace

import pytest
import redis
import structlog
from django.db import InternalError, OperationalError
from psycopg import errors as postgres

from config.log import rate_limit
from config.log.configuration import logging_config
from config.log.rate_limit import unavailable_service


@pytest.fixture
def handler():
    """The handler of production, which writes to a buffer."""
    config = logging_config("INFO", "text")
    config["handlers"]["stderr"]["stream"] = written = io.StringIO()
    logging.config.dictConfig(config)
    yield SimpleNamespace(stream=written)
    logging.config.dictConfig(logging_config("INFO", "text"))


def lines(handler):
    return handler.stream.getvalue().splitlines()


def fail(error, cause=None):
    try:
        raise error from cause
    except type(error):
        logging.getLogger("celery.beat").exception("Message Error: %s", error)
        structlog.get_logger("alerts.mail.outbox").exception("notification_failed", notification=7)


def test_redis_away_is_one_line_whoever_notices_and_however_often(handler):
    for _ in range(200):
        fail(redis.ConnectionError("refused"))
        logging.getLogger("celery.worker.consumer.consumer").error("consumer: Cannot connect to redis://h: refused")
        structlog.get_logger("workspaces.tasks").warning("broker_unreachable", error="refused")
    (line,) = lines(handler)
    assert "outage" in line
    assert "what=redis" in line
    assert "ConnectionError: refused" in line


def test_after_a_minute_the_next_line_says_how_many_were_left_out(handler, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now[0])
    for _ in range(50):
        fail(redis.TimeoutError("slow"))
    now[0] += 59
    fail(redis.TimeoutError("slow"))
    now[0] += 2
    fail(redis.TimeoutError("slow"))
    assert len(lines(handler)) == 2
    assert "left_out=101" in lines(handler)[1]


def test_redis_and_the_database_are_told_apart(handler):
    fail(redis.ConnectionError("refused"))
    fail(OperationalError("gone"), postgres.AdminShutdown("gone"))
    assert [line.count("what=redis") for line in lines(handler)] == [1, 0]
    assert "what=database" in lines(handler)[1]


def test_failed_polls_are_counted_and_the_first_is_shown(handler):
    log = structlog.get_logger("workspaces.polling.ingest")
    for number in range(300):
        log.info("poll_failed", resource="balance", workspace=number, kind="TimedOut", failures=1)
    (line,) = lines(handler)
    assert "poll_failed" in line
    assert "workspace=0" in line


def test_the_same_traceback_comes_once_and_another_as_well(handler):
    for _ in range(5):
        fail(ValueError("first"))
        fail(KeyError("second"))
    text = handler.stream.getvalue()
    assert text.count("Traceback") == 4


def test_lines_of_requests_and_warnings_are_complete(handler):
    for _ in range(5):
        structlog.get_logger("django_structlog.middlewares.request").warning("request_finished", code=404)
        structlog.get_logger("workspaces").warning("mail_refused", mail="reset")
    assert len(lines(handler)) == 10


@pytest.mark.parametrize(
    ("error", "cause", "what"),
    [
        (OperationalError("x"), postgres.OperationalError("connection refused"), "database"),
        (OperationalError("x"), postgres.DiskFull(), "database"),
        (InternalError("x"), postgres.ReadOnlySqlTransaction(), "database"),
        (OperationalError("attempt to write a readonly database"), None, "database"),
        (OperationalError("database or disk is full"), None, "database"),
        (OperationalError("database is locked"), None, ""),
        (OperationalError("x"), postgres.QueryCanceled(), ""),
        (OperationalError("x"), postgres.DeadlockDetected(), ""),
        (ValueError("x"), None, ""),
        (ValueError("x"), redis.ConnectionError("away"), "redis"),
        (None, None, ""),
    ],
)
def test_what_an_error_says_of_what_is_away(error, cause, what):
    if error is not None:
        error.__cause__ = cause
    assert unavailable_service(error) == what
