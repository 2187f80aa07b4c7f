"""Results that never arrived are sent again: by the real worker's code, from the real sandbox, to real receivers."""

import os
import random
import signal
from collections import Counter
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from alerts.engine import evaluation
from alerts.models import Alert
from tests.wait import wait_until
from tests.webhooks.attempts import run
from tests.webhooks.receivers import answering, receiver, remembering
from tests.webhooks.redelivery.redeliveries import (
    ENRICHMENT_COUNT,
    count_states,
    ingest_failures,
    start_redelivery,
    start_worker,
    submit_enrichment,
    work_until_done,
)
from webhooks import tracked_workflows
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Delivery, Item, Redelivery
from webhooks.payloads import REDELIVERY_HEADER
from webhooks.redelivery import engine, item_sender, services
from webhooks.redelivery.selection import select
from workspaces.audit.events import CONSOLE
from workspaces.models import AuditEvent
from workspaces.services.polling import refresh

pytestmark = pytest.mark.django_db


def test_what_upstream_could_not_deliver_arrives_as_upstream_would_have_sent_it(connected, upstream, quick):
    seen, works = [], []
    with receiver(remembering(seen, lambda _: 200 if works else 500)) as url:
        workflow_id = submit_enrichment(upstream.client(), webhook_url=url)
        wait_until(lambda: len(seen) == 5, 30)
        wait_until(
            lambda: (
                refresh(connected, tracked_workflows.DELIVERIES).ok and Delivery.objects.filter(state="failed").exists()
            ),
            30,
        )
        works.append(True)
        job = start_redelivery(connected, f"workflow={workflow_id}")
        work_until_done(job)

    theirs, ours = seen[0], seen[-1]
    assert len(seen) == 6
    assert ours.body == theirs.body
    assert (ours.path, ours.headers["Content-Type"]) == (theirs.path, theirs.headers["Content-Type"])
    assert (ours.headers[REDELIVERY_HEADER], theirs.headers[REDELIVERY_HEADER]) == (str(job.job_id), None)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.redelivered_at is not None) == ("delivered", "", True)
    refresh(connected, tracked_workflows.DELIVERIES)
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    recorded = AuditEvent.objects.filter(action__startswith="redelivery:").order_by("pk")
    assert [event.action for event in recorded] == ["redelivery:started", "redelivery:finished"]
    assert recorded[1].details["delivered"] == 1


def test_a_receiver_that_fails_a_third_of_the_time_gets_each_result_once(connected, finished, quick):
    seen, dice = [], random.Random(3)
    with receiver(remembering(seen, lambda _: 200 if dice.random() > 1 / 3 else 503)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected)
        work_until_done(job)

    items = {item.workflow.workflow_id: item for item in job.items.select_related("workflow")}
    taken = Counter(one.body["workflow_id"] for one in seen if one.status == 200)
    assert set(items) == set(finished)
    assert {name for name, item in items.items() if item.state == "delivered"} == set(taken)
    assert set(taken.values()) == {1}
    assert {item.state for item in items.values()} <= {"delivered", "failed"}
    assert len(seen) == sum(item.tries for item in items.values()) > ENRICHMENT_COUNT
    assert all("HTTP 503" in item.error for item in items.values() if item.state == "failed")


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing(connected, finished, upstream, tmp_path):
    """The receiver kills the worker while it waits for the answer: of that one result nobody can know."""
    seen, workers = [], []

    def status_of(request):
        if len(seen) == ENRICHMENT_COUNT // 3:
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
        return 200

    with receiver(remembering(seen, status_of)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected)
        try:
            workers.append(start_worker(connected, tmp_path))
            wait_until(lambda: workers[0].poll() is not None, 60)
            workers.append(start_worker(connected, tmp_path))
            wait_until(lambda: Redelivery.objects.filter(pk=job.pk, state="finished").exists(), 60)
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()

    arrived = Counter(one.body["workflow_id"] for one in seen)
    assert arrived == Counter(finished)
    assert count_states(job) == {"delivered": ENRICHMENT_COUNT - 1, "unknown": 1}
    unknown = job.items.get(state="unknown")
    assert unknown.workflow.workflow_id == seen[ENRICHMENT_COUNT // 3].body["workflow_id"]
    assert "may or may not have arrived" in unknown.error


# --- what is left alone ---------------------------------------------------------------------------------------


def test_only_final_failures_are_selected_and_the_rest_is_counted(connected, finished):
    ingest_failures(connected, finished[:3], "https://a.example.test/hook")
    ingest_failures(connected, finished[3:5], None)
    now = timezone.now()
    ingest_page(connected, run(finished[5], [500, 500], start=now - timedelta(seconds=2)), now)
    ingest_page(connected, run(finished[6], [200], start=now - timedelta(hours=1)), now)
    start_redelivery(connected, "host=a.example.test")
    Item.objects.filter(workflow__workflow_id=finished[0]).update(state="unknown")

    selection = select(connected, QueryDict(""))

    assert (selection.count, selection.without_url) == (3, 2)
    assert (selection.retrying, selection.being_redelivered, selection.maybe_arrived) == (1, 2, 1)
    assert sum(group.results for group in selection.groups) == 3
    assert [one.url for one in selection.candidates()] == ["https://a.example.test/hook"]
    assert len(list(selection.candidates("https://b.example.test/"))) == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("host=a.example.test", 2),
        ("reason=client_error", 1),
        ("state=delivered", 0),
        ("since=30m", 0),
        ("since=2h", 3),
        ("since=nonsense", 0),
        ("again=not-a-job", 0),
    ],
)
def test_the_filters_of_the_list_select(connected, query, count):
    ingest_failures(connected, ["w1", "w2"], "https://a.example.test/hook")
    now = timezone.now()
    ingest_page(connected, run("w3", [404] * 5, url="https://b.example.test/", start=now - timedelta(hours=1)), now)

    assert select(connected, QueryDict(query)).count == count


