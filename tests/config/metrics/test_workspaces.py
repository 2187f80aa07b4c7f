"""What is told of each workspace: the figures of its pages, and nothing where they are not known."""

import math
from datetime import timedelta
from decimal import Decimal

import pytest

from alerts.models import Alert, Notification, Recipient
from cleanlist import RequestLogEntry
from core import clock
from keys.log.ingest.pages import ingest_latest_page
from keys.models import LogGap
from tests.keys.conftest import make_key
from tests.usage.balance_history import record_series, write_steady
from tests.webhooks.attempts import run
from usage import metrics_cache
from usage.budgets.status import budget_statuses
from usage.burn import spent_between
from usage.forecast.runway import learn_burn, runway
from usage.models import Budget
from usage.readings import record_reading
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Workflow
from workspaces.models import Workspace
from workspaces.polling import metrics_store
from workspaces.polling.registry import notify_ingested

pytestmark = pytest.mark.django_db
OURS = {"workspace": "example-works"}


@pytest.fixture
def steady(workspace, now, poll):
    """Ten credits an hour for sixty hours, read up to now; what has landed last is told."""
    write_steady(workspace, now, hours=60)
    record_reading(workspace, Decimal(8390), now + timedelta(seconds=1))
    learn_burn(workspace, now)
    landed = poll("balance")
    return lambda: notify_ingested([landed])


def test_the_balance_has_the_moment_at_which_it_was_read(scrape, workspace, now):
    assert scrape().all("console_balance_credits") == {}
    assert scrape().all("console_reserved_credits") == {}
    record_reading(workspace, Decimal("480.5"), now - timedelta(hours=2))
    found = scrape()
    assert found.value("console_balance_credits", **OURS) == 480.5
    assert found.value("console_balance_read_timestamp_seconds", **OURS) == (now - timedelta(hours=2)).timestamp()
    assert found.value("console_reserved_credits", **OURS) == 0


def test_what_running_enrichments_hold_is_reserved(scrape, workspace, now):
    facts = {"workspace": workspace, "first_seen_at": now - timedelta(minutes=5), "status_read_at": now}
    Workflow.objects.create(workflow_id="a", credits_reserved=200, **facts)
    Workflow.objects.create(workflow_id="b", credits_reserved=50, **facts)
    record_reading(workspace, Decimal(480), now)
    assert scrape().value("console_reserved_credits", **OURS) == 250


def test_runway_spent_and_burn_are_those_of_the_pages(scrape, workspace, steady):
    steady()
    found, ahead = scrape(), runway(workspace)
    moment = clock.now()
    for bound, at in (("early", ahead.early_at), ("median", ahead.median_at), ("late", ahead.late_at)):
        seconds = (at - moment).total_seconds()
        assert found.value("console_runway_seconds", bound=bound, **OURS) == pytest.approx(seconds, abs=30)
    past = spent_between(workspace, moment - timedelta(days=1))
    assert found.value("console_spent_credits", **OURS) == pytest.approx(float(past.credits), abs=1)
    burn = found.value("console_burn_credits_per_hour", **OURS)
    assert burn == pytest.approx(float(past.credits) / (24 * past.covered), rel=0.01)
    assert abs(found.value("console_figures_timestamp_seconds", **OURS) - moment.timestamp()) < 30


def test_a_balance_that_does_not_fall_lasts_for_ever(scrape, workspace, now, poll):
    write_steady(workspace, now, hours=60, an_hour=0)
    learn_burn(workspace, now)
    notify_ingested([poll("balance")])
    assert set(scrape().all("console_runway_seconds", **OURS).values()) == {math.inf}


def test_too_short_a_history_has_no_runway(scrape, workspace, now, poll):
    record_reading(workspace, Decimal(480), now)
    notify_ingested([poll("balance")])
    found = scrape()
    assert found.all("console_runway_seconds") == {}
    assert found.all("console_budget_credits") == {}


def test_nothing_is_left_of_an_empty_balance(scrape, workspace, now, poll):
    record_series(workspace, [(now - timedelta(minutes=1), 5), (now, 0)])
    notify_ingested([poll("balance")])
    assert set(scrape().all("console_runway_seconds", **OURS).values()) == {0}


def test_figures_that_were_not_renewed_for_long_are_not_known(scrape, workspace, steady, redis):
    steady()
    assert 840 < redis.ttl(f"figures:{workspace.pk}") <= 900
    redis.delete(f"figures:{workspace.pk}")
    found = scrape()
    assert found.all("console_runway_seconds") == found.all("console_spent_credits") == {}
    assert found.value("console_balance_credits", **OURS) == 8390


def test_figures_are_worked_out_every_few_minutes_only(workspace, steady, redis, django_assert_num_queries):
    steady()
    with django_assert_num_queries(0):
        metrics_cache.refresh_metrics(list(workspace.polls.none()))
    first = metrics_cache.cached_metrics([workspace.pk])[workspace.pk]
    steady()
    assert metrics_cache.cached_metrics([workspace.pk])[workspace.pk] == first
    redis.expire(f"figures:{workspace.pk}", metrics_cache.KEPT_SECONDS - metrics_cache.RENEWED_SECONDS - 1)
    steady()
    assert metrics_cache.cached_metrics([workspace.pk])[workspace.pk].at > first.at


@pytest.mark.parametrize("junk", [b"", b"{", b"[1]", b"null", b'["a",1,1,1,1,1,null]'])
def test_what_others_left_in_redis_is_not_told(scrape, workspace, redis, junk):
    redis.set(f"figures:{workspace.pk}", junk)
    redis.hset("meters:workspaces", "x\x1f2xx", "1")
    redis.hset("meters:workspaces", f"{workspace.pk}\x1f2xx", "many")
    found = scrape()
    assert found.all("console_runway_seconds") == found.all("console_logged_requests_total") == {}


