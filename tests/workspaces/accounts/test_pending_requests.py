"""What confirming interrupts goes on afterwards: nothing typed is lost, downloads begin, nothing begins unasked."""

from datetime import timedelta

import pytest
import time_machine

from alerts.models import Recipient, Rule
from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import grow_stale
from webhooks.models import Redelivery, Workflow

pytestmark = pytest.mark.django_db
W = "/w/example-works/"


@pytest.fixture
def stale(client, owner):
    client.force_login(owner)
    grow_stale(client)
    return client


@pytest.fixture
def rule(workspace):
    facts = {"kind": "balance_below", "name": "Low balance", "threshold": 100, "recovery": 110}
    return Rule.objects.create(workspace=workspace, to_owners=True, **facts)


def confirm(client, answer):
    """Confirm as the page asks, and open the page that this leads to."""
    assert answer["Location"].startswith("/accounts/confirm/password/")
    form = client.get(answer["Location"]).context["redirect_field_value"]
    return client.post("/accounts/confirm/password/", {"password": PASSWORD, "next": form}, follow=True)


def held_up(page):
    """The form that goes on with what was held up: attributes and fields; None where there is none."""
    before, found, _ = page.content.decode().partition("Identity confirmed")
    return before.rpartition("<form")[2] if found else None


DOWNLOADS = [
    (f"{W}requests/export/?status=401", "csv", f"{W}requests/?status=401"),
    (f"{W}webhooks/export/?state=failed", "jsonl", f"{W}webhooks/?state=failed"),
    (f"{W}audit/export/?action=key%3Acreated", "csv", f"{W}audit/?action=key%3Acreated"),
]


@pytest.mark.parametrize(("url", "file_format", "page_of_it"), DOWNLOADS)
def test_a_download_begins_on_the_page_that_it_was_asked_for_on(stale, url, file_format, page_of_it):
    page = confirm(stale, stale.post(url, {"format": file_format}))
    assert page.redirect_chain[-1][0] == page_of_it
    form = held_up(page)
    assert f'method="post" action="{url}"' in form
    assert f'name="format" value="{file_format}"' in form
    assert "data-go-on" in form
    assert "attachment" in stale.post(url, {"format": file_format})["Content-Disposition"]


def test_a_download_that_is_a_link_begins_too(stale):
    page = confirm(stale, stale.get(f"{W}usage/readings.csv"))
    assert page.redirect_chain[-1][0] == f"{W}usage/"
    assert f'method="get" action="{W}usage/readings.csv"' in held_up(page)


def test_it_is_offered_once_and_only_there(stale):
    stale.post(f"{W}webhooks/export/", {"format": "csv"})
    assert held_up(stale.get(f"{W}webhooks/")) is None  # not confirmed yet
    stale.post("/accounts/confirm/password/", {"password": PASSWORD})
    assert held_up(stale.get(f"{W}audit/")) is None
    assert held_up(stale.get(f"{W}webhooks/")) is not None
    assert held_up(stale.get(f"{W}webhooks/")) is None


def test_after_ten_minutes_nothing_begins_any_more(stale):
    stale.post(f"{W}webhooks/export/", {"format": "csv"})
    with time_machine.travel(timedelta(seconds=601), tick=False):
        stale.post("/accounts/confirm/password/", {"password": PASSWORD})
        assert held_up(stale.get(f"{W}webhooks/")) is None


def test_what_sends_data_elsewhere_never_begins_by_itself(stale, workspace):
    job = Redelivery.objects.create(workspace=workspace, state="paused", url="https://hooks.example.com/")
    page = confirm(stale, stale.post(f"{job.get_absolute_url()}resume/"))
    assert "Resume redelivery" in page.content.decode()
    assert "data-go-on" not in held_up(page)
    job.refresh_from_db()
    assert job.state == "paused"


SENT_OUTSIDE = [
    ("recipients/add/", {"address": "pager@example.test", "summary": "daily"}, "Add pager@example.test"),
    ("emails/test/", {"address": "pager@example.test"}, "Send a test to pager@example.test"),
]


@pytest.mark.parametrize(("url", "form", "words"), SENT_OUTSIDE)
def test_an_address_outside_is_written_to_after_a_press_on_the_button(url, form, words, stale):
    page = confirm(stale, stale.post(f"{W}alerts/{url}", form))
    assert words in page.content.decode()
    assert "data-go-on" not in held_up(page)
    assert not Recipient.objects.exists()
    stale.post(f"{W}alerts/{url}", form)
    assert Recipient.objects.get().address == "pager@example.test"


def test_a_member_is_sent_a_test_without_a_question(stale, viewer):
    stale.post(f"{W}alerts/emails/test/", {"address": viewer.email.upper()})
    assert Recipient.objects.get().address == viewer.email


