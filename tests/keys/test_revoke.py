import re
from datetime import timedelta

import pytest
from django.utils import timezone

from keys.services import revoke
from keys.services.key_list import ListedKeys
from workspaces.models import Action, AuditEvent, Outcome

from .conftest import add_session, log_request, make_key, note_poll, text_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def key(console):
    return console.create(name="Doomed").context["key"]


def active_upstream(sandbox):
    with sandbox.session() as session:
        return {row["name"] for row in session.get("/api/v1/api-keys").json() if row["is_active"]}


def test_the_dialog_shows_the_facts_and_the_consequence(mirror):
    add_session(mirror.workspace)
    key = make_key(mirror.workspace, "Production pipeline", owner="operations@example-works.test")
    note_poll(mirror.workspace, "requests", subject=key.upstream_id)
    log_request(key, path="/api/v1/public/enrich/status", ip_address="203.0.113.7")
    log_request(key, created_at=timezone.now() - timedelta(hours=3))
    log_request(key, user_agent="cleanlist-console/0.1.0", is_own_call=True, created_at=timezone.now())
    page = text_of(mirror.get("revoke", key.key_id))
    facts = ["Production pipeline", key.prefix, "operations@example-works.test", "203.0.113.7", "minutes ago"]
    assert not [fact for fact in [*facts, "/api/v1/public/enrich/status"] if fact not in page]
    assert "1 request in the last hour" in page
    assert "This key is in use: <bdi>Production pipeline</bdi>, 1 request in the last hour" in page
    assert "will start getting 401 errors" in page
    assert "This can't be undone." in page


def test_revoking_several_names_those_that_are_in_use(mirror):
    add_session(mirror.workspace)
    monitoring, batch = make_key(mirror.workspace, "Monitoring"), make_key(mirror.workspace, "Nightly batch")
    for _ in range(26):
        log_request(monitoring)
    chosen = {"key": [str(monitoring.key_id), str(batch.key_id)]}
    page = text_of(mirror.get("revoke_selected", query_params=chosen))
    assert "1 of these 2 keys is in use: <bdi>Monitoring</bdi>, 26 requests in the last hour" in page
    log_request(batch)
    page = text_of(mirror.get("revoke_all"))
    assert "2 of these 2 keys are in use:" in page
    assert "<bdi>Nightly batch</bdi>, 1 request in the last hour" in page


def test_what_was_never_read_is_called_unknown(mirror):
    key = make_key(mirror.workspace)
    assert "unknown: the request log hasn't synced yet" in text_of(mirror.get("revoke", key.key_id))


def test_asking_changes_nothing(console, key, sandbox):
    console.get("revoke", key.key_id)
    console.get("revoke_selected", query_params={"key": str(key.key_id)})
    console.get("revoke_all")
    assert "Doomed" in active_upstream(sandbox)


def test_the_list_opens_it_as_a_dialog(mirror):
    key = make_key(mirror.workspace)
    part = text_of(mirror.get("revoke", key.key_id, headers=HTMX))
    assert part.startswith("<dialog")
    assert f'action="{mirror.url("revoke", key.key_id)}"' in part


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_key_that_is_revoked_already_is_not_offered_to_be_revoked(mirror, operator, headers):
    add_session(mirror.workspace)
    now = timezone.now()
    key = make_key(mirror.workspace, "Doomed", is_active=False, revoked_at=now, revoked_by=operator)
    page = text_of(mirror.get("revoke", key.key_id, headers=headers))
    assert "Doomed is no longer active" in page
    assert re.search(rf"Revoked</span>.*By {re.escape(str(key.revoked_by))}, ", page)
    assert f'href="{mirror.url("detail", key.key_id)}"' in page
    assert not [words for words in ("Revoke this key", "stops working", "can't be undone") if words in page]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"is_active": False, "revoked_at": timezone.now()}, "Outside this console, noticed"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "Expired on"),
        ({"gone_at": timezone.now(), "is_active": False}, "Removed from Cleanlist"),
    ],
)
def test_of_several_only_those_that_still_work_are_offered(mirror, facts, words):
    add_session(mirror.workspace)
    keys = [make_key(mirror.workspace, "Ended", **facts), make_key(mirror.workspace, "Working")]
    chosen = {"key": [str(key.key_id) for key in keys]}
    page = text_of(mirror.get("revoke_selected", query_params=chosen))
    assert "Revoke Working?" in page
    assert "1 of the chosen keys is no longer active and left out:" in page
    assert words in page
    assert f'name="key" value="{keys[0].key_id}"' not in page
    page = text_of(mirror.get("revoke_selected", query_params={"key": str(keys[0].key_id)}))
    assert "Ended is no longer active" in page
    assert "Revoke this key" not in page


def test_revoking_strikes_the_row_and_says_who_did_it(console, key, sandbox):
    page = console.post("revoke", key.key_id)
    assert "1 key revoked" in text_of(page)
    assert "API key revoked successfully" in text_of(page)
    key.refresh_from_db()
    assert (key.is_active, key.revoked_by) == (False, console.user)
    assert "Doomed" not in active_upstream(sandbox)


