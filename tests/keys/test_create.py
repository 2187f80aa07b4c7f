import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import timezone

from keys.models import ApiKey, KeyCreation
from workspaces.models import Action, AuditEvent, ManagementSession, Outcome, Workspace

from .conftest import Console, make_key, text_of

MANAGE = "/api/v1/api-keys"


def validate(sandbox, secret):
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{sandbox.base_url}/api/v1/public/auth/validate-key", headers=headers).status_code


def names(sandbox):
    with sandbox.session() as session:
        return [key["name"] for key in session.get(MANAGE).json() if key["is_active"]]


def test_a_key_lives_from_creation_over_its_first_request_to_its_end(console, sandbox):
    page = console.create(name="Staging server")
    secret = page.context["secret"]
    assert validate(sandbox, secret) == 200
    key = console.key(name="Staging server", is_active=True)
    assert secret in text_of(page)
    assert key.created_by == console.user
    console.post("revoke", key.key_id)
    assert validate(sandbox, secret) == 401
    assert "Revoked" in text_of(console.get("detail", key.key_id))


def test_the_answer_with_the_secret_is_no_redirect_and_is_kept_nowhere(console):
    page = console.create(name="Once")
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_snippet_names_the_address_of_this_workspace(console, sandbox):
    page = text_of(console.create(name="Snippet"))
    assert f"curl {sandbox.base_url}/api/v1/public/auth/validate-key" in page
    assert "export CLEANLIST_API_KEY" in page


def test_undo_stands_beside_the_secret(console):
    page = text_of(console.create(name="Undo"))
    assert console.url("revoke", console.key(name="Undo", is_active=True).key_id) in page


def test_a_form_that_is_sent_twice_creates_once(console, sandbox):
    first = console.create(name="Twice")
    form_id = str(first.context["creation"].form_id)
    again = console.post("new", data={"name": "Twice", "expiry": "never", "form_id": form_id})
    assert "This form was already sent" in text_of(again)
    assert "only that response showed its secret" in text_of(again)
    assert first.context["secret"] not in text_of(again)
    assert names(sandbox).count("Twice") == 1


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_twice_at_the_same_moment_creates_once(console, sandbox):
    form = {"name": "Double click", "expiry": "never", "form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a10"}
    answers = []

    def send():
        browser = Client()
        browser.force_login(console.user)
        answers.append(Console(browser, console.workspace).post("new", data=form))
        connections.close_all()

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert names(sandbox).count("Double click") == 1
    assert sum("secret" in (answer.context or {}) for answer in answers) == 1


def test_another_workspaces_form_tells_nothing_here(console):
    other = Workspace.objects.create(name="Other", slug="other", base_url="http://127.0.0.1:9")
    creation = KeyCreation.objects.create(workspace=other, name="Secret project", state="succeeded")
    page = console.create(name="Mine", form_id=str(creation.form_id))
    assert "Secret project" not in text_of(page)
    assert page.context["creation"].name == "Mine"