def test_what_was_not_done_is_said_once_on_the_page_that_it_comes_back_to(stale):
    page = confirm(stale, stale.post(f"{W}members/invite/", {"email": "new@example.test", "role": "viewer"}))
    assert f'data-not-done="{W}members/invite/"' in page.content.decode()
    assert "Your entries are back in the form" in page.content.decode()
    assert "Not done yet" not in stale.get(f"{W}members/").content.decode()


def test_what_kept_nothing_is_said_not_to_be_done_too(stale):
    page = confirm(stale, stale.post(f"{W}members/mfa/", {"required": "on"})).content.decode()
    assert "Not done yet" in page
    assert "Try again" in page


def test_contact_data_is_shown_where_it_is_on_the_page(stale, workspace):
    run = Workflow.objects.create(workspace=workspace, workflow_id="public_bulk_7", first_seen_at=workspace.created_at)
    page = confirm(stale, stale.post(f"{W}webhooks/{run.workflow_id}/result/", {"reveal": "1"}))
    assert 'result/#result"' in held_up(page)


def test_a_recipient_outside_gets_more_only_after_a_press_on_the_button(stale, workspace):
    pager = Recipient.objects.create(workspace=workspace, address="pager@example.test")
    form = {"critical": "on", "warnings": "on", "summary": "daily"}
    page = confirm(stale, stale.post(f"{W}alerts/recipients/{pager.pk}/", form))
    assert "Change what pager@example.test gets" in page.content.decode()
    assert "data-go-on" not in held_up(page)
    assert page.context["new_form"].initial == {}
    pager.refresh_from_db()
    assert pager.summary == ""


def test_a_recipient_outside_gets_less_without_a_question(stale, workspace):
    pager = Recipient.objects.create(workspace=workspace, address="pager@example.test", summary="daily")
    stale.post(f"{W}alerts/recipients/{pager.pk}/", {"summary": "daily"})
    pager.refresh_from_db()
    assert pager.ended == ["critical", "warnings"]


def test_a_recipient_outside_is_not_subscribed_again_without_a_question(stale, workspace):
    facts = {"address": "pager@example.test", "summary": "daily", "critical_off_at": workspace.created_at}
    pager = Recipient.objects.create(workspace=workspace, **facts)
    answer = stale.post(f"{W}alerts/recipients/{pager.pk}/", {"critical": "on", "summary": "daily"})
    assert answer["Location"].startswith("/accounts/confirm/")
    pager.refresh_from_db()
    assert pager.critical_off_at is not None


def test_a_member_becomes_a_recipient_without_a_question(stale, viewer):
    stale.post(f"{W}alerts/recipients/add/", {"address": viewer.email.upper(), "summary": "daily"})
    assert Recipient.objects.get().address == viewer.email


def test_a_rule_is_there_again_as_it_was_typed_boxes_included(stale, rule):
    typed = {"name": "Low", "severity": "critical", "threshold": "70", "recovery": "80", "unit": "credits"}
    typed |= {"pending_minutes": "5", "repeat_seconds": "3600", "addresses": "pager@example.test\nnight@example.test"}
    page = confirm(stale, stale.post(rule.get_absolute_url(), typed))
    shown = page.context["form"]
    assert {name: str(shown[name].value()) for name in typed} == typed
    assert (shown["to_owners"].value(), shown["enabled"].value()) == (False, False)
    rule.refresh_from_db()
    assert (rule.name, rule.addresses) == ("Low balance", [])


def test_an_address_that_was_told_before_asks_nothing(stale, rule):
    rule.addresses = ["pager@example.test"]
    rule.save()
    typed = {"name": "Low", "severity": "critical", "threshold": "70", "recovery": "80", "unit": "credits"}
    typed |= {"pending_minutes": "5", "repeat_seconds": "3600", "addresses": "pager@example.test"}
    stale.post(rule.get_absolute_url(), typed)
    rule.refresh_from_db()
    assert rule.name == "Low"


def test_a_rule_may_be_tried_out_without_a_question(stale, rule):
    typed = {"name": "Low", "severity": "critical", "threshold": "70", "recovery": "80", "unit": "credits"}
    typed |= {"pending_minutes": "5", "repeat_seconds": "3600", "addresses": "pager@example.test", "try": "1"}
    assert stale.post(rule.get_absolute_url(), typed).status_code == 200


def test_a_new_address_of_the_api_is_there_again(stale):
    page = confirm(stale, stale.post(f"{W}settings/details/", {"name": "Renamed", "base_url": "http://127.0.0.1:9"}))
    assert page.context["details_form"].initial["name"] == "Renamed"
