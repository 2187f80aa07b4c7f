"""The same page of attempts is ingested once; that it was read is recorded each time, and what is due is done."""

from datetime import timedelta

import httpx
import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cleanlist import ApiKeyCredential, AsyncClient, Secret
from core.encryption import EncryptedValue
from tests.keys.conftest import log_request, make_key
from tests.webhooks.attempts import attempt
from webhooks import polls
from webhooks.models import Attempt, Delivery, DeliveryState, Feed, Workflow, WorkflowSource
from workspaces.models import Poll, Workspace
from workspaces.polling import engine, fetcher, ingest, rate_limiter
from workspaces.polling.poll_setup import set_up_polls
from workspaces.services.polling import refresh

pytestmark = pytest.mark.django_db


class Pages:
    """Upstream: answers with ``rows``, or ``failure`` as a status. ``ingested`` counts the pages that were ingested."""

    def __init__(self):
        self.rows, self.failure, self.ingested = [], None, 0

    def client(self, *_):
        credential = ApiKeyCredential(Secret("clapi_test"))
        return AsyncClient(
            "https://api.example.test", credential, retries=0, transport=httpx.MockTransport(self.answer)
        )

    def answer(self, _):
        return httpx.Response(self.failure or 200, content=msgspec.json.encode(self.rows))


@pytest.fixture
def pages(monkeypatch):
    rate_limiter.connection().flushdb()
    found = Pages()
    found.rows.append(attempt(code=200, at=timezone.now() - timedelta(minutes=5)))
    original = polls.ingest_page

    def counting(*args, **options):
        found.ingested += 1
        return original(*args, **options)

    monkeypatch.setattr(polls, "ingest_page", counting)
    monkeypatch.setattr(fetcher, "polling_client", found.client)
    return found


@pytest.fixture
def read(workspace, pages, settings):
    """Poll once; the first attempt's workflow counts as finished."""
    settings.RATE_LIMIT_PER_MINUTE = 100_000
    row = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=30)

    def poll():
        Poll.objects.filter(pk=row.pk).update(next_run_at=timezone.now(), last_success_at=None)
        engine.run_due()
        Workflow.objects.filter(source=WorkflowSource.DELIVERIES).update(completed_at=timezone.now())
        row.refresh_from_db()
        return row

    poll()
    return poll


def test_a_page_is_ingested_once_and_counts_as_read_each_time(read, pages):
    assert (read().fingerprint, read().last_success_at is not None) == (read().fingerprint, True)
    assert (pages.ingested, Attempt.objects.count()) == (1, 1)


def test_a_changed_page_is_ingested(read, pages):
    pages.rows.insert(0, attempt("public_bulk_2", code=500, at=timezone.now()))
    read()
    assert (pages.ingested, Attempt.objects.count()) == (2, 2)


def test_an_unchanged_page_takes_few_queries_for_many_workspaces(read, pages, django_assert_max_num_queries):
    poll = read()
    with CaptureQueriesContext(connection) as one:
        ingest.ingest_results([unchanged(poll)])
    others = [twin_of(poll, number) for number in range(5)]
    with django_assert_max_num_queries(len(one)):
        ingest.ingest_results([unchanged(each) for each in [poll, *others]])
    assert pages.ingested == 1


def unchanged(poll):
    return fetcher.FetchResult(poll, data=[], fetched_at=timezone.now(), fingerprint=poll.fingerprint)


def twin_of(poll, number):
    workspace = Workspace.objects.create(name=f"Twin {number}", slug=f"twin-{number}", base_url="https://a.test")
    Feed.objects.create(workspace=workspace)
    return Poll.objects.create(
        workspace=workspace, resource=poll.resource, interval_seconds=30, fingerprint=poll.fingerprint
    )


def retry(workspace):
    Delivery.objects.update(state=DeliveryState.RETRYING, last_attempt_at=timezone.now())


def follow(workspace):
    Workflow.objects.create(
        workspace=workspace, workflow_id="w", source=WorkflowSource.LOOKED_UP, first_seen_at=timezone.now()
    )


def leave_unfinished(workspace):
    Workflow.objects.create(
        workspace=workspace, workflow_id="w", source=WorkflowSource.REQUEST_LOG, first_seen_at=timezone.now()
    )


def name_in_log(workspace):
    log_request(make_key(workspace), path="/api/v2/enrichment/status/public_bulk_7")


def lose_the_feed(workspace):
    Feed.objects.all().delete()


def connect_again(workspace):
    workspace.polls.update(paused_reason="No API key is stored.")
    workspace.api_key = EncryptedValue.encrypt(Secret("clapi_other"))
    workspace.save()
    set_up_polls(workspace)


def give_scopes(workspace):
    Workspace.objects.update(scopes=["webhooks:read"])


def belong_to_another_organization(workspace):
    Workspace.objects.update(organization_id="org-other")


def come_from_an_older_version(workspace):
    Poll.objects.update(fingerprint="")


@pytest.mark.parametrize(
    "change",
    [
        retry,
        follow,
        leave_unfinished,
        name_in_log,
        lose_the_feed,
        connect_again,
        give_scopes,
        belong_to_another_organization,
        come_from_an_older_version,
    ],
)
def test_the_same_page_is_ingested_again_after(change, workspace, read, pages):
    read()
    change(workspace)
    read()
    assert pages.ingested == 2


def test_a_workflow_that_the_log_names_is_followed_although_the_page_is_the_same(workspace, read):
    name_in_log(workspace)
    read()
    assert Workflow.objects.filter(workflow_id="public_bulk_7").exists()
    assert Poll.objects.filter(subject="public_bulk_7").exists()


def test_a_workflow_that_is_known_and_named_again_is_no_work(workspace, read, pages):
    log_request(make_key(workspace), path="/api/v2/enrichment/status/public_bulk_1")
    read()
    assert pages.ingested == 1


def test_a_workspace_that_may_not_read_states_waits_for_none(workspace, read, pages):
    give_scopes(workspace)
    leave_unfinished(workspace)
    read()
    read()
    assert pages.ingested == 2  # once because the scopes are new


def test_a_person_who_asks_gets_it_ingested(workspace, read, pages):
    assert refresh(workspace, "deliveries").ok
    assert pages.ingested == 2
    read()
    assert pages.ingested == 2


def test_after_a_failure_it_is_ingested_again(read, pages):
    pages.failure = 503
    assert read().consecutive_failures == 1
    pages.failure = None
    read()
    assert pages.ingested == 2


def test_after_ten_minutes_it_is_ingested_again(read, pages, monkeypatch):
    monkeypatch.setattr(fetcher, "INGEST_AGAIN_SECONDS", 1e-6)
    read()
    assert pages.ingested == 2


def test_rules_are_not_evaluated_for_an_unchanged_page(read, pages, monkeypatch):
    told = []
    monkeypatch.setattr(ingest, "notify_ingested", told.append)
    read()
    assert told == []
    pages.rows.clear()
    read()
    assert len(told) == 1


def test_it_is_ingested_if_nobody_can_tell_whether_anything_is_due(read, pages, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no idea")

    monkeypatch.setattr(polls.tracked_workflows, "without_work", fail)
    read()
    assert pages.ingested == 2
    assert "settled_failed" in caplog.text
