from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keys.models import ApiKey, KeyCreation

from .conftest import add_session, log_request, make_key, note_poll, text_of

HTMX = {"HX-Request": "true"}


def test_active_keys_are_listed_and_the_others_are_folded_away_but_there(mirror):
    make_key(mirror.workspace, "Production pipeline")
    make_key(mirror.workspace, "Old laptop", is_active=False)
    page = mirror.get("list")
    assert [row.key.name for row in page.context["active"]] == ["Production pipeline"]
    assert [row.key.name for row in page.context["inactive"]] == ["Old laptop"]
    assert "Old laptop" in text_of(page)


def test_the_page_says_how_many_keys_are_active_and_whose(mirror):
    add_session(mirror.workspace, user_email="operations@example-works.test")
    for _ in range(7):
        make_key(mirror.workspace)
    assert "<strong>7 of 10</strong> keys used · <bdi>operations@example-works.test</bdi>" in text_of(
        mirror.get("list")
    )


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["alpha", "Beta"]),
        ("-name", ["Beta", "alpha"]),
        ("requests", ["Beta", "alpha"]),
        ("-requests", ["alpha", "Beta"]),
        ("created", ["Beta", "alpha"]),
        ("-created", ["alpha", "Beta"]),
        ("expires", ["alpha", "Beta"]),
        ("last_used", ["Beta", "alpha"]),
        ("status", ["alpha", "Beta"]),
    ],
)
def test_every_column_sorts(mirror, sort, names):
    now = timezone.now()
    soon = now + timedelta(days=2)
    make_key(mirror.workspace, "alpha", request_count=9, created_at=now, expires_at=soon, last_used_at=now)
    make_key(mirror.workspace, "Beta", request_count=3, expires_at=None)
    page = mirror.get("list", query_params={"sort": sort})
    assert [row.key.name for row in page.context["active"]] == names


def test_keys_are_listed_by_name_then_the_oldest_first_whatever_is_used(mirror):
    now = timezone.now()
    for name, days, used in (("beta", 1, 0), ("Alpha", 3, 2), ("beta", 9, 5)):
        make_key(
            mirror.workspace,
            name,
            created_at=now - timedelta(days=days),
            last_used_at=now - timedelta(hours=used),
        )
    page = mirror.get("list")
    listed = [(row.key.name, (now - row.key.created_at).days) for row in page.context["active"]]
    assert listed == [("Alpha", 3), ("beta", 9), ("beta", 1)]
    assert '<th scope="col" class="keys-name" aria-sort="ascending">' in text_of(page)
    assert "?sort=-name" in text_of(page)


def test_a_row_offers_its_id_and_revoking(mirror):
    key = make_key(mirror.workspace, "Monitoring")
    page = text_of(mirror.get("list"))
    assert f'data-copy-text="{key.upstream_id}" data-shortcut="c"' in page
    assert 'Revoke…<span class="visually-hidden"> Monitoring</span>' in page


def test_a_sorted_column_says_so_and_offers_the_other_direction(mirror):
    make_key(mirror.workspace)
    page = text_of(mirror.get("list", query_params={"sort": "-requests", "q": "prod"}))
    assert 'aria-sort="descending"' in page
    assert "?sort=requests&amp;q=prod" in page


@pytest.mark.parametrize("text", ["nightly", "clapi_Zz", "9876", "11111111-2222"])
def test_search_finds_by_name_prefix_last_four_and_id(mirror, text):
    upstream_id = "11111111-2222-4333-8444-555555555555"
    wanted = make_key(mirror.workspace, "Nightly", prefix="clapi_Zzzz", last4="9876", upstream_id=upstream_id)
    make_key(mirror.workspace, "Another")
    page = mirror.get("list", query_params={"q": text})
    assert [row.key for row in page.context["active"]] == [wanted]
    assert "1 of 2 keys" in text_of(page)


def test_a_filter_that_hides_everything_says_so_and_leads_out(mirror):
    make_key(mirror.workspace)
    page = text_of(mirror.get("list", query_params={"q": "no such key"}))
    assert "No matching keys" in page
    assert "Clear filters" in page


@pytest.mark.parametrize("query", [{"sort": "x"}, {"status": "y"}, {"q": "a" * 300}, {"sort": ["name", "-name"]}])
def test_a_filter_that_does_not_exist_is_left_out(mirror, query):
    make_key(mirror.workspace, "Production pipeline")
    assert "Production pipeline" in text_of(mirror.get("list", query_params=query))


def test_htmx_gets_the_part_that_changes(mirror):
    make_key(mirror.workspace)
    part = text_of(mirror.get("list", headers=HTMX))
    assert "<html" not in part
    assert 'id="keys-live"' in part
    assert 'id="keys-slots" hx-swap-oob="true"' in part


def test_going_back_with_htmx_gets_the_whole_page(mirror):
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in text_of(mirror.get("list", headers=headers))


