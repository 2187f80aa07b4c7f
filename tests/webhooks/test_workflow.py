"""The page of one workflow: every attempt, the reason in words, and the state of the enrichment."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webhooks.attempts import READ_AT, attempt, run
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Attempt, Delivery, Redelivery, Workflow
from webhooks.presenters.timeline import format_duration, runs_of
from webhooks.reasons import all_reasons
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db


def text_of(answer, status=200):
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


@pytest.fixture
def page(hooks):
    def page(workflow="public_bulk_1", query="", **options):
        return text_of(hooks.get(query, name="workflow", args=[workflow], **options))

    return page


def test_every_attempt_is_shown_with_its_wait_and_answer(hooks, page):
    hooks.ingest(codes=[500, 503, 404, 500, 502])

    text = page()

    for words in ("All 5 attempts failed", "HTTP 503", "HTTP 404", "1 s", "2 s", "4 s", "8 s", "120 ms"):
        assert words in text
    assert "No need to resubmit" in text
    assert text.count('class="webhooks-axis__bar') == 5


@pytest.mark.parametrize("reason", all_reasons(), ids=lambda reason: reason.name)
def test_each_reason_is_explained_beside_the_raw_fields(hooks, page, reason):
    hooks.ingest(error_message="as it was told")
    Delivery.objects.update(reason=reason.name)

    text = page().replace("&#x27;", "'")

    for words in (reason.label, reason.meaning, reason.check, reason.fix, "as it was told", "response_status_code"):
        assert words in text


def test_a_delivered_workflow_has_no_diagnosis(hooks, page):
    hooks.ingest(codes=[500, 200])
    text = page()
    assert "Delivered" in text
    assert "How to fix it" not in text


def test_a_retry_to_come_is_on_the_axis(hooks, page):
    hooks.ingest(codes=[500], ago=0)
    text = page()
    assert "next try about" in text
    assert "webhooks-axis__next" in text


def test_the_same_workflow_delivered_again_is_recognized(hooks, page):
    now = timezone.now()
    rows = run(codes=[500] * 5, start=now - timedelta(hours=2)) + run(codes=[200], start=now - timedelta(hours=1))
    ingest_page(hooks.workspace, rows, now)

    text = page()

    assert "First delivery" in text
    assert "Redelivered (2 of 2)" in text


def test_the_filters_of_the_list_are_kept_for_the_way_back(hooks, page):
    hooks.ingest()
    assert "/webhooks/?state=failed&amp;since=7d" in page(query="?state=failed&since=7d")


def test_an_unknown_workflow_is_offered_for_looking_up(hooks):
    text = text_of(hooks.get(name="workflow", args=["public_bulk_new"]), 404)
    assert "Look up in Cleanlist" in text
    assert "Workflow not found in this console: <code><bdi>public_bulk_new" in text


def test_a_workflow_of_another_workspace_is_unknown(hooks):
    other = Workspace.objects.create(name="Other", slug="other", base_url="https://api.cleanlist.ai")
    ingest_page(other, run("public_bulk_theirs"), READ_AT)
    assert "Workflow not found in this console" in text_of(hooks.get(name="workflow", args=["public_bulk_theirs"]), 404)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "Nothing sent yet"),
        ({}, "Its status hasn't been synced yet"),
        ({"completed_at": READ_AT}, "Finished, with no known attempt"),
        ({"status_gone": True, "status_error": "Workflow not found"}, "Workflow not found in Cleanlist"),
    ],
)
def test_a_workflow_without_attempts_says_what_that_means(hooks, page, facts, words):
    Workflow.objects.create(
        workspace=hooks.workspace, workflow_id="public_bulk_1", source="looked_up", first_seen_at=READ_AT, **facts
    )
    assert words in page()


def test_the_call_for_the_state_can_be_copied_without_the_secret(hooks, page):
    hooks.ingest("public_bulk_'; rm -rf $HOME")
    text = page("public_bulk_'; rm -rf $HOME")
    assert "Authorization: Bearer $CLEANLIST_API_KEY" in text
    assert "enrich/status?workflow_id=public_bulk_%27%3B+rm+-rf+%24HOME" in text


def test_redelivered_results_are_shown_until_they_are_settled(hooks, page):
    delivery = hooks.ingest()
    job = Redelivery.objects.create(workspace=hooks.workspace, url="https://other.example-5.test/in")
    item = job.items.create(workflow=delivery.workflow, delivery=delivery, url=job.url)

    text = page()
    assert "Redeliveries by this console" in text
    assert job.get_absolute_url() in text
    assert "Redeliver</a>" not in text
    assert 'data-refresh-seconds="5"' in text

    item.state, item.error, item.tries = "failed", "HTTP 503", 4
    item.save()
    text = page()
    assert "HTTP 503" in text
    assert "https://other.example-5.test/in" in text
    assert 'data-refresh-seconds="5"' not in text


def test_the_number_of_queries_grows_with_nothing(hooks):
    def count():
        with CaptureQueriesContext(connection) as queries:
            hooks.get(name="workflow", args=["public_bulk_1"])
        return len(queries)

    hooks.ingest()
    few = count()
    for number in range(10):
        hooks.ingest(url=f"https://h{number}.example-5.test/in", codes=[500] * 5 + [404] * 5)

    assert count() == few
    assert few < 18


# --- the axis ---------------------------------------------------------------------------------------------------


def test_bars_begin_at_the_time_of_their_attempt_and_are_as_wide_as_it_took(workspace):
    rows = [
        attempt(number=1, at=READ_AT, duration_ms=10_000, code=None, error_message="timed out"),
        attempt(number=2, at=READ_AT + timedelta(seconds=11), duration_ms=0),
        attempt(number=3, at=READ_AT + timedelta(seconds=13), duration_ms=7_000),
    ]
    ingest_page(workspace, rows, READ_AT + timedelta(hours=1))

    (drawn,) = runs_of(Delivery.objects.get(), Attempt.objects.all())

    assert drawn.seconds == 20
    assert [bar.x for bar in drawn.bars] == ["2.00%", "54.80%", "64.40%"]
    assert [bar.width for bar in drawn.bars] == ["48.00%", "0.40%", "33.60%"]
    assert [bar.wait.seconds if bar.wait else None for bar in drawn.bars] == [1, 2, None]
    assert [bar.limit_level for bar in drawn.bars] == ["danger", "", "warning"]
    assert drawn.words == "3 attempts: +0 s failed; +11 s failed; +13 s failed"


def test_an_attempt_alone_has_an_axis_too(workspace):
    ingest_page(workspace, [attempt(code=200, duration_ms=None)], READ_AT)
    (drawn,) = runs_of(Delivery.objects.get(), Attempt.objects.all())
    assert (drawn.seconds, drawn.bars[0].level, drawn.bars[0].limit_share) == (0, "ok", None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (1.24, "1.2 s"), (8, "8 s"), (65.3, "65 s"), (125, "2 min 5 s"), (7500, "2 h 5 min")],
)
def test_spans_are_short(seconds, words):
    assert format_duration(seconds) == words
