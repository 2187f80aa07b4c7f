"""How pages of delivery attempts become deliveries that stand as they should."""

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cleanlist import DeliveryAttempt, Listing
from core import clock
from tests.webhooks.attempts import HOOK, READ_AT, attempt, run
from webhooks import polls, retention
from webhooks.ingest import delivery_status, endpoint_rollups
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Attempt, Delivery, DeliveryGap, Endpoint, EndpointDay, EndpointHour, Feed, Workflow
from workspaces.models import Poll, Workspace

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def ingest(workspace):
    def landing(*rows, at=READ_AT, **options):
        return ingest_page(workspace, rows, at, **options)

    return landing


def only():
    return Delivery.objects.get()


def test_a_success_is_delivered_at_the_time_of_the_answer(ingest):
    ingest(attempt(code=200, at=READ_AT - SECOND))

    delivery = only()

    assert (delivery.state, delivery.reason, delivery.attempts, delivery.host) == (
        "delivered",
        "",
        1,
        "hooks.example-3.test",
    )
    assert delivery.delivered_at == READ_AT - SECOND + timedelta(milliseconds=120)
    assert delivery.url == HOOK


@pytest.mark.parametrize(("number", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_the_next_attempt_is_estimated_by_upstreams_waits(ingest, number, wait):
    ingest(*run(codes=[503] * number, start=READ_AT - 20 * SECOND))

    delivery = only()

    assert (delivery.state, delivery.next_is_estimate, delivery.reason) == ("retrying", True, "server_error")
    assert delivery.next_attempt_at == delivery.last_attempt_at + timedelta(milliseconds=120, seconds=wait)


def test_what_upstream_says_of_the_next_attempt_wins_also_after_the_fifth(ingest):
    told = READ_AT + timedelta(minutes=30)
    ingest(*run(codes=[503] * 4), attempt(number=5, at=READ_AT - SECOND, next_attempt_at=told))

    assert (only().state, only().next_attempt_at, only().next_is_estimate) == ("retrying", told, False)


def test_five_failures_are_the_end(ingest):
    ingest(*run(codes=[500] * 5, start=READ_AT - 20 * SECOND))

    assert (only().state, only().next_attempt_at) == ("failed", None)
    assert delivery_status.explain_failure(only()) == "All 5 attempts failed. No more retries."


def test_an_attempt_that_never_came_ends_it_too_and_the_sentence_says_so(ingest):
    ingest(*run(codes=[500] * 2, start=READ_AT - 5 * SECOND))
    assert only().state == "retrying"

    ingest(at=READ_AT + timedelta(minutes=6))

    assert only().state == "failed"
    assert "No further attempts were seen" in delivery_status.explain_failure(only())


def test_a_late_attempt_takes_that_back(ingest):
    ingest(*run(codes=[500] * 2, start=READ_AT - timedelta(minutes=30)))
    assert only().state == "failed"

    ingest(attempt(number=3, code=200, at=READ_AT - SECOND))

    assert (only().state, only().attempts, only().runs, only().reason) == ("delivered", 3, 1, "")


def test_a_repeat_of_the_workflow_is_another_run(ingest):
    ingest(*run(codes=[500, 200], start=READ_AT - timedelta(hours=1)), *run(codes=[404], start=READ_AT - 2 * SECOND))

    delivery = only()

    assert (delivery.runs, delivery.attempts, delivery.state, delivery.reason) == (2, 3, "retrying", "client_error")
    assert delivery.delivered_at is not None
    assert list(Attempt.objects.order_by("at").values_list("run", "number")) == [(1, 1), (1, 2), (2, 1)]


def test_an_older_run_that_comes_late_moves_the_others(ingest):
    ingest(*run(codes=[500] * 5, start=READ_AT - timedelta(minutes=5)))
    ingest(*run(codes=[200], start=READ_AT - timedelta(hours=5)))

    assert (only().runs, only().state) == (2, "failed")
    assert list(Attempt.objects.order_by("at").values_list("run", flat=True)) == [1, 2, 2, 2, 2, 2]


def test_one_workflow_to_two_urls_is_two_deliveries(ingest):
    ingest(attempt(code=200), attempt(code=500, url="https://other.example.test/"))

    assert set(Delivery.objects.values_list("host", "state")) == {
        ("hooks.example-3.test", "delivered"),
        ("other.example.test", "retrying"),
    }


def test_an_attempt_that_was_running_is_completed_later(ingest):
    running = {"status": "pending", "error_message": None, "duration_ms": None, "id": 7}
    ingest(attempt(code=None, at=READ_AT - SECOND, **running))
    assert (only().state, EndpointHour.objects.count()) == ("retrying", 0)

    ingest(attempt(code=200, at=READ_AT - SECOND, id=7))
    ingest(attempt(code=None, at=READ_AT - SECOND, **running))  # the older page once more

    assert (only().state, Attempt.objects.count()) == ("delivered", 1)
    assert EndpointHour.objects.get().count == 1


def test_a_row_that_counts_its_attempts_up_in_place_keeps_each(ingest):
    for number in (1, 2, 3):
        ingest(attempt(number=number, id="one row a delivery", at=READ_AT + number * SECOND))

    assert (Attempt.objects.count(), only().attempts) == (3, 3)


def test_what_the_console_redelivered_stays_delivered(ingest):
    ingest(*run(codes=[500] * 4, start=READ_AT - 20 * SECOND))
    Delivery.objects.update(state="delivered", reason="", redelivered_at=READ_AT, delivered_at=READ_AT)

    ingest(attempt(number=5, at=READ_AT - SECOND, code=502))

    assert (only().state, only().reason, only().delivered_at, only().attempts) == ("delivered", "", READ_AT, 5)


ODD = {
    "nothing but a workflow": DeliveryAttempt(workflow_id="w"),
    "an unknown word": DeliveryAttempt(workflow_id="w", status="Vibrating", attempt_number=-3),
    "huge texts": attempt("w", error_message="x" * 100_000, status="y" * 5000, url="https://a.test/" + "é" * 5000),
    "NUL and surrogates": attempt("w", error_message="a\x00b\ud800", url="https://a.test/\x00"),
    "no URL": attempt("w", url=None),
    "no URL at all": attempt("w", url="http://[::1"),
    "a port that is none": attempt("w", url="https://a.test:99999999/"),
    "numbers out of range": attempt("w", number=10**12, code=10**9, duration_ms=-5.5),
    "infinite": attempt("w", duration_ms=float("inf")),
    "a time to come": attempt("w", at=READ_AT + timedelta(days=4000)),
    "an id too long": attempt("w", id="i" * 5000),
    "an id of controls": attempt("w", id="\x00"),
    "a status no protocol has": attempt("w", code=999),
}


@pytest.mark.parametrize("row", ODD.values(), ids=ODD)
def test_a_malformed_row_is_ingested_once(ingest, row):
    ingest(row)
    ingest(row)

    delivery = only()

    assert Attempt.objects.count() == 1
    assert delivery.attempts == 1
    assert len(delivery.url.encode()) <= 2000
    assert delivery.state in {"delivered", "retrying", "failed"}


class Upstream:
    """Answers with a page of attempts, whatever it is asked for."""

    def __init__(self, *rows):
        self.rows, self.webhooks = rows, self

    async def deliveries(self, _=None):
        return Listing(self.rows)


@pytest.mark.parametrize("workflow_id", [None, "", "a/b", "..", "x" * 201, "nul\x00"])
def test_a_row_that_belongs_to_nothing_is_counted_as_odd(workspace, workflow_id):
    poll = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=60)
    page = asyncio.run(polls.fetch_latest(Upstream(attempt(workflow_id), attempt("good")), poll))
    polls.ingest_latest(poll, page, READ_AT)

    assert Workflow.objects.get().workflow_id == "good"
    assert [odd.reason.partition(" ")[0].rstrip(":") for odd in page.malformed] == ["workflow_id"]
    assert page.total == 2


def test_rows_without_their_workflow_are_those_of_the_one_asked_about(workspace):
    poll = Poll.objects.create(
        workspace=workspace, resource="workflow_deliveries", subject="asked", interval_seconds=60
    )
    upstream = Upstream(attempt(None, id=1), attempt("another", id=2))
    page = asyncio.run(polls.fetch_workflow_deliveries(upstream, poll))
    polls.ingest_workflow_deliveries(poll, page, READ_AT)

    assert Workflow.objects.get().workflow_id == "asked"
    assert [odd.reason for odd in page.malformed] == ["workflow_id: not the one that was asked for"]


def test_a_page_that_odd_rows_fill_hides_no_gap(workspace):
    poll = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=60)
    polls.ingest_latest(poll, Listing([attempt("first", at=READ_AT)]), READ_AT)
    later = READ_AT + timedelta(hours=1)
    full = [attempt(f"new {n}", at=later + timedelta(seconds=n)) for n in range(polls.FULL_PAGE)]
    for total, gaps in ((polls.FULL_PAGE - 1, 0), (polls.FULL_PAGE, 1)):
        polls.ingest_latest(poll, Listing(full[:1], total=total), later)
        assert DeliveryGap.objects.count() == gaps
        Attempt.objects.filter(delivery__workflow__workflow_id="new 0").delete()
        Feed.objects.update(read_until=READ_AT)


