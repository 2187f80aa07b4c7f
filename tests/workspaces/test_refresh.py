"""Reading upstream at once: what is read, and what is said when it fails."""

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from usage.models import BalanceReading
from workspaces.models import Action, AuditEvent, Outcome

pytestmark = pytest.mark.django_db
URL = "/w/example-works/refresh/balance/"


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_the_balance_is_read_and_recorded(as_owner, owner, connected):
    answer = as_owner.post(URL)
    assert "synced just now" in told(answer)
    assert BalanceReading.objects.get().workspace == connected
    event = AuditEvent.objects.get()
    assert (event.action, event.outcome, event.actor_email) == (Action.REFRESHED, Outcome.SUCCEEDED, owner.email)


def test_the_person_is_led_back_to_where_they_were(as_owner, connected):
    here = "http://testserver/w/example-works/audit/?action=key:revoked"
    assert as_owner.post(URL, headers={"Referer": here})["Location"] == here


def test_nobody_is_led_elsewhere(as_owner, connected):
    answer = as_owner.post(URL, headers={"Referer": "https://elsewhere.example/"})
    assert answer["Location"] == "/w/example-works/"


def test_htmx_gets_a_notice_and_the_parts_of_the_page_are_told(as_owner, connected):
    answer = as_owner.post(URL, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert '"level": "ok"' in answer["HX-Trigger"]
    assert "refreshed" in answer["HX-Trigger"]


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("status", {"status": 429, "retry_after": 30}, "Rate limited until"),
        ("status", {"status": 401}, "did not accept the credential"),
        ("status", {"status": 403}, "lacks a scope"),
        ("status", {"status": 404}, "Not found in Cleanlist"),
        ("status", {"status": 500}, "server error (500)"),
        ("html", {"status": 200}, "Unexpected response from the API"),
        ("empty", {"status": 200}, "Unexpected response from the API"),
        ("truncated", {}, "Unexpected response from the API"),
        ("drop", {}, "reach Cleanlist"),
    ],
)
def test_each_failure_has_its_own_words(as_owner, connected, fault, kind, options, words):
    fault(kind, **options)
    answer = as_owner.post(URL)
    assert answer.status_code == 302
    assert words in told(answer)
    event = AuditEvent.objects.get(action=Action.REFRESHED)
    assert event.outcome == Outcome.FAILED
    assert event.message in told(answer)
    assert event.message.startswith(f"{event.subject}: ")


def test_without_a_session_the_way_to_one_is_told(as_owner, connected):
    assert "No management session is stored" in told(as_owner.post("/w/example-works/refresh/keys/"))


def test_a_rejected_key_is_not_sent_again(as_owner, connected):
    connected.api_key_rejected_at = timezone.now()
    connected.save()
    assert "rejected the stored API key" in told(as_owner.post(URL))


@pytest.mark.parametrize("resource", ["weather", "requests"])
def test_what_is_not_read_from_upstream_is_not_found(as_owner, workspace, resource):
    answer = as_owner.post(f"/w/example-works/refresh/{resource}/", {"subject": "of nobody"})
    assert answer.status_code == 404
    assert not workspace.polls.exists()