def test_a_result_that_arrived_in_the_meantime_or_is_being_retried_is_not_sent(connected, finished, quick):
    with receiver(answering(200)) as url:
        ingest_failures(connected, finished[:2], url)
        job = start_redelivery(connected)
        arrived, retrying = job.items.order_by("pk")
        Delivery.objects.filter(pk=arrived.delivery_id).update(state="delivered")
        Delivery.objects.filter(pk=retrying.delivery_id).update(state="retrying")
        engine.run_due()

    assert [item.state for item in job.items.order_by("pk")] == ["skipped", "waiting"]
    job.refresh_from_db()
    assert job.next_run_at > timezone.now()


def test_what_must_not_be_called_fails_with_words_and_is_not_tried_again(connected, finished, quick, settings):
    settings.WEBHOOK_ALLOW_LOCAL_TARGETS = False
    ingest_failures(connected, finished[:1], "https://10.0.0.8/hook")
    job = start_redelivery(connected)
    work_until_done(job)

    item = job.items.get()
    assert (item.state, item.reason, item.tries) == ("failed", "not_public", 1)
    assert "private network" in item.error


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (301, 1), (429, 4), (500, 4)])
def test_only_what_may_pass_is_tried_again_and_not_for_ever(connected, finished, quick, status, tries):
    seen = []
    with receiver(remembering(seen, lambda _: status)) as url:
        ingest_failures(connected, finished[:1], url)
        job = start_redelivery(connected)
        work_until_done(job)

    assert (job.state, job.items.get().state, len(seen)) == ("finished", "failed", tries)
    again = select(connected, QueryDict(f"again={job.job_id}"))
    assert again.count == 1


def test_all_can_go_to_another_url_each_result_once(connected, finished, quick):
    seen = []
    with receiver(remembering(seen)) as url:
        ingest_failures(connected, finished[:2], "https://gone.example.test/a")
        ingest_failures(connected, finished[:1], "https://gone.example.test/b")
        job = start_redelivery(connected, url=url)
        work_until_done(job)

    assert Counter(one.body["workflow_id"] for one in seen) == Counter(finished[:2])
    assert count_states(job) == {"delivered": 2}


