"""What Prometheus is told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from dashboard import __version__
from tests.cast import *  # noqa: F403
from workspaces.models import Poll

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def scrape(client, settings, db):
    settings.METRICS_TOKEN = TOKEN

    def get():
        response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.content.decode())
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

    return get


def poll(workspace, number, **facts):
    known = {"interval_seconds": 60, "next_run_at": timezone.now() + timedelta(minutes=1), **facts}
    return Poll.objects.create(workspace=workspace, resource="requests", subject=str(number), **known)


def test_without_a_token_in_the_settings_there_is_no_such_page(client):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("shown", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer ü"])
def test_another_token_is_refused(client, settings, shown):
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == 401


def test_polls_are_counted_by_resource_and_state(scrape, workspace):
    poll(workspace, 1)
    poll(workspace, 2, next_run_at=timezone.now() - timedelta(seconds=90), consecutive_failures=1)
    poll(workspace, 3, paused_reason="No session.")
    poll(workspace, 4, leased_until=timezone.now() + timedelta(minutes=1), next_run_at=timezone.now())
    found = scrape()
    states = {state: found["console_polls", "requests", state] for state in ("due", "running", "failing", "paused")}
    assert states == {"due": 1, "running": 1, "failing": 1, "paused": 1}
    assert 89 < found["console_poll_lag_seconds", "requests"] < 120


def test_the_version_that_answers_is_told(scrape):
    assert scrape()["console_info", __version__] == 1


def test_an_empty_console_has_metrics_too(scrape):
    assert scrape()[("console_log_captured_rows",)] == 0


def test_more_polls_take_no_more_queries(scrape, workspace):
    counts = []
    for number in range(2):
        poll(workspace, number)
        with CaptureQueriesContext(connection) as queries:
            scrape()
        counts.append(len(queries))
    assert counts[0] == counts[1]