def test_from_the_list_one_success_is_a_notice_and_the_list_reads_itself_again(console, key):
    answer = console.post("revoke", key.key_id, headers=HTMX)
    assert answer.content == b""
    assert "keys-changed" in answer.headers["HX-Trigger"]
    assert "API key revoked successfully" in answer.headers["HX-Trigger"]


def test_the_audit_trail_tells_of_it(console, key):
    console.post("revoke", key.key_id, headers={"User-Agent": "a browser"})
    event = AuditEvent.objects.get(action=Action.KEY_REVOKED)
    assert (event.actor, event.outcome, event.subject_id) == (console.user, Outcome.SUCCEEDED, key.upstream_id)
    assert (event.user_agent, event.message) == ("a browser", "API key revoked successfully")


def test_several_are_revoked_after_one_confirmation_with_their_count(console, sandbox):
    keys = [console.create(name=f"Key {number}").context["key"] for number in range(3)]
    chosen = {"key": [str(key.key_id) for key in keys[:2]]}
    assert "Revoke 2 keys?" in text_of(console.get("revoke_selected", query_params=chosen))
    assert "2 keys revoked" in text_of(console.post("revoke_selected", data=chosen))
    assert active_upstream(sandbox) == {"Key 2"}


def test_a_key_that_was_revoked_elsewhere_meanwhile_is_already_revoked(console, key, sandbox):
    with sandbox.session() as session:
        session.post(f"/api/v1/api-keys/{key.upstream_id}/revoke").raise_for_status()
    assert "revoked" in text_of(console.post("revoke", key.key_id))
    assert "Already revoked" in text_of(console.post("revoke", key.key_id))


def test_a_key_that_upstream_does_not_know_is_told_as_such(console):
    key = make_key(console.workspace, "Phantom")
    page = text_of(console.post("revoke", key.key_id))
    assert "Not found in Cleanlist" in page
    key.refresh_from_db()
    assert key.gone_at is not None


def test_one_that_fails_does_not_stop_the_others(console, sandbox):
    keys = [console.create(name=f"Key {number}").context["key"] for number in range(3)]
    fault = {"kind": "status", "status": 500, "path": f"/api/v1/api-keys/{keys[1].upstream_id}/revoke"}
    sandbox.control("faults", fault)
    page = console.post("revoke_selected", data={"key": [str(key.key_id) for key in keys]})
    assert "2 of 3 keys revoked" in text_of(page)
    assert active_upstream(sandbox) == {"Key 1"}


def test_a_rate_limit_stops_the_rest_and_says_which_were_not_tried(console, sandbox):
    keys = [console.create(name=f"Key {number}").context["key"] for number in range(3)]
    sandbox.control("faults", {"kind": "status", "status": 429, "path": "*/revoke", "retry_after": 30})
    page = text_of(console.post("revoke_selected", data={"key": [str(key.key_id) for key in keys]}))
    assert "Rate limited until" in page
    assert page.count("Not tried") == 2
    assert len(active_upstream(sandbox)) == 3


def test_a_page_full_of_slow_revocations_comes_back_in_time(console, monkeypatch):
    monkeypatch.setattr(revoke, "BUDGET_SECONDS", -1)
    key = console.create(name="Slow").context["key"]
    assert "took too long" in text_of(console.post("revoke", key.key_id))


def test_a_list_that_contradicts_the_answer_wins(workspace):
    key = make_key(workspace)
    result = revoke.RevokeResult(key, revoke.RevokeVerdict.REVOKED, "done")
    revoke._compare_with_list(result, ListedKeys({key.upstream_id: True}))
    assert result.verdict is revoke.RevokeVerdict.FAILED
    assert "still shows the key as active" in result.message


def test_a_list_fetched_before_a_revocation_cannot_bring_the_key_back(console, key):
    console.post("revoke", key.key_id)
    key.refresh_from_db()
    assert key.read_at >= key.revoked_at


@pytest.mark.parametrize("query", [{}, {"key": "nonsense"}, {"key": "00000000-0000-4000-8000-000000000000"}])
def test_choosing_nothing_leads_back_to_the_list(mirror, query):
    answer = mirror.get("revoke_selected", query_params=query)
    assert (answer.status_code, answer.headers["Location"]) == (302, mirror.url("list"))


@pytest.mark.parametrize("page", ["revoke", "revoke_all"])
def test_revoking_the_consoles_own_key_is_warned_of(mirror, page):
    workspace = mirror.workspace
    key = make_key(workspace, "Console", prefix=workspace.api_key_prefix, last4=workspace.api_key_last4)
    arguments = [key.key_id] if page == "revoke" else []
    assert "This console uses the key" in text_of(mirror.get(page, *arguments))


def test_without_a_session_the_dialog_says_so_and_the_command_changes_nothing(mirror):
    key = make_key(mirror.workspace)
    assert "Revoking is turned off" in text_of(mirror.get("revoke", key.key_id))
    assert "Nothing was revoked" in text_of(mirror.post("revoke", key.key_id))
    key.refresh_from_db()
    assert key.is_active
