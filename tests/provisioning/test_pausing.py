"""A workspace that is paused is not read, says so everywhere, and goes on when it is resumed."""

from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied

from alerts.engine.rule_kinds import NoData, kind_named
from alerts.mail.summaries import INCOMPLETE, WELL, summarize
from alerts.models import Rule
from cleanlist import Secret
from core import clock
from keys.models import ApiKey
from keys.sync import _schedule_request_logs
from usage.models import BalanceReading
from webhooks import tracked_workflows
from workspaces.audit.events import CONSOLE, Actor
from workspaces.models import Action, AuditEvent, Membership, Poll, Role, User, Workspace
from workspaces.polling import engine, poll_setup
from workspaces.services import pause_polling, refresh, replace_api_key, resume_polling
from workspaces.services.connection_check import ConnectionReport

from .conftest import command

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(known):
    command("workspace", "connect", "Acme", "--api-address", known["base_url"], "--api-key-env", "ACME_API_KEY")
    return Workspace.objects.get()


@pytest.fixture
def paused(acme):
    assert command("workspace", "pause", "acme").out == "acme: paused\n"
    return Workspace.objects.get()


def test_nothing_of_it_is_due(paused):
    assert not Poll.objects.due(clock.now()).exists()
    engine.run_turn()
    assert not BalanceReading.objects.exists()


def test_what_a_person_asks_for_is_read_all_the_same(paused):
    assert refresh(paused, "balance").ok
    assert BalanceReading.objects.exists()
    assert not Poll.objects.due(clock.now()).exists()


def test_neither_a_new_credential_nor_a_new_key_wakes_it(paused, known):
    replace_api_key(paused, CONSOLE, Secret(known["api_key"]), ConnectionReport())
    now = clock.now()
    one = {"upstream_id": "key_1", "key_id": uuid4(), "name": "One"}
    ApiKey.objects.create(workspace=paused, **one, first_seen_at=now, read_at=now)
    _schedule_request_logs(paused, ApiKey.objects.all())
    tracked_workflows._create_polls(paused, {tracked_workflows.WORKFLOW_DELIVERIES: ["public_bulk_1"]})
    assert set(Poll.objects.exclude(subject="").values_list("subject", flat=True)) == {"key_1", "public_bulk_1"}
    assert not Poll.objects.due(clock.now()).exists()


def test_what_a_worker_without_pauses_woke_is_put_to_rest_again(paused):
    Poll.objects.update(paused_reason="", next_run_at=clock.now())
    engine.run_turn()
    assert not BalanceReading.objects.exists()
    assert set(Poll.objects.values_list("paused_reason", flat=True)) == {paused.pause}


def test_resuming_reads_it_again_at_once(paused):
    assert command("workspace", "resume", "acme").out == "acme: running\n"
    engine.run_turn()
    assert BalanceReading.objects.exists()


def test_doing_it_twice_is_one_change(paused):
    assert command("workspace", "pause", "acme").out == "acme: paused already\n"
    assert command("workspace", "resume", "acme", "--json").json == [
        {"workspace": "acme", "polling": "running", "changed": True}
    ]
    assert not resume_polling(Workspace.objects.get(), CONSOLE)
    actions = (Action.POLLING_PAUSED, Action.POLLING_RESUMED)
    assert list(AuditEvent.objects.filter(action__in=actions).order_by("pk").values_list("action", flat=True)) == [
        *actions
    ]


def test_several_can_be_paused_together(acme, workspace):
    said = command("workspace", "pause", "acme", "example-works")
    assert said.out == "acme: paused\nexample-works: paused\n"
    assert command("workspace", "list", "--json").json[0]["polling"] == "paused"


def test_a_rejected_credential_is_not_tried_meanwhile(paused):
    now = clock.now()
    Workspace.objects.update(api_key_rejected_at=now, api_key_probe_at=now)
    assert poll_setup.probe_rejected() == 0
    resume_polling(Workspace.objects.get(), CONSOLE)
    assert poll_setup.probe_rejected() == 1