def test_a_page_without_anything_new_takes_few_queries_and_writes_nothing(workspace):
    poll = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=60)
    now = clock.now()
    page = Listing([attempt(f"workflow {n}", at=now - timedelta(minutes=n)) for n in range(30)])
    for _ in range(2):
        polls.ingest_latest(poll, page, now)
    Workflow.objects.update(status="completed", completed_at=now)
    with CaptureQueriesContext(connection) as queries:
        polls.ingest_latest(poll, page, now)
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 8
    assert all(sql.startswith("SELECT") for sql in statements)


def test_two_long_urls_stay_distinct(ingest):
    long = "https://a.test/" + "x" * 3000
    ingest(attempt(url=long + "1"), attempt(url=long + "2"))

    assert Delivery.objects.count() == 2


def test_another_workspaces_rows_are_its_own(ingest, workspace):
    other = Workspace.objects.create(name="Other", slug="other", base_url="https://api.cleanlist.ai")
    ingest(attempt())
    ingest_page(other, [attempt(code=200)], READ_AT)

    assert dict(Delivery.objects.values_list("workspace__slug", "state")) == {
        workspace.slug: "retrying",
        "other": "delivered",
    }


def many(count):
    return [row for number in range(count) for row in run(f"public_bulk_{number}", codes=[500, 200])]


