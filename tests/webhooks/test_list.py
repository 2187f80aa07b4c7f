"""The list of deliveries as its readers see it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.pagination import PAGE_SIZE
from webhooks.models import Delivery, DeliveryGap, Feed
from workspaces.models import Poll

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_each_delivery_is_shown_with_state_reason_endpoint_and_answer(hooks):
    hooks.ingest("public_bulk_broken")
    hooks.ingest("public_bulk_fine", [200], ago=60, url="https://other.example-5.test/in")

    text = text_of(hooks.get())

    for words in ("Failed", "Your endpoint failed (5xx)", "HTTP 500", "hooks.example-3.test", "5 of 5", "120 ms"):
        assert words in text
    assert "Delivered" in text
    assert "other.example-5.test" in text
    assert hooks.shown() == ["public_bulk_fine", "public_bulk_broken"]
    seen = " ".join(re.sub(r"<[^>]+>", "", text).split())
    assert "200 120 ms" in seen
    assert "500 Your endpoint failed" in seen


def test_a_retry_is_announced_with_its_time_and_whether_it_is_an_estimate(hooks):
    delivery = hooks.ingest(codes=[500], ago=0)

    text = text_of(hooks.get())

    assert "Retrying" in text
    assert f'next try about <time datetime="{timezone.localtime(delivery.next_attempt_at):%Y-%m-%dT%H:%M:%S}' in text


def test_what_upstream_sends_is_shown_and_never_run(hooks):
    hooks.ingest("<b>x", url="https://h.test/<script>", error_message="<img src=x>")

    text = text_of(hooks.get())

    assert "<b>x" not in text
    assert "<script>" not in text
    assert "&lt;img src=x&gt;" in text


def test_pages_follow_each_other_both_ways(hooks):
    names = [f"public_bulk_{number:03}" for number in range(PAGE_SIZE + 3)]
    for number, name in enumerate(names):
        hooks.ingest(name, [200], ago=3600 - number // 2)
    newest_first = list(Delivery.objects.newest_first().values_list("workflow__workflow_id", flat=True))

    first = hooks.get().context["page"]
    second = hooks.get(f"?older={first.older}").context["page"]
    back = hooks.get(f"?newer={second.newer}").context["page"]

    assert [row.workflow.workflow_id for row in first.rows + second.rows] == newest_first
    assert second.older is None
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]


def test_an_invalid_cursor_is_reported(hooks):
    hooks.ingest()
    assert "Showing the newest deliveries" in text_of(hooks.get("?older=nonsense"))


def test_an_open_delivery_says_why_it_failed_and_leads_to_its_neighbors(hooks):
    older, row, newer = (hooks.ingest(f"public_bulk_{number}", ago=3600 - number) for number in range(3))
    hooks.ingest("public_bulk_fine", [200], ago=30)

    answer = hooks.get(f"?state=failed&row={row.pk}", HTTP_HX_TARGET="drawer", **HTMX)

    for words in ("public_bulk_1", "What to check", "How to fix it", "Open workflow"):
        assert words in text_of(answer)
    assert "page" not in answer.context
    opened = answer.context["open"]
    assert opened.newer_url == f"{hooks.url()}?state=failed&row={newer.pk}"
    assert opened.older_url == f"{hooks.url()}?state=failed&row={older.pk}"
    assert "How to fix it" in text_of(hooks.get(f"?row={row.pk}"))


@pytest.mark.parametrize("row", ["x", "-1", "9" * 30, "٣", "1"])
def test_a_delivery_that_is_not_there_is_no_error(hooks, row):
    page = hooks.get(f"?row={row}")
    assert page.context["open"] is None
    assert "The delivery of this link isn't stored here, or no longer" in text_of(page)


def test_another_workspaces_delivery_does_not_open(hooks):
    row = hooks.ingest()
    other = type(hooks.workspace).objects.create(name="Other", slug="other", base_url=hooks.workspace.base_url)
    Delivery.objects.update(workspace=other)
    assert hooks.get(f"?row={row.pk}").context["open"] is None


def test_a_day_is_said_once_above_its_rows(hooks):
    for number in range(2):
        hooks.ingest(f"public_bulk_{number}", [200], ago=86_400 * 3)
    day = timezone.localtime(timezone.now() - timedelta(days=3))
    assert text_of(hooks.get()).count(f'colspan="6">{day:%a} {day.day} {day:%b}') == 1


def test_what_came_since_the_last_look_is_marked_while_live(hooks):
    hooks.ingest("public_bulk_old", [200], ago=600)
    page = hooks.get().context["page"]
    hooks.ingest("public_bulk_new", [200], ago=5)

    answer = hooks.get(f"?seen={page.newest}", **HTMX)

    assert [row.is_new for row in answer.context["page"].rows] == [True, False]
    assert "<html" not in text_of(answer)


def test_a_gap_is_shown_at_its_position_even_if_a_filter_hides_its_neighbours(hooks):
    hooks.ingest("public_bulk_a", ago=7200)
    hooks.ingest("public_bulk_b", ago=60)
    now = timezone.now()
    DeliveryGap.objects.create(
        workspace=hooks.workspace,
        after=now - timedelta(seconds=7000),
        before=now - timedelta(seconds=600),
        detected_at=now,
    )

    for query in ("", "?state=failed"):
        assert "may be missing" in text_of(hooks.get(query))
    assert "may be missing" not in text_of(hooks.get("?state=delivered"))


def test_the_page_says_what_upstream_keeps_back_and_how_long_history_stays(hooks, settings):
    Feed.objects.create(workspace=hooks.workspace, wants_workflow_ids=True, refusal="workflow_id is required")
    settings.KEEP_DELIVERIES_DAYS = 396

    text = text_of(hooks.get())

    assert "one workflow at a time" in text
    assert "workflow_id is required" in text
    assert "has synced for 13 months" in text


def bring_into(state, workspace):
    """Have the reading of deliveries be new, read, failing, rejected, or without a key."""
    poll = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=30)
    if state == "no_key":
        workspace.api_key = None
    elif state == "rejected":
        workspace.api_key_rejected_at = timezone.now()
    elif state == "read":
        poll.last_success_at = timezone.now()
    elif state == "failing":
        poll.consecutive_failures, poll.last_error = 3, "No connection"
    workspace.save()
    poll.save()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("no_key", "need an API key"),
        ("rejected", "no longer accepts the API key"),
        ("read", "No webhook deliveries yet"),
        ("failing", "can't be synced"),
        ("new", "Syncing for the first time"),
    ],
)
def test_an_empty_list_says_why(hooks, state, words):
    bring_into(state, hooks.workspace)

    text = text_of(hooks.get())

    assert words in text
    assert "Missing a webhook?" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("no_key", "none is stored"),
        ("rejected", "no longer accepts the API key"),
        ("failing", "The latest deliveries can't be synced"),
        ("read", ""),
    ],
)
def test_a_list_that_no_longer_grows_says_why(hooks, state, words):
    hooks.ingest()
    bring_into(state, hooks.workspace)

    text = text_of(hooks.get())

    assert words in text
    assert ("Syncing has stopped" in text) == (state in {"no_key", "rejected"})
    assert ("No connection" in text) == (state == "failing")


def test_figures_lead_to_the_deliveries_that_they_count(hooks):
    for number in range(3):
        hooks.ingest(f"public_bulk_{number}")
    hooks.ingest("public_bulk_lost", [404] * 5, url="https://two.example-5.test/in")
    hooks.ingest("public_bulk_fine", [200], url="https://two.example-5.test/in", ago=60)
    figures = hooks.get(name="figures").context["figures"]

    assert [(row.name, row.percent, row.health.failed_in_a_row) for row in figures.endpoints] == [
        ("hooks.example-3.test", 0.0, 3),
        ("two.example-5.test", 16.7, 0),
    ]
    for row in figures.groups:
        assert len(hooks.shown(row.url)) == row.group.count
    assert figures.lost == len(hooks.shown(figures.lost_url)) == 4
    assert "3 failed in a row" in text_of(hooks.get(name="figures"))


def test_attempts_are_charted_over_the_week_and_each_bar_leads_to_its_deliveries(hooks):
    hooks.ingest("public_bulk_refused", [500])
    hooks.ingest("public_bulk_fine", [200], ago=3 * 86_400)
    hooks.ingest("public_bulk_past", [200], ago=9 * 86_400)

    answer = hooks.get(name="figures")

    found = answer.context["attempts"]
    assert found.chart.words == "Delivery attempts: 2 attempts, at most 1 attempt at once."
    assert [item.text for item in found.chart.legend] == ["Accepted", "Failed"]
    assert [(one.accepted, one.failed) for one in found.rows] == [(0, 1), (1, 0)]
    assert [hooks.shown(one.url.removeprefix(hooks.url())) for one in found.rows] == [
        ["public_bulk_refused"],
        ["public_bulk_fine"],
    ]
    assert "1 attempt (1 failed)" in text_of(answer)


def test_without_webhooks_there_is_no_chart(hooks):
    assert hooks.get(name="figures").context["attempts"] is None


def test_the_line_above_the_list_names_the_endpoint_that_fails_and_leads_to_its_deliveries(hooks):
    hooks.ingest("public_bulk_lost")
    hooks.ingest("public_bulk_fine", [200], url="https://two.example-5.test/in")

    page = hooks.get()

    assert "1 failed: hooks.example-3.test</bdi>" in text_of(page)
    assert hooks.shown(page.context["figures"].lost_hosts_url) == ["public_bulk_lost"]

    for number in range(2):
        hooks.ingest(f"public_bulk_{number}", url="https://two.example-5.test/in")
    page = hooks.get()

    assert "3 failed: two.example-5.test and 1 more</bdi>" in text_of(page)
    assert len(hooks.shown(page.context["figures"].lost_hosts_url)) == 3


@pytest.mark.parametrize(("endpoints", "in_sight", "more"), [(1, 1, ""), (4, 4, ""), (6, 4, "2 more")])
def test_the_endpoints_are_loaded_after_the_list_into_their_placeholder(hooks, endpoints, in_sight, more):
    for number in range(endpoints):
        hooks.ingest(f"public_bulk_{number}", [404] * 5, url=f"https://h{number}.example-5.test/in")

    page, figures = text_of(hooks.get()), text_of(hooks.get(name="figures", **HTMX))

    assert page.count("webhooks-strip__row--to-come") == in_sight
    # Without JavaScript the same is a click away, for those in sight and for those folded away.
    assert page.count(f'<a href="{hooks.url("figures")}">Show endpoint health</a>') == (2 if more else 1)
    assert "webhooks-strip__row--to-come" not in figures
    for text in (page, figures):
        assert f"{endpoints} webhook{'s' if endpoints > 1 else ''} failed in the last 7 days" in text
        assert more in text


@pytest.mark.parametrize("query", ["?state=failed", "?host=hooks.example-3.test", "?at=2099-01-01T00:00", "?state=odd"])
def test_who_looks_for_a_delivery_finds_the_list_on_top(hooks, query):
    hooks.ingest()
    assert "Failure reasons" in text_of(hooks.get())
    assert "Failure reasons" not in text_of(hooks.get(query))


@pytest.mark.parametrize(
    ("query", "offered"), [("", True), ("?state=failed", True), ("?state=delivered", False), ("?state=retrying", False)]
)
def test_redelivering_is_offered_where_something_may_have_failed(hooks, operator, query, offered):
    hooks.http.force_login(operator)
    hooks.ingest()
    hooks.ingest("public_bulk_fine", [200])
    hooks.ingest("public_bulk_going_on", [500], ago=0)
    assert ("Redeliver failed…" in text_of(hooks.get(query))) == offered


def test_endpoints_without_a_url_have_a_filter_too(hooks):
    hooks.ingest("public_bulk_nameless", url=None)
    hooks.ingest("public_bulk_other")
    (row,) = [row for row in hooks.get(name="figures").context["figures"].endpoints if not row.health.host]

    assert row.name == "unknown address"
    assert hooks.shown(row.url) == ["public_bulk_nameless"]


@pytest.mark.parametrize("query", ["", "?state=failed&host=hooks.example-3.test", "?workflow=public_bulk_1"])
def test_the_number_of_queries_grows_with_nothing(hooks, query):
    def count():
        with CaptureQueriesContext(connection) as queries:
            hooks.get(query)
        # On PostgreSQL the limits of time are statements too.
        return sum(query["sql"].lstrip("(").startswith(("SELECT", "WITH")) for query in queries)

    def more(numbers):
        for number in numbers:
            hooks.ingest(f"public_bulk_1{number}", url=f"https://h{number}.example-5.test/in")
            hooks.ingest(f"public_bulk_1{number}")

    more(range(10))
    few = count()
    more(range(10, 20))

    assert count() == few
    assert few < 25


def test_a_look_up_that_cannot_be_asked_says_so(hooks):
    answer = hooks.http.post(hooks.url("look_up"), {"workflow_id": "../x"}, follow=True)

    assert "Workflow IDs look like public_bulk_" in text_of(answer)


def test_the_page_of_an_open_delivery_has_room_for_more(hooks):
    """The browser's budget is 1,200 nodes (tests/browser/test_weight.py); most of the demo's deliveries arrive."""
    for number in range(50):
        hooks.ingest(f"public_bulk_{number}", [200], url=f"https://h{number % 7}.example.test/in", ago=60 + number)
    row = hooks.ingest("public_bulk_bad", ago=30)
    page = hooks.get(f"?row={row.pk}")
    assert "Endpoint health" in text_of(page)
    assert len(re.findall(r"<[a-z]", page.content.decode())) < 1080
