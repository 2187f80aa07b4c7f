"""What is read in the background, as a member sees it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.keys.conftest import log_request, make_key
from workspaces.models import Poll
from workspaces.polling import quota, rate_limiter


@pytest.fixture
def page(client, workspace, viewer):
    client.force_login(viewer)

    def get():
        response = client.get(reverse("workspaces:polling", args=[workspace.slug]))
        assert response.status_code == 200
        return response

    return get


def poll(workspace, resource="balance", **facts):
    known = {"interval_seconds": 60, "next_run_at": timezone.now() + timedelta(seconds=30), **facts}
    return Poll.objects.create(workspace=workspace, resource=resource, **known)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "scheduled"),
        ({"next_run_at": timezone.now() - timedelta(seconds=1)}, "due"),
        ({"leased_until": timezone.now() + timedelta(hours=1)}, "running"),
        ({"consecutive_failures": 2, "last_error": "The service is down."}, "failing"),
        ({"paused_reason": "No API key is stored."}, "paused"),
    ],
)
def test_each_poll_says_how_it_goes(page, workspace, facts, state):
    poll(workspace, **facts)
    response = page()
    assert [row.state for row in response.context["rows"]] == [state]
    for text in ("last_error", "paused_reason"):
        assert facts.get(text, "") in response.content.decode()


def test_what_fails_comes_first_and_keys_go_by_their_names(page, workspace):
    key = make_key(workspace, name="Batch worker")
    poll(workspace, "requests", subject=key.upstream_id)
    poll(workspace, consecutive_failures=1)
    assert [row.subject for row in page().context["rows"]] == ["", "Batch worker"]


def many_logs(workspace, number, **facts):
    for place in range(number):
        poll(workspace, "requests", subject=f"key-{place}", interval_seconds=60 * (1 + place % 2), **facts)


def test_a_resource_with_many_subjects_is_one_line_and_what_fails_of_it_has_its_own(page, workspace):
    many_logs(workspace, 11)
    poll(workspace, "requests", subject="broken", consecutive_failures=1, last_error="The service is down.")
    poll(workspace)
    response = page()
    assert [row.subject for row in response.context["rows"]] == ["broken", ""]
    text = " ".join(response.content.decode().split())
    assert "View all 12 keys" in text
    assert "1 min to 2 min" in text
    assert response.context["counts"] == [("danger", "Failing", 1), ("neutral", "Scheduled", 12)]


def test_a_few_subjects_have_a_line_each(page, workspace):
    many_logs(workspace, 10)
    response = page()
    assert len(response.context["rows"]) == 10
    assert "View all" not in response.content.decode()


def test_all_subjects_of_a_resource_are_listed_in_pages(client, workspace, viewer):
    many_logs(workspace, 60)
    poll(workspace)
    client.force_login(viewer)
    url = reverse("workspaces:polling", args=[workspace.slug]) + "?resource=requests"
    first, second = client.get(url), client.get(url + "&page=2")
    assert [len(one.context["rows"]) for one in (first, second)] == [50, 10]
    assert "?resource=requests&amp;page=2" in first.content.decode()
    assert client.get(url.replace("requests", "nothing")).status_code == 404


def test_a_page_on_which_nothing_moves_says_so(page, workspace):
    due = poll(workspace, next_run_at=timezone.now() - timedelta(seconds=20))
    assert "Background sync has stopped" not in page().content.decode()
    Poll.objects.filter(pk=due.pk).update(next_run_at=timezone.now() - timedelta(minutes=3))
    assert "Background sync has stopped" in page().content.decode()


def test_headroom_counts_the_consoles_calls_and_the_customers(workspace, settings):
    settings.RATE_LIMIT_PER_MINUTE = 60
    key = make_key(workspace)
    now = timezone.now().replace(second=30)
    for _ in range(3):
        rate_limiter.acquire([(workspace.organization_id, "credits/balance")], now=now.timestamp())
    log_request(key, path="/api/v1/public/credits/balance?x=1", created_at=now)
    log_request(key, path="/api/v1/public/enrich/bulk", created_at=now)
    log_request(key, path="/api/v1/public/enrich/bulk", created_at=now - timedelta(minutes=1))
    found = quota.endpoint_quotas(workspace, now=now.timestamp())
    rows = {one.endpoint: (one.by_console, one.by_customer, one.left) for one in found}
    assert rows["credits/balance"] == (3, 1, 56)
    assert rows["enrich/bulk"] == (0, 1, 59)
    assert quota.seconds_to_reset(now.replace(microsecond=0).timestamp()) == 30


def test_without_redis_the_page_says_so(page, monkeypatch, settings):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(rate_limiter, "_pool", None)
    assert "Redis does not respond" in page().content.decode()


def test_ten_and_twenty_polls_take_as_many_queries(page, workspace):

    counts = []
    for most in (10, 20):
        for number in range(most):
            Poll.objects.get_or_create(
                workspace=workspace, resource="requests", subject=f"key-{number}", defaults={"interval_seconds": 60}
            )
        page()
        with CaptureQueriesContext(connection) as queries:
            page()
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_odd_records_are_counted_and_the_first_is_shown(page, workspace):
    poll(workspace, odd_count=1, odd_example="id is missing: {'id': <None>}")
    text = " ".join(page().content.decode().split())
    assert "1 record of the last answer could not be parsed in full" in text
    assert "&lt;None&gt;" in text