def test_an_endpoint_that_only_fails_pauses_the_job_which_a_person_resumes(connected, finished, quick, monkeypatch):
    monkeypatch.setattr(item_sender, "PAUSE_AFTER", 3)
    works = []
    with receiver(remembering([], lambda _: 200 if works else 503)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected)
        work_until_done(job)
        assert (job.state, job.note.startswith("The last 3 tries all failed")) == ("paused", True)
        assert AuditEvent.objects.filter(action="redelivery:paused").exists()
        works.append(True)
        assert services.resume(job, CONSOLE)
        work_until_done(job)

    assert (job.state, count_states(job)) == ("finished", {"delivered": ENRICHMENT_COUNT})


def test_a_job_paused_while_it_runs_stops_after_the_result_on_its_way(connected, finished, quick, monkeypatch):
    def post(*sent):
        services.pause(job, CONSOLE)
        return real(*sent)

    real = item_sender.post
    monkeypatch.setattr(item_sender, "post", post)
    with receiver(answering(200)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected)
        engine.run_due()

    job.refresh_from_db()
    assert (job.state, job.note, job.leased_until) == ("paused", "Paused manually.", None)
    assert count_states(job) == {"delivered": 1, "waiting": ENRICHMENT_COUNT - 1}


def test_a_paused_job_sends_nothing_and_a_cancelled_one_leaves_out_the_rest(connected, finished, quick):
    seen = []
    with receiver(remembering(seen)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected)
        services.pause(job, CONSOLE)
        assert engine.run_due() == 0
        assert services.cancel(job, CONSOLE)
        assert not services.resume(job, CONSOLE)
        assert engine.run_due() == 0

    assert (seen, count_states(job)) == ([], {"skipped": ENRICHMENT_COUNT})


FAULTS = {
    "the key is refused": ({"status": 401}, "paused", "did not accept the credential"),
    "a limit is reached": ({"status": 429, "headers": {"Retry-After": "7"}}, "running", "rate limit was reached"),
    "upstream is down": ({"status": 503}, "running", "server error"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_while_upstream_cannot_be_asked_the_job_waits_and_says_why(connected, finished, upstream, name):
    facts, state, words = FAULTS[name]
    ingest_failures(connected, finished[:2], "https://a.example.test/hook")
    job = start_redelivery(connected)
    known = {"kind": "status", "status": facts["status"], "path": "/api/v1/public/enrich/status"}
    upstream.control("faults", known)

    engine.run_due()

    job.refresh_from_db()
    assert (job.state, count_states(job)) == (state, {"waiting": 2})
    assert words in job.note
    assert (job.next_run_at is None) == (state == "paused")


def test_upstream_is_asked_no_more_often_than_the_consoles_share(connected, finished, settings):
    settings.RATE_LIMIT_PER_MINUTE = 15  # the share is three a minute
    with receiver(answering(200)) as url:
        ingest_failures(connected, finished[:6], url)
        job = start_redelivery(connected)
        engine.run_due()

    job.refresh_from_db()
    assert count_states(job) == {"delivered": 3, "waiting": 3}
    assert "share of Cleanlist's rate limit" in job.note
    assert job.next_run_at <= timezone.now() + timedelta(seconds=62)


def test_a_workflow_that_upstream_does_not_know_fails_alone(connected, finished, quick):
    with receiver(answering(200)) as url:
        ingest_failures(connected, ["public_bulk_unknown", finished[0]], url)
        job = start_redelivery(connected)
        work_until_done(job)

    assert count_states(job) == {"failed": 1, "delivered": 1}
    assert "no result" in job.items.get(state="failed").error


def test_the_alert_of_an_endpoint_that_is_down_fires_by_default_and_ends_with_the_redelivery(
    connected, upstream, quick
):
    works = []
    with receiver(remembering([], lambda _: 200 if works else 500)) as url:
        host = url.split("/")[2]
        for _ in range(3):
            submit_enrichment(upstream.client(), webhook_url=url)
        failed = Delivery.objects.filter(host=host, state="failed")
        wait_until(lambda: refresh(connected, tracked_workflows.DELIVERIES).ok and failed.count() == 3, 40)
        alert = Alert.objects.get(kind="webhook_in_a_row", subject=host)
        assert (alert.state, alert.rule_name) == ("firing", "Webhook endpoint down")
        works.append(True)
        work_until_done(start_redelivery(connected, f"host={host}"))

    evaluation.evaluate(connected)
    alert.refresh_from_db()
    assert alert.state == "resolved"
