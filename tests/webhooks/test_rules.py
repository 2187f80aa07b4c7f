"""What rules and pages see of endpoints: failing in a row, too many failing, figures, groups."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.engine.evaluation import observe_together
from alerts.engine.rule_kinds import NoData, kind_named
from alerts.models import Rule
from alerts.services.default_rules import ensure_default_rules
from tests.keys.conftest import log_request, make_key
from tests.webhooks.attempts import READ_AT, run
from webhooks import health
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Attempt, Delivery
from webhooks.rules import summarize
from workspaces.models import Poll, Workspace

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
BAD, GOOD = "https://bad.example.test/hook", "https://good.example.test/hook"


@pytest.fixture(autouse=True)
def _noon(time_machine):
    time_machine.move_to(READ_AT, tick=False)


@pytest.fixture
def read_now(workspace):
    """The list of deliveries was read just now."""
    return Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=30, last_success_at=READ_AT)


@pytest.fixture
def deliver(workspace):
    """Land deliveries to a URL, one a minute up to five minutes ago: F failed for good, . delivered."""

    def landing(url, pattern, into=workspace):
        for back, outcome in enumerate(reversed(pattern)):
            number = Delivery.objects.count()
            codes = [500] * 5 if outcome == "F" else [200]
            start = READ_AT - (5 + back) * MINUTE
            ingest_page(into, run(f"public_bulk_{number}", codes, start=start, url=url), READ_AT)

    return landing


@pytest.fixture
def see(workspace):
    def look(kind, **facts):
        known = {"name": kind, "severity": "warning", "threshold": Decimal(2), "recovery": Decimal(0), **facts}
        rule = Rule.objects.create(workspace=workspace, kind=kind, **known)
        readings = kind_named(kind).read([rule], READ_AT)[rule.pk]
        return readings if isinstance(readings, NoData) else {each.subject: each for each in readings}

    return look


def test_failures_in_a_row_are_counted_since_the_last_delivery_that_arrived(read_now, deliver, see):
    deliver(BAD, "F.FFF")
    deliver(GOOD, "FF.")

    seen = see("webhook_in_a_row")

    assert {host: reading.value for host, reading in seen.items()} == {"bad.example.test": 3, "good.example.test": 0}
    assert seen["bad.example.test"].headline == "bad.example.test: 3 deliveries failed in a row"
    assert ("Last reason", "Your endpoint failed (5xx)") in seen["bad.example.test"].facts


@pytest.mark.parametrize(
    ("pattern", "least", "share"), [("FF...", 5, 40), ("FF..", 5, 0), ("FFFFF", 5, 100), ("F.", 1, 50)]
)
def test_the_share_of_failures_counts_from_enough_deliveries(read_now, deliver, see, pattern, least, share):
    deliver(BAD, pattern)

    seen = see("webhook_failures", parameters={"minutes": 60, "least": least})

    assert seen["bad.example.test"].value == share


def test_deliveries_longer_ago_than_the_rules_minutes_do_not_count(read_now, deliver, see):
    deliver(BAD, "FFFFF" + "." * 5)

    assert see("webhook_failures", parameters={"minutes": 9, "least": 2})["bad.example.test"].value == 0


@pytest.mark.parametrize("kind", ["webhook_in_a_row", "webhook_failures"])
def test_what_was_not_read_is_not_known(workspace, deliver, see, kind):
    deliver(BAD, "FFF")
    assert "n't been synced" in see(kind).reason

    Poll.objects.create(
        workspace=workspace, resource="deliveries", interval_seconds=30, last_success_at=READ_AT - 60 * MINUTE
    )
    assert "out of date" in see(kind, name="again").reason


def test_history_shows_when_a_rule_would_have_fired(workspace, read_now, deliver):
    deliver(BAD, ".FFF.F")
    since, until = READ_AT - 60 * MINUTE, READ_AT
    rule = Rule(workspace=workspace, parameters={"minutes": 60, "least": 2})

    in_a_row = [int(moment.value) for moment in kind_named("webhook_in_a_row").history(workspace, rule, since, until)]
    share = [float(moment.value) for moment in kind_named("webhook_failures").history(workspace, rule, since, until)]

    assert in_a_row == [0, 1, 2, 3, 0, 1]
    assert share == [0, 50, 66.7, 75, 60, 66.7]


def test_a_summary_says_how_webhooks_did(workspace, deliver):
    assert list(summarize(workspace, READ_AT - 60 * MINUTE)) == []

    deliver(BAD, "FFF.FFF")

    assert list(summarize(workspace, READ_AT - 60 * MINUTE)) == [
        ("Webhooks", "7 deliveries, 6 of them failed"),
        ("Failing endpoints", "bad.example.test"),
    ]


def test_an_endpoints_figures(workspace, deliver):
    deliver(BAD, "..FFF")
    deliver(GOOD, "F..")

    bad, good = health.endpoints(workspace)

    assert (bad.host, bad.attempts, bad.accepted, bad.failed_in_a_row, bad.delivered_in_a_row) == (
        "bad.example.test",
        17,
        2,
        3,
        0,
    )
    assert (good.failed_in_a_row, good.delivered_in_a_row, good.last_reason) == (0, 2, "server_error")
    assert [bad.is_failing, good.is_failing] == [True, False]
    assert 110 < bad.p50_ms <= bad.p95_ms < 132
    assert bad.last_failure_at == Delivery.objects.filter(host=bad.host).latest("last_attempt_at").last_attempt_at


@pytest.mark.parametrize("start", ["2026-11-16T00:00", "2026-11-16T07:30", "2026-11-16T08:00", "2026-11-20T08:00"])
def test_figures_since_any_time_count_attempts_from_the_next_full_hour(workspace, start):
    since = datetime.fromisoformat(f"{start}+00:00")
    moments = [READ_AT - timedelta(hours=5 * number) for number in range(30)]
    codes = [(200,) if number % 3 else (500,) * 5 for number in range(30)]
    for number, (at, answers) in enumerate(zip(moments, codes, strict=True)):
        ingest_page(workspace, run(f"w{number}", answers, start=at - timedelta(hours=1), url=BAD), READ_AT)

    (found,) = health.endpoints(workspace, since)

    counted = since if not since.minute else since.replace(minute=0) + timedelta(hours=1)
    attempts = Attempt.objects.filter(at__gte=counted)
    assert (found.attempts, found.accepted) == (attempts.count(), attempts.filter(acknowledged=True).count())
    assert found.attempts > 0


def test_failures_are_grouped_by_endpoint_and_reason(workspace, deliver):
    deliver(BAD, "FF.F")
    deliver(GOOD, ".F")
    ingest_page(workspace, run("other", [404] * 5, url=BAD), READ_AT)

    groups = health.failures(workspace)

    assert [(group.host, group.reason, group.count) for group in groups] == [
        ("bad.example.test", "server_error", 3),
        ("good.example.test", "server_error", 1),
        ("bad.example.test", "client_error", 1),
    ]
    assert groups[0].first_at < groups[0].last_at


def test_failing_endpoints_of_many_workspaces(workspace, deliver):
    other = Workspace.objects.create(name="Other", slug="other", base_url="https://api.cleanlist.ai")
    deliver(BAD, "FFF")
    deliver(GOOD, "FF")
    deliver(GOOD, ".", into=other)

    found = health.failure_summaries([workspace, other])

    assert found == {workspace.pk: health.FailureSummary(("bad.example.test",), 5)}


def test_the_number_of_queries_grows_with_nothing(workspace, read_now, deliver, see):
    other = Workspace.objects.create(name="Other", slug="other", base_url="https://api.cleanlist.ai")

    def count():
        with CaptureQueriesContext(connection) as queries:
            health.endpoints(workspace)
            health.failures(workspace)
            health.failure_summaries([workspace, other])
            summarize(workspace, READ_AT - 60 * MINUTE)
            for kind in ("webhook_in_a_row", "webhook_failures"):
                kind_named(kind).read(list(workspace.alert_rules.all()), READ_AT)
        return len(queries)

    for kind in ("webhook_in_a_row", "webhook_failures"):
        see(kind)
    deliver("https://host-9.example.test/", "F.FFF")
    few = count()
    for number in range(6):
        deliver(f"https://host-{number}.example.test/", "F.FFF")
        deliver(f"https://host-{number}.example.test/", "F.FFF", into=other)

    assert count() == few


def test_every_workspace_has_these_rules_from_the_first_minute():
    for name in ("webhook_in_a_row", "webhook_failures"):
        kind = kind_named(name)
        assert kind.defaults
        assert all(kind.describe(Rule(threshold=one.threshold, parameters=one.parameters)) for one in kind.defaults)


def test_rules_see_each_workspace_by_itself_and_more_of_them_take_no_more_queries(deliver):
    def look(count):
        for number in range(count):
            workspace = Workspace.objects.create(
                name=f"W{number}", slug=f"w-{count}-{number}", base_url="http://x.test"
            )
            for resource in ("deliveries", "keys"):
                facts = {"interval_seconds": 30, "last_success_at": READ_AT}
                Poll.objects.create(workspace=workspace, resource=resource, **facts)
            deliver(BAD, "F" * number + ".F", into=workspace)
            log_request(make_key(workspace, expires_at=READ_AT + timedelta(days=1 + number)))
            ensure_default_rules([workspace.pk])
        rules = list(
            Rule.objects.filter(workspace__slug__startswith=f"w-{count}-").select_related("workspace__session")
        )
        assert {rule.kind for rule in rules} >= {"webhook_in_a_row", "webhook_failures", "key_errors", "key_expires"}
        with CaptureQueriesContext(connection) as queries:
            seen = observe_together(rules, READ_AT)
        for rule in rules:
            number = int(rule.workspace.slug.rpartition("-")[2])
            if rule.kind == "key_expires":
                assert [reading.value for reading in seen[rule.pk]] == [1 + number]
            if rule.kind == "webhook_failures":
                share = 100 * (number + 1) / (number + 2) if number + 2 >= 5 else 0
                assert [float(reading.value) for reading in seen[rule.pk]] == [pytest.approx(share, abs=0.05)]
        return len(queries)

    assert look(2) == look(6)
