"""The start page and the overview, from the mirror."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert
from keys.models import ApiKey, LoggedRequest
from keys.models.key import key_uuid
from tests.fixtures import PASSWORD, count_into_rollups
from usage.models import BalanceReading
from usage.readings import record_reading
from workspaces.models import ManagementSession, Membership, Poll, Role, Workspace

pytestmark = pytest.mark.django_db
OVERVIEW = "/w/example-works/"


def ago(**span):
    return timezone.now() - dt.timedelta(**span)


def make_key(workspace, name="pipeline", **options):
    upstream_id = f"{workspace.pk}-{name}-{ApiKey.objects.count()}"
    defaults = {"first_seen_at": ago(days=9), "read_at": ago(seconds=5), "key_id": key_uuid(upstream_id)}
    return ApiKey.objects.create(workspace=workspace, name=name, upstream_id=upstream_id, **defaults | options)


def make_request(key, **options):
    defaults = {"method": "GET", "path": "/whoami", "status_code": 200, "created_at": ago(minutes=5)}
    number = LoggedRequest.objects.count()
    return LoggedRequest.objects.create(key=key, upstream_id=f"log-{number}", **defaults | options)


def make_balance(workspace):
    read_at = ago(minutes=2)
    return BalanceReading.objects.create(workspace=workspace, credits=1234, first_read_at=read_at, read_at=read_at)


def make_failing_poll(workspace, resource="balance", subject=""):
    return Poll.objects.create(
        workspace=workspace,
        resource=resource,
        subject=subject,
        interval_seconds=60,
        last_success_at=ago(hours=1),
        consecutive_failures=3,
        last_error="Upstream answered 503",
        last_error_kind="ServerFailed",
    )


@pytest.mark.parametrize(
    ("resource", "count", "words"),
    [("requests", 2, "2 keys · oldest shown"), ("workflow_deliveries", 1, "1 workflow · oldest shown")],
)
def test_what_is_read_one_by_one_is_called_what_it_is(client, workspace, viewer, resource, count, words):
    clerk = {"kind": "clerk", "session_id": "sess_1", "frontend_api_url": "https://clerk.cleanlist.ai"}
    ManagementSession.objects.create(workspace=workspace, **clerk)
    for number in range(count):
        make_failing_poll(workspace, resource, str(number))
    client.force_login(viewer)
    assert words in text_of(client.get(OVERVIEW))


def text_of(answer):
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def summary(answer):
    return answer.context["summaries"][0]


def make_poll(workspace, resource, **options):
    return Poll.objects.create(workspace=workspace, resource=resource, interval_seconds=60, **options)


@pytest.mark.parametrize("page", ["", "usage/"])
def test_an_empty_balance_has_no_time_at_which_it_runs_out(as_owner, workspace, page):
    for hours, left in ((72, 9000), (48, 6000), (24, 3000), (0, 0)):
        record_reading(workspace, left, ago(hours=hours))
    text = as_owner.get(f"{OVERVIEW}{page}").text
    assert "No credits left" in text
    assert "likely between" not in text


def test_figures_come_from_the_mirror(as_owner, workspace):
    make_poll(workspace, "keys", last_success_at=ago(seconds=9))
    key = make_key(workspace)
    make_balance(workspace)
    make_request(key)
    make_request(key, status_code=500)
    text = text_of(as_owner.get("/"))
    for part in ("1,234", "2 minutes ago", "of 10 active", "50.0", "1 of 2 failed"):
        assert part in text


def test_old_requests_and_the_consoles_own_calls_do_not_count(as_owner, workspace):
    key = make_key(workspace)
    make_request(key, created_at=ago(hours=2))
    make_request(key, is_own_call=True)
    assert summary(as_owner.get("/")).requests == 0


def test_before_the_first_reading_nothing_is_claimed(as_owner, workspace):
    text = text_of(as_owner.get("/"))
    assert text.count("not synced yet") == 5


def test_a_rejected_key_needs_attention_first(as_owner, workspace, owner):
    calm = Workspace.objects.create(name="A calm one", slug="calm", base_url="x", api_key=workspace.api_key)
    Membership.objects.create(workspace=calm, user=owner, role=Role.VIEWER)
    Workspace.objects.filter(pk=workspace.pk).update(api_key_rejected_at=timezone.now())
    answer = as_owner.get("/")
    assert [each.workspace.slug for each in answer.context["summaries"]] == ["example-works", "calm"]
    assert "no longer accepts this API key" in text_of(answer)


def test_a_session_that_is_over_needs_attention(as_owner, workspace):
    ManagementSession.objects.create(
        workspace=workspace, kind=ManagementSession.Kind.PASTED, token_expires_at=ago(minutes=1)
    )
    assert "session token expired" in text_of(as_owner.get("/"))


def test_keys_whose_secret_nobody_saw_need_attention(as_owner, workspace):
    make_key(workspace, secret_state=ApiKey.SecretState.UNSEEN)
    assert "1 key was created but the secret was never shown" in text_of(as_owner.get("/"))


def test_keys_about_to_expire_need_attention(as_owner, workspace):
    make_key(workspace, expires_at=ago(days=-3))
    make_key(workspace, expires_at=ago(days=-30))
    assert "1 active key expires within 7 days" in text_of(as_owner.get("/"))


def test_a_stale_mirror_needs_attention_and_says_why(as_owner, workspace):
    make_failing_poll(workspace)
    text = text_of(as_owner.get("/"))
    assert "Out of date: Credit balance." in text
    assert "Upstream answered 503" in text


def test_many_failing_logs_are_one_item(as_owner, workspace):
    for number in range(5):
        make_failing_poll(workspace, "requests", str(number))
    assert "Request log (and 4 more)" in text_of(as_owner.get("/"))


def test_all_well_is_said(as_owner, workspace):
    assert "Healthy" in text_of(as_owner.get("/"))


def test_strangers_do_not_see_it(client, workspace, stranger):
    client.force_login(stranger)
    text = text_of(client.get("/"))
    assert workspace.name not in text
    assert "not a member" in text


@pytest.mark.parametrize(("address", "leads_to"), [("/", "/w/example-works/"), ("/account/", "/account/")])
def test_who_asks_for_the_address_alone_lands_in_their_only_workspace(client, workspace, viewer, address, leads_to):
    form = client.get(address, follow=True)
    next_url = form.context["redirect_field_value"]
    entries = {"login": viewer.email, "password": PASSWORD} | ({"next": next_url} if next_url else {})
    assert client.post("/accounts/login/", entries).url == leads_to


def test_an_empty_console_leads_to_connecting(as_admin):
    assert "/w/connect/" in text_of(as_admin.get("/"))


@pytest.mark.parametrize("url", ["/", OVERVIEW])
def test_pages_ask_more_often_until_the_first_reading_is_there(as_owner, workspace, url):
    make_poll(workspace, "balance")
    assert 'data-refresh-seconds="3"' in text_of(as_owner.get(url))
    Poll.objects.update(last_success_at=ago(seconds=1))
    assert 'data-refresh-seconds="15"' in text_of(as_owner.get(url))


def test_an_organization_without_keys_has_none_in_use(as_owner, workspace):
    make_poll(workspace, "keys", last_success_at=ago(seconds=9))
    assert summary(as_owner.get("/")).active_keys == 0


def test_the_light_list_alone_claims_nothing_about_requests(as_owner, workspace):
    make_poll(workspace, "public_keys", last_success_at=ago(seconds=9))
    make_key(workspace)
    answer = as_owner.get("/")
    assert (summary(answer).active_keys, summary(answer).log_is_read) == (1, False)


@pytest.mark.parametrize("url", ["/", OVERVIEW])
def test_htmx_refreshes_the_living_part_only(as_owner, workspace, url):
    text = text_of(as_owner.get(url, headers={"HX-Request": "true"}))
    assert "<html" not in text
    assert "Requests, last hour" in text


@pytest.mark.parametrize("url", ["/", OVERVIEW, f"{OVERVIEW}alerts/", f"{OVERVIEW}usage/"])
def test_going_back_with_htmx_gets_the_whole_page(as_owner, workspace, url):
    answer = as_owner.get(url, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in text_of(answer)
    assert "HX-Request" in answer["Vary"]


def fill(workspace, rows):
    key = make_key(workspace)
    make_balance(workspace)
    make_failing_poll(workspace, "requests", str(Poll.objects.count()))
    for _ in range(rows):
        make_request(key)


def queries_of(client, url):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_twenty_workspaces_cost_as_many_queries_as_ten(as_admin, workspace):
    counts = []
    for _ in range(2):
        for _ in range(10):
            number = Workspace.objects.count()
            fill(Workspace.objects.create(name=f"W{number}", slug=f"w-{number}", base_url="x"), 2)
        counts.append(queries_of(as_admin, "/"))
    assert counts[0] == counts[1] <= (12 if connection.vendor == "postgresql" else 11)  # one asks for its clock


def test_the_overview_costs_the_same_whatever_there_is(as_owner, workspace):
    counts = []
    for _ in range(2):
        for _ in range(10):
            fill(workspace, 10)
        counts.append(queries_of(as_owner, OVERVIEW))
    assert counts[0] == counts[1]


def test_the_overview_lists_the_latest_requests_across_keys(as_owner, workspace):
    slow, busy = make_key(workspace, "slow one"), make_key(workspace, "busy one")
    make_request(slow, created_at=ago(days=40), path="/long-ago")
    for minutes in range(12):
        make_request(busy, created_at=ago(minutes=minutes), path=f"/call-{minutes}")
    latest = as_owner.get(OVERVIEW).context["latest"]
    assert [row.path for row in latest] == [f"/call-{minutes}" for minutes in range(10)]


def test_a_quiet_log_reaches_back_as_far_as_needed(as_owner, workspace):
    make_request(make_key(workspace), created_at=ago(days=40), path="/long-ago")
    assert "/long-ago" in text_of(as_owner.get(OVERVIEW))


def test_the_overview_says_how_fresh_everything_is(as_owner, workspace):
    make_failing_poll(workspace)
    text = text_of(as_owner.get(OVERVIEW))
    assert "Out of date" in text
    assert "/w/example-works/refresh/balance/" in text


def test_freshness_is_one_line_while_all_is_well(as_owner, workspace):
    make_poll(workspace, "balance", last_success_at=ago(seconds=30))
    text = text_of(as_owner.get(OVERVIEW))
    assert "Data freshness: all synced, the oldest" in text
    assert '<details class="fold" id="freshness">' in text
    make_failing_poll(workspace, "keys")
    text = text_of(as_owner.get(OVERVIEW))
    assert '<details class="fold" id="freshness" open>' in text


def test_the_overview_charts_the_balance_of_the_week(as_owner, workspace):
    assert "The chart starts with the first sync" in text_of(as_owner.get(OVERVIEW))
    for hours, credits_ in ((30, 900), (20, 700), (1, 650)):
        record_reading(workspace, Decimal(credits_), ago(hours=hours), 60)
    text = text_of(as_owner.get(OVERVIEW))
    assert "Credit balance, last 7 days: from 900 to 650, lowest 650, highest 900." in text


def test_a_paused_reading_says_why(as_owner, workspace):
    Poll.objects.create(
        workspace=workspace, resource="keys", interval_seconds=60, paused_reason="No management session is stored."
    )
    assert "No management session is stored." in text_of(as_owner.get(OVERVIEW))


def test_without_a_session_the_missing_log_is_explained(as_owner, workspace):
    assert "The request log is turned off" in text_of(as_owner.get(OVERVIEW))


def test_requests_are_counted_by_hour_in_zones_of_half_hours_too(as_owner, workspace):
    as_owner.cookies["tz"] = "Asia/Kolkata"
    key = make_key(workspace)
    count_into_rollups(key, [make_request(key, created_at=timezone.now())])
    assert as_owner.get(OVERVIEW).context["by_hour"][-1] == 1


@pytest.fixture
def many(owner, workspace):
    """Sixty more workspaces, named Works 00 to Works 59."""
    made = Workspace.objects.bulk_create(
        Workspace(name=f"Works {n:02}", slug=f"works-{n:02}", base_url=workspace.base_url) for n in range(60)
    )
    Membership.objects.bulk_create(Membership(user=owner, workspace=one, role=Role.VIEWER) for one in made)
    return made


def fire(workspace):
    now = timezone.now()
    said = {"kind": "balance_below", "rule_name": "Balance low", "headline": "12 credits left", "severity": "critical"}
    times = {"started_at": now, "fired_at": now, "evaluated_at": now}
    return Alert.objects.create(workspace=workspace, state=Alert.State.FIRING, **said, **times)


def names(answer):
    return {summary.workspace.name for summary in answer.context["summaries"]}


def test_many_workspaces_come_in_pages_and_none_is_left_out(as_owner, workspace, many):
    seen, url = [], "/"
    while url:
        answer = as_owner.get(url)
        seen += names(answer)
        more = answer.context["chosen"].more
        url = f"/?after={more}" if more else ""
    assert sorted(seen) == sorted([workspace.name, *(one.name for one in many)])


def test_a_workspace_is_found_by_a_part_of_its_name(as_owner, many):
    assert names(as_owner.get("/?q=rks+41")) == {"Works 41"}
    assert "No workspace matches" in text_of(as_owner.get("/?q=nothing+like+it"))


def test_a_workspace_with_an_alert_is_on_the_first_page(as_owner, many):
    fire(many[-1])
    assert many[-1].name in names(as_owner.get("/"))