def test_a_budget_is_told_with_what_was_used_of_it(scrape, workspace, steady, now):
    Budget.objects.create(workspace=workspace, credits=5000)
    steady()
    used = budget_statuses([workspace], clock.now())[workspace.pk].used
    found = scrape()
    assert found.value("console_budget_credits", **OURS) == 5000
    assert found.all("console_budget_used_credits", **OURS) == {
        ("low",): float(used.low),
        ("likely",): float(used.credits),
        ("high",): float(used.high),
    }


def test_a_workspace_says_so_while_its_polling_is_paused(scrape, workspace, now):
    assert scrape().all("console_polling_paused") == {}
    Workspace.objects.update(paused_at=now)
    assert scrape().value("console_polling_paused", **OURS) == 1


def test_keys_are_known_once_a_list_was_read(scrape, workspace, poll, now):
    assert scrape().all("console_keys_active") == {}
    poll("public_keys", last_success_at=now - timedelta(minutes=3))
    poll("keys", last_success_at=now - timedelta(minutes=5))
    assert scrape().value("console_keys_active", **OURS) == 0
    make_key(workspace)
    make_key(workspace, is_active=False)
    found = scrape()
    assert found.value("console_keys_active", **OURS) == 1
    assert found.value("console_keys_limit") == 10
    assert found.value("console_keys_read_timestamp_seconds", **OURS) == (now - timedelta(minutes=3)).timestamp()


def test_what_is_missing_of_the_log_is_told_where_it_is_read(scrape, workspace, poll, now):
    poll("public_keys")
    assert scrape().all("console_log_gaps") == scrape().all("console_log_missed_requests") == {}
    poll("keys")
    key = make_key(workspace, missed_count=30)
    make_key(workspace, missed_count=5)
    LogGap.objects.create(key=key, after=now, before=now, detected_at=now)
    found = scrape()
    assert found.value("console_log_gaps", **OURS) == 1
    assert found.value("console_log_missed_requests", **OURS) == 35


def test_requests_are_counted_by_class_as_the_log_brings_them(
    scrape, workspace, now, django_capture_on_commit_callbacks
):
    key = make_key(workspace)
    statuses = [200, 201, 404, 500, None]
    page = [
        RequestLogEntry(id=f"r{n}", created_at=now - timedelta(minutes=n), status_code=status, path="/api/v1/x")
        for n, status in enumerate(statuses)
    ]
    for _ in range(2):  # the second brings nothing new
        with django_capture_on_commit_callbacks(execute=True):
            ingest_latest_page(workspace, key.upstream_id, page)
    metrics_store.flush()
    counted = {("2xx",): 2, ("4xx",): 1, ("5xx",): 1, ("none",): 1}
    assert scrape().all("console_logged_requests_total", **OURS) == counted


def test_counts_of_a_workspace_that_is_gone_are_not_told(scrape, workspace):
    metrics_store.count_for_workspace(workspace.pk, "2xx", 1)
    metrics_store.flush()
    Workspace.objects.all().delete()
    assert scrape().all("console_logged_requests_total") == {}


def test_endpoints_that_fail_are_counted_once_deliveries_are_read(scrape, workspace, poll, now):
    assert scrape().all("console_endpoints_failing") == {}
    poll("deliveries")
    assert scrape().value("console_endpoints_failing", **OURS) == 0
    for number in range(3):
        ingest_page(workspace, run(f"public_bulk_{number}", start=now - timedelta(minutes=10)), now)
        assert scrape().value("console_endpoints_failing", **OURS) == (number == 2)


def test_alerts_are_counted_by_severity_while_they_fire(scrape, workspace, now):
    facts = {"workspace": workspace, "kind": "balance_below", "rule_name": "Low", "started_at": now}
    facts |= {"evaluated_at": now}
    for severity, state, fired_at in (
        ("critical", "firing", now),
        ("critical", "unknown", now),
        ("warning", "pending", None),
        ("warning", "firing", now),
    ):
        Alert.objects.create(severity=severity, state=state, fired_at=fired_at, **facts)
    Alert.objects.filter(severity="warning").update(resolved_at=now)
    firing = {("critical",): 2, ("warning",): 0, ("information",): 0}
    assert scrape().all("console_alerts_firing", **OURS) == firing


def test_mail_that_waits_is_counted_with_the_age_of_the_oldest(scrape, workspace, now):
    assert scrape().value("console_mail_queued", **OURS) == 0
    assert scrape().all("console_mail_oldest_age_seconds") == {}
    recipient = Recipient.objects.create(workspace=workspace, address="a@example.test")
    for number, (state, minutes) in enumerate([("queued", 20), ("sending", 5), ("sent", 60), ("failed", 90)]):
        Notification.objects.create(
            workspace=workspace,
            recipient=recipient,
            kind="firing",
            key=str(number),
            message_id=str(number),
            state=state,
            created_at=now - timedelta(minutes=minutes),
        )
    found = scrape()
    assert found.value("console_mail_queued", **OURS) == 2
    assert 1199 < found.value("console_mail_oldest_age_seconds", **OURS) < 1260


def test_without_redis_the_rest_is_told(scrape, workspace, now, no_redis):
    record_reading(workspace, Decimal(480), now)
    found = scrape()
    assert found.value("console_redis_up") == 0
    assert found.value("console_balance_credits", **OURS) == 480
    assert found.all("console_runway_seconds") == found.all("console_http_requests_total") == {}