def test_pages_say_that_nobody_watches(paused, workspace, client):
    client.force_login(User.objects.create_superuser("admin@example.test", "correct horse battery staple"))
    words = f"Polling has been paused since {paused.paused_at:%Y-%m-%d %H:%M} UTC."
    for url in ("/w/acme/", "/w/acme/polling/", "/w/acme/usage/"):
        assert words in client.get(url).content.decode(), url
    for url in ("/", "/w/acme/"):
        assert f"{words} New data doesn&#x27;t appear" in client.get(url).content.decode(), url


@pytest.fixture
def browser(acme, client):
    owner = User.objects.create_user("lead@example.test", "correct horse battery staple")
    Membership.objects.create(user=owner, workspace=acme, role=Role.OWNER)
    client.force_login(owner)
    return client


def test_an_owner_pauses_and_resumes_it_by_a_button_and_the_trail_names_them(browser, acme):
    page = browser.get("/w/acme/").content.decode()
    assert "/w/acme/polling/pause/" in page
    assert "Resume polling" not in page
    done = browser.post("/w/acme/polling/pause/", follow=True).content.decode()
    assert "Polling has been paused since <time" in done
    assert not Poll.objects.due(clock.now()).exists()
    for url in ("/w/acme/", "/w/acme/polling/", "/w/acme/keys/", "/w/acme/settings/"):
        page = browser.get(url).content.decode()
        assert "/w/acme/polling/resume/" in page, url
        assert "/w/acme/polling/pause/" not in page, url
    browser.post("/w/acme/polling/resume/")
    assert Poll.objects.due(clock.now()).exists()
    events = AuditEvent.objects.filter(actor_email="lead@example.test").order_by("pk")
    assert list(events.values_list("action", flat=True)) == [Action.POLLING_PAUSED, Action.POLLING_RESUMED]


def test_a_second_press_of_the_button_changes_nothing(browser, acme):
    for words in ("Polling is paused.", "Polling was already paused."):
        assert words in browser.post("/w/acme/polling/pause/", follow=True).content.decode()
    assert AuditEvent.objects.filter(action=Action.POLLING_PAUSED).count() == 1


def test_others_see_the_pause_and_no_button(browser, acme):
    Membership.objects.update(role=Role.OPERATOR)
    assert browser.post("/w/acme/polling/pause/").status_code == 403
    pause_polling(acme, CONSOLE)
    page = browser.get("/w/acme/").content.decode()
    assert "Polling has been paused since <time" in page
    assert "/polling/resume/" not in page


def test_who_lost_the_right_meanwhile_pauses_nothing(browser, acme):
    owner = User.objects.get()
    Membership.objects.all().delete()
    with pytest.raises(PermissionDenied):
        pause_polling(acme, Actor(user=owner))
    assert Workspace.objects.get().paused_at is None


def test_a_pause_is_no_balance_that_cannot_be_read(paused):
    rule = Rule.objects.get(kind="balance_unreadable")
    Poll.objects.update(last_success_at=clock.now() - clock.LONGEST_WAIT)
    assert kind_named("balance_unreadable").read([rule], clock.now()) == {rule.pk: NoData(paused.pause)}


def test_a_summary_says_so_instead_of_that_all_is_well(acme):
    Rule.objects.all().delete()
    refresh(acme, "balance")
    Poll.objects.filter(last_success_at=None).delete()
    assert summarize(acme, clock.now(), 1)["headline"] == WELL
    pause_polling(acme, CONSOLE)
    said = summarize(acme, clock.now(), 1)
    assert said["headline"] == INCOMPLETE
    assert ["Unknown", acme.pause] in said["facts"]


def test_a_pause_that_was_taken_back_leaves_no_trace(acme):
    pause_polling(acme, CONSOLE)
    resume_polling(acme, CONSOLE)
    assert not Poll.objects.filter(paused_reason__startswith="Polling has been paused").exists()
    assert acme.pause == ""
