"""The pages of redeliveries: the preview, the job, and who may do what."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.webhooks.attempts import run
from tests.webhooks.redelivery.redeliveries import start_redelivery
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Delivery, Item, Redelivery, Workflow
from webhooks.redelivery import services
from workspaces.audit.events import CONSOLE
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/in"


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def failed(workspace):
    def land(count, prefix="public_bulk_", url=URL):
        start = timezone.now() - timedelta(hours=1)
        rows = [row for number in range(count) for row in run(f"{prefix}{number}", start=start, url=url)]
        ingest_page(workspace, rows, timezone.now())

    return land


def page(workspace, name="redeliver", *args):
    return reverse(f"webhooks:{name}", args=[workspace.slug, *args])


def test_the_preview_counts_first_and_the_command_sends_what_was_shown(signed_in, workspace, operator, failed):
    failed(3)
    text = signed_in.get(f"{page(workspace)}?state=failed&host=hooks.example.com").text
    assert "Redeliver 3 results" in text
    assert "Your endpoint failed (5xx)" in text
    assert not Redelivery.objects.exists()

    form = {"filters": "state=failed&host=hooks.example.com", "expected": "3", "where": "own"}
    answer = signed_in.post(page(workspace), form, follow=True)

    job = Redelivery.objects.get()
    assert answer.redirect_chain[-1][0] == page(workspace, "redelivery", job.job_id)
    assert "0 of 3 done" in answer.text
    assert (job.requested_by, job.items.count()) == (operator, 3)
    event = AuditEvent.objects.get(action="redelivery:started")
    assert (event.actor, event.details["results"], event.details["url"]) == (operator, 3, "")
    assert event.subject == "to the URLs of the webhooks"
    assert "Nothing to redeliver" in signed_in.get(f"{page(workspace)}?state=failed").text  # they are under way


def test_what_has_changed_since_the_preview_is_shown_again_and_nothing_is_sent(signed_in, workspace, failed):
    failed(3)
    answer = signed_in.post(page(workspace), {"filters": "state=failed", "expected": "2", "where": "own"})

    assert answer.status_code == 409
    assert "have changed" in answer.text
    assert "Redeliver 3 results" in answer.text
    assert not Redelivery.objects.exists()


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"where": "other", "url": ""}, "Choose where to send them"),
        ({"where": "other", "url": "https://10.0.0.1/"}, "private network"),
        ({"where": "other", "url": "http://example.com/"}, "Only https"),
        ({"where": "elsewhere"}, "Choose one of the options."),
    ],
)
def test_a_wrong_entry_is_reported_at_its_field(signed_in, workspace, failed, no_local_targets, entered, words):
    failed(1)
    answer = signed_in.post(page(workspace), {"filters": "state=failed", "expected": "1", **entered})

    assert answer.status_code == 422
    assert words in answer.text
    assert not Redelivery.objects.exists()


def test_a_workflow_without_any_delivery_goes_where_a_person_says(signed_in, workspace):
    Workflow.objects.create(
        workspace=workspace, workflow_id="w", first_seen_at=timezone.now(), completed_at=timezone.now()
    )
    assert "Enter where to send its result" in signed_in.get(f"{page(workspace)}?workflow=w").text

    form = {"filters": "workflow=w", "expected": "1", "where": "other", "url": "https://hooks.example.com/again"}
    assert signed_in.post(page(workspace), form).status_code == 302
    assert Item.objects.get().url == "https://hooks.example.com/again"


def test_another_workspaces_deliveries_are_never_selected(signed_in, workspace, failed):
    failed(2)
    Delivery.objects.update(workspace=workspace.__class__.objects.create(name="Other", slug="other", base_url="x"))

    assert "Nothing to redeliver" in signed_in.get(page(workspace)).text


def test_a_job_is_paused_resumed_and_cancelled(signed_in, workspace, failed):
    failed(2)
    job = start_redelivery(workspace, "")
    for name, state in (("pause", "Paused"), ("resume", "Running"), ("cancel", "Canceled")):
        answer = signed_in.post(page(workspace, f"redelivery_{name}", job.job_id), follow=True)
        assert f">{state}</span>" in answer.text
    assert "already canceled" in signed_in.post(page(workspace, "redelivery_pause", job.job_id), follow=True).text
    assert set(job.items.values_list("state", flat=True)) == {"skipped"}


def test_the_report_names_each_result_and_offers_what_is_left(signed_in, workspace, failed):
    failed(4)
    job = start_redelivery(workspace, "")
    facts = [{"state": "delivered", "status_code": 204}, {"state": "failed", "error": "HTTP 503"}, {"state": "unknown"}]
    for item, known in zip(job.items.order_by("pk"), facts, strict=False):
        Item.objects.filter(pk=item.pk).update(**{"tries": 1, "duration_ms": 5, **known})
    services.cancel(job, CONSOLE)

    text = signed_in.get(page(workspace, "redelivery", job.job_id)).text
    assert "1 of 4 delivered" in text
    assert "2 have not been confirmed" in text
    assert f"again={job.job_id}" in text
    assert "HTTP 204" in text
    only = signed_in.get(page(workspace, "redelivery", job.job_id) + "?state=failed").text
    assert "HTTP 503" in only
    assert "HTTP 204" not in only
    again = signed_in.get(f"{page(workspace)}?again={job.job_id}").text
    assert "Redeliver 2 results" in again
    assert "1 may have already arrived" in again


@pytest.mark.parametrize(("state", "ids"), [("", ["=1+1", "b"]), ("failed", ["=1+1"]), ("nonsense", ["=1+1", "b"])])
def test_the_report_as_a_file_has_a_line_for_each_result_and_no_formula(signed_in, workspace, state, ids, monkeypatch):
    monkeypatch.setattr("core.export.BATCH", 1)
    rows = [row for name in ("=1+1", "b") for row in run(name, start=timezone.now() - timedelta(hours=1), url=URL)]
    ingest_page(workspace, rows, timezone.now())
    job = start_redelivery(workspace, "")
    now = timezone.now()
    facts = {"state": "failed", "tries": 4, "status_code": 503, "reason": "server_error", "error": "@HTTP 503"}
    Item.objects.filter(workflow__workflow_id="=1+1").update(tried_at=now, next_try_at=now, duration_ms=7, **facts)

    query = f"?state={state}" if state else ""
    answer = signed_in.post(page(workspace, "redelivery_report", job.job_id) + query)

    assert answer["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert sorted(line["workflow_id"].removeprefix("'") for line in lines) == ids
    (line,) = [line for line in lines if line["state"] == "failed"]
    assert line == {
        "workflow_id": "'=1+1",
        "url": URL,
        "state": "failed",
        "tries": "4",
        "last_status_code": "503",
        "reason": "server_error",
        "reason_in_words": "Your endpoint failed (5xx)",
        "last_error": "'@HTTP 503",
        "last_duration_ms": "7",
        "last_tried_at (UTC)": f"{now:%Y-%m-%d %H:%M:%S}",
        "next_try_at (UTC)": "",
    }
    event = AuditEvent.objects.get(action="webhook_delivery:exported")
    assert (event.subject_id, event.details["results"]) == (str(job.job_id), str(len(ids)))


@pytest.mark.parametrize("query", ["?after=x", "?after=99999999999999999999", "?state=nonsense", "?after=-1"])
def test_an_odd_query_string_of_a_job_is_no_error(signed_in, workspace, failed, query):
    failed(1)
    assert (
        signed_in.get(page(workspace, "redelivery", start_redelivery(workspace, "").job_id) + query).status_code == 200
    )


def test_viewers_see_jobs_and_command_none(client, viewer, workspace, failed):
    failed(1)
    job = start_redelivery(workspace, "")
    client.force_login(viewer)

    text = client.get(page(workspace, "redelivery", job.job_id)).text
    assert "Cancel the rest" not in text
    assert client.get(page(workspace, "redeliveries")).status_code == 200
    assert client.get(page(workspace)).status_code == 403
    assert client.post(page(workspace, "redelivery_cancel", job.job_id)).status_code == 403


def test_the_pages_take_the_same_queries_for_ten_and_for_twenty(signed_in, workspace, failed):
    def count():
        with CaptureQueriesContext(connection) as queries:
            for url in (f"{page(workspace)}?state=failed", page(workspace, "redeliveries"), job.get_absolute_url()):
                assert signed_in.get(url).status_code == 200
        return len(queries)

    failed(10)
    job = start_redelivery(workspace, "")
    failed(10, "more_", "https://more-0.example.com/")
    count()
    few = count()
    for number in range(10):
        failed(2, f"again_{number}_", f"https://more-{number}.example.com/")
        start_redelivery(workspace, f"host=more-{number}.example.com")
    failed(20, "other_", "https://other.example.com/")

    assert count() == few