def queries_for(action):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        action()
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_the_page(ingest):
    first = queries_for(lambda: ingest(*many(3)))
    Delivery.objects.all().delete()
    EndpointHour.objects.all().delete()
    EndpointDay.objects.all().delete()
    Endpoint.objects.all().delete()
    Workflow.objects.all().delete()

    assert queries_for(lambda: ingest(*many(20))) == first
    assert queries_for(lambda: ingest(*many(20))) <= 6  # nothing new


def test_five_thousand_attempts_on_a_page(ingest):
    assert ingest(*many(2500)).fresh == 5000

    assert Delivery.objects.filter(state="delivered", attempts=2).count() == 2500


PAST = [
    *run("public_bulk_a", [500, 502, 200], start=READ_AT - timedelta(hours=3)),
    *run("public_bulk_a", [200], start=READ_AT - timedelta(hours=1)),
    *run("public_bulk_b", [None] * 5, error_message="Connection refused", start=READ_AT - timedelta(hours=2)),
    *run("public_bulk_c", [404, 404], start=READ_AT - 9 * SECOND),
    *run("public_bulk_a", [500] * 5, start=READ_AT - timedelta(days=1, hours=2)),
    *run("public_bulk_d", [200], url="https://b.example.test/x", start=READ_AT - timedelta(minutes=30)),
    attempt("public_bulk_e", None, id=None, at=READ_AT - timedelta(minutes=7)),
]