@pytest.mark.parametrize(
    ("entries", "field", "words"),
    [
        ({"name": "x" * 201}, "name", "at most 200 characters"),
        ({"name": "two\nlines"}, "name", "Contains an invisible character"),
        ({"name": "two\u2029lines"}, "name", "Contains an invisible character"),
        ({"name": "bell\x07"}, "name", "Contains an invisible character"),
        ({"name": "nul\x00"}, "name", "Contains an invisible character"),
        ({"expiry": ""}, "expiry", "Choose when the key expires"),
        ({"expiry": "tomorrow"}, "expiry", "Choose one of the options"),
        ({"expiry": "date"}, "expires_on", "Enter the last day"),
        ({"expiry": "date", "expires_on": "2020-01-31"}, "expires_on", "Choose today or a later day"),
        ({"expiry": "date", "expires_on": "9999-12-31"}, "expires_on", "within ten years"),
        ({"expiry": "date", "expires_on": "soon"}, "expires_on", "Enter a date"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_sent(console, entries, field, words):
    page = console.create(**{"name": "Kept as typed", **entries})
    assert page.status_code == 422
    [error] = page.context["form"].errors[field]
    assert words in error
    assert not KeyCreation.objects.exists()


def test_a_name_is_trimmed(console):
    console.create(name="  Trimmed  ")
    assert console.key(name="Trimmed", is_active=True)


@pytest.mark.parametrize("name", ["", "   "])
def test_a_key_without_a_name_is_not_created(console, sandbox, name):
    page = console.create(name=name)
    assert page.status_code == 422
    assert "Enter a name, so that you can tell the key apart later." in text_of(page)
    assert not KeyCreation.objects.exists()
    assert names(sandbox) == []


def test_each_choice_of_expiry_shows_its_date(console, time_machine):
    time_machine.move_to("2026-11-28T12:00:00Z", tick=False)
    page = text_of(console.get("new"))
    assert "30 days, until 28 Dec 2026" in page
    assert "1 year, until 28 Nov 2027" in page


def test_a_key_that_another_program_left_without_a_name_still_shows(mirror):
    make_key(mirror.workspace, "")
    assert "Unnamed key" in text_of(mirror.get("list"))


def test_a_date_means_the_end_of_that_day_where_the_viewer_is(console):
    console.user.time_zone = "Pacific/Auckland"
    console.user.save()
    day = timezone.localdate() + timedelta(days=60)
    page = console.create(name="Dated", expiry="date", expires_on=day.isoformat())
    end = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert page.context["expires_at"] == end
    assert console.key(name="Dated", is_active=True).expires_at == end


def test_today_is_still_a_good_last_day_where_it_is_not_over_yet(console):
    console.user.time_zone = "America/Los_Angeles"
    console.user.save()
    # Tomorrow, because the sandbox is a process of its own with the true time, and takes no end that is past for it.
    with time_machine.travel((timezone.now() + timedelta(days=1)).replace(hour=3, minute=0), tick=True):
        console.http.force_login(console.user)
        today = timezone.now().astimezone(ZoneInfo("America/Los_Angeles")).date()
        page = console.create(name="Until tonight", expiry="date", expires_on=today.isoformat())
        assert "Key created" in text_of(page)


@pytest.mark.parametrize(("expiry", "days"), [("30", 30), ("90", 90), ("180", 180), ("365", 365)])
def test_presets_end_with_a_day(console, expiry, days):
    begun = timezone.localdate()
    key = console.create(name="Preset", expiry=expiry).context["key"]
    made_on = timezone.localtime(key.expires_at).date() - timedelta(days=days)
    assert made_on in {begun, timezone.localdate()}  # midnight may come meanwhile


def test_the_eleventh_key_is_refused_with_the_way_out_and_the_form_stays_filled(console):
    for number in range(10):
        console.create(name=f"Key {number}")
    page = console.create(name="One too many")
    assert "Active key limit reached" in text_of(page)
    assert "Maximum active API keys reached" in text_of(page)
    assert console.url("list") in text_of(page)
    assert page.context["form"]["name"].value() == "One too many"


def test_a_full_house_is_announced_before_the_form_is_sent(console):
    for number in range(10):
        console.create(name=f"Key {number}")
    assert "All keys of this user are in use" in text_of(console.get("new"))


def test_a_refused_form_can_be_sent_again(console, sandbox):
    organization = sandbox.credentials()["organization_id"]
    sandbox.control("plan", {"organization_id": organization, "features": []})
    refused = console.create(name="Gated")
    assert "plan doesn't include" in text_of(refused)
    sandbox.control("plan", {"organization_id": organization, "features": ["API_ACCESS"]})
    form = refused.context["form"]
    again = {name: form[name].value() or "" for name in ("name", "expiry", "expires_on", "form_id")}
    assert "Key created" in text_of(console.post("new", data=again))


def test_an_expired_session_says_how_to_go_on(console):
    session = ManagementSession.objects.get()
    session.kind, session.token_expires_at = "pasted", timezone.now() - timedelta(seconds=5)
    session.save()
    page = text_of(console.get("new"))
    assert "Management session expired" in page
    assert f"/w/{console.workspace.slug}/settings/" in page


def test_a_session_that_ends_while_the_form_is_filled_in_loses_nothing(console):
    ManagementSession.objects.update(rejected_at=timezone.now(), rejection="Signed out.")
    data = {"name": "Still here", "expiry": "90", "form_id": "0f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a11"}
    page = console.post("new", data=data)
    assert "Management session expired" in text_of(page)
    assert 'value="Still here"' in text_of(page)


def test_without_a_session_the_form_is_replaced_by_the_way_to_one(mirror):
    assert "Creating keys is turned off" in text_of(mirror.get("new"))


def test_the_audit_trail_tells_of_the_creation_but_not_the_secret(console):
    secret = console.create(name="Audited").context["secret"]
    event = AuditEvent.objects.get(action=Action.KEY_CREATED)
    assert (event.actor, event.outcome, event.subject) == (console.user, Outcome.SUCCEEDED, "Audited")
    assert event.details["last4"] == secret[-4:]
    assert secret not in str(vars(event))


def test_a_page_that_arrived_ends_the_warning(console):
    creation = console.create(name="Seen").context["creation"]
    key = console.key(name="Seen", is_active=True)
    assert key.secret_state == ApiKey.SecretState.UNSEEN
    assert console.post("seen", data={"form_id": str(creation.form_id)}).status_code == 204
    key.refresh_from_db()
    assert key.secret_state == ApiKey.SecretState.SEEN


def test_a_page_that_arrived_before_the_key_was_listed_counts_too(console, sandbox):
    sandbox.control("faults", {"path": MANAGE, "method": "GET", "kind": "status", "status": 503})
    page = console.create(name="Unlisted")
    assert "The key is not in the list yet" in text_of(page)
    console.post("seen", data={"form_id": str(page.context["creation"].form_id)})
    sandbox.control("faults", method="DELETE")
    console.http.post(f"/w/{console.workspace.slug}/refresh/keys/")
    assert console.key(name="Unlisted", is_active=True).secret_state == ApiKey.SecretState.SEEN


def test_a_secret_is_not_called_seen_without_its_audit_event(console, monkeypatch):
    form_id = str(console.create(name="Batch").context["creation"].form_id)
    monkeypatch.setattr("keys.services.create.record_event", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        console.post("seen", data={"form_id": form_id})
    assert ApiKey.objects.get(name="Batch").secret_state == ApiKey.SecretState.UNSEEN


@pytest.mark.parametrize("form_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_form_was_not_seen(console, form_id):
    assert console.post("seen", data={"form_id": form_id}).status_code in {204, 400}
    assert not AuditEvent.objects.filter(action=Action.KEY_SECRET_SEEN).exists()


def test_a_name_that_another_active_key_has_is_hinted_at_and_taken(console):
    console.create(name="Production")
    first = console.key(name="Production", is_active=True)
    htmx = {"HX-Request": "true", "HX-Target": "namesakes"}
    while_typing = text_of(console.get("new", data={"name": "production "}, headers=htmx))
    assert "Another active key has this name" in while_typing
    assert first.last4 in while_typing
    assert "<form" not in while_typing
    page = console.create(name="Production")
    assert page.context["secret"]
    assert "Another active key has this name" in text_of(page)
    assert "Another active key" not in text_of(console.get("new", data={"name": "Staging"}, headers=htmx))
    assert "Another active key" not in text_of(console.create(name="Staging"))
    assert "Another active key" not in text_of(console.get("new", data={"name": "Produ\x00"}, headers=htmx))


def test_the_last_day_is_not_called_optional_where_choosing_a_date_requires_it(console):
    page = text_of(console.get("new"))
    label = page.partition('for="id_expires_on"')[2].partition("</label>")[0]
    assert "Last day" in label
    assert "optional" not in label
    assert "Enter the last day the key should work" in text_of(console.create(name="x", expiry="date", expires_on=""))