@pytest.mark.parametrize("part", [{}, {"headers": HTMX}], ids=["page", "part"])
def test_ten_and_twenty_keys_cost_the_same_number_of_queries(mirror, part):
    counts = []
    for _ in range(2):
        for number in range(10):
            key = make_key(mirror.workspace, is_active=number % 3 > 0)
            log_request(key)
        with CaptureQueriesContext(connection) as queries:
            mirror.get("list", **part)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_key_whose_secret_nobody_saw_is_offered_for_revoking(mirror, operator):
    key = make_key(mirror.workspace, "Lost", secret_state=ApiKey.SecretState.UNSEEN, created_by=operator)
    page = text_of(mirror.get("list"))
    assert "its secret was never shown to you" in page
    assert mirror.url("revoke", key.key_id) in page


def test_keeping_such_a_key_ends_the_warning(mirror):
    key = make_key(mirror.workspace, secret_state=ApiKey.SecretState.UNSEEN)
    mirror.post("dismiss", key.key_id)
    assert "never shown" not in text_of(mirror.get("list"))


def test_a_creation_of_unknown_outcome_is_not_forgotten(mirror, operator):
    state = KeyCreation.State.UNKNOWN
    KeyCreation.objects.create(workspace=mirror.workspace, name="Half-made", user=operator, state=state)
    make_key(mirror.workspace)
    assert "Not confirmed yet: was <bdi>Half-made</bdi> created?" in text_of(mirror.get("list"))


def test_a_creation_that_is_still_under_way_is_no_news(mirror):
    KeyCreation.objects.create(workspace=mirror.workspace, name="Under way")
    assert "Under way" not in text_of(mirror.get("list"))


def test_without_a_session_the_page_says_what_is_switched_off(mirror):
    make_key(mirror.workspace)
    assert "Creating and revoking keys is turned off" in text_of(mirror.get("list"))


def test_the_light_list_says_what_it_does_not_know(mirror):
    note_poll(mirror.workspace, "public_keys")
    make_key(mirror.workspace, in_full=False, last_used_at=None, request_count=None)
    page = text_of(mirror.get("list"))
    assert "This is the light list" in page
    assert "1 active in the light list, owner unknown" in page
    assert "Never used" not in page


def test_a_pasted_token_that_still_lives_counts_down(mirror):
    make_key(mirror.workspace)
    ends = timezone.now() + timedelta(seconds=50)
    add_session(mirror.workspace, kind="pasted", token_expires_at=ends)
    assert "The pasted session token expires" in text_of(mirror.get("list"))


def test_old_data_is_shown_with_the_reason_why_it_is_old(mirror):
    add_session(mirror.workspace)
    make_key(mirror.workspace, "Production pipeline")
    old = timezone.now() - timedelta(hours=2)
    error = {"last_error": "The server failed.", "last_error_kind": "ServerFailed", "consecutive_failures": 3}
    note_poll(mirror.workspace, last_success_at=old, last_request_id="req_42", **error)
    page = text_of(mirror.get("list"))
    assert "Production pipeline" in page
    assert "Keys shown are from the last sync" in page
    assert "req_42" in page


ERROR = {"last_success_at": None, "consecutive_failures": 1, "last_error": "no"}
EXPIRED = {"kind": "pasted", "token_expires_at": timezone.now() - timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("session", "poll", "words"),
    [
        ({}, {}, "No API keys yet"),
        (None, {"paused_reason": "No management session is stored.", "last_success_at": None}, "Not connected"),
        (EXPIRED, {"paused_reason": "The pasted session token has expired."}, "Management session expired"),
        ({}, {**ERROR, "last_error_kind": "RateLimited"}, "Rate limited until"),
        ({}, {**ERROR, "last_error_kind": "ServerFailed"}, "Cleanlist server error"),
        ({}, {**ERROR, "last_error_kind": "FeatureGated"}, "plan doesn't include"),
        ({}, {"last_success_at": None}, "Syncing for the first time"),
    ],
)
def test_a_blank_page_says_which_kind_of_blank_it_is(mirror, session, poll, words):
    if session is not None:
        add_session(mirror.workspace, **session)
    note_poll(mirror.workspace, **poll)
    assert words in text_of(mirror.get("list"))


HOSTILE = ["<script>alert(1)</script>", "\u202egnp.exe", "x" * 200, '"><img src=x onerror=alert(1)>', "{{ secret }}"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(mirror, name):
    key = make_key(mirror.workspace, name)
    log_request(key, path=name, user_agent=name)
    pages = [mirror.get("list"), mirror.get("detail", key.key_id), mirror.get("requests", key.key_id)]
    for page in [*pages, mirror.get("revoke", key.key_id), mirror.get("revoke_all")]:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


def test_a_pasted_key_is_matched_without_a_field_that_could_be_sent(mirror):
    key = make_key(mirror.workspace, is_active=False)
    page = mirror.get("list", query_params={"q": "something else"})
    assert page.context["finder"][0]["last4"] == key.last4
    field = text_of(page).partition('id="pasted-key"')[2].partition(">")[0]
    assert "name=" not in field
    assert 'type="text" autofocus' in field