def rows():
    """Everything that landing writes, but for what tells when and in which order it was written."""
    told = ("upstream_id", "delivery__url", "run", "number", "reason", "at", "acknowledged")
    attempts = Attempt.objects.order_by("upstream_id").values_list("delivery__workflow__workflow_id", *told)
    hidden = {"id", "workflow"}
    names = [field.attname for field in Delivery._meta.fields if field.name not in hidden]
    deliveries = Delivery.objects.order_by("workflow__workflow_id", "url").values_list(*names)
    hours = EndpointHour.objects.order_by("host", "hour", "reason")
    days = EndpointDay.objects.order_by("host", "day", "reason")
    return (
        list(attempts),
        list(deliveries),
        list(hours.values_list("host", "hour", "reason", "count", "histogram")),
        list(days.values_list("host", "day", "reason", "count", "histogram")),
        list(Endpoint.objects.order_by("host").values_list("host", "last_attempt_at")),
    )


def forget():
    for model in (Attempt, Delivery, Workflow, EndpointHour, EndpointDay, Endpoint):
        model.objects.all().delete()


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(st.data())
def test_any_order_split_and_repetition_lead_to_the_same_rows(ingest, workspace, data):
    forget()
    ingest(*PAST)
    expected = rows()
    forget()

    order = data.draw(st.permutations(range(len(PAST))))
    repeated = order + data.draw(st.lists(st.sampled_from(range(len(PAST))), max_size=12))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(repeated)), max_size=5)))
    for start, end in zip([0, *cuts], [*cuts, len(repeated)], strict=True):
        ingest(*(PAST[number] for number in repeated[start:end]))

    assert rows() == expected
    endpoint_rollups.recount(workspace)
    assert rows() == expected


def test_old_deliveries_are_pruned_and_do_not_come_back(ingest, settings):
    settings.KEEP_DELIVERIES_DAYS = 30
    old, new = READ_AT - timedelta(days=40), READ_AT - timedelta(days=2)
    page = [*run("public_bulk_old", start=old), *run("public_bulk_new", start=new)]
    settings.KEEP_DELIVERIES_DAYS = 50
    ingest(*page, at=READ_AT - timedelta(days=1))
    Workflow.objects.update(first_seen_at=old)
    settings.KEEP_DELIVERIES_DAYS = 30

    assert retention.prune(READ_AT) == 5
    ingest(*page)

    assert Workflow.objects.get().workflow_id == "public_bulk_new"
    assert (Attempt.objects.count(), Endpoint.objects.count()) == (5, 1)


@pytest.mark.parametrize(("days", "words"), [(396, "13 months"), (30, "30 days"), (1, "1 day"), (61, "2 months")])
def test_pages_can_say_how_long(settings, days, words):
    settings.KEEP_DELIVERIES_DAYS = days

    assert retention.describe_retention() == words


def test_an_attempt_from_the_future_hides_no_gap(workspace):
    poll = Poll.objects.create(workspace=workspace, resource="deliveries", interval_seconds=60)
    ahead = attempt("ahead", at=READ_AT + timedelta(hours=3))
    polls.ingest_latest(poll, Listing([attempt("first", at=READ_AT), ahead]), READ_AT)
    assert Feed.objects.get().read_until == READ_AT
    later = READ_AT + timedelta(hours=1)
    page = [attempt(f"new {n}", at=later + timedelta(seconds=n)) for n in range(polls.FULL_PAGE)]
    polls.ingest_latest(poll, Listing([ahead, *page]), later + timedelta(minutes=1))
    gap = DeliveryGap.objects.get()
    assert (gap.after, gap.before) == (READ_AT, later)
