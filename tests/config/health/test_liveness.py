"""The watcher is watched: heartbeats, and what pages, probes and scrapers say where they are missing."""

import re
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from cleanlist import Secret
from config.health import liveness, probes
from core import clock
from core.encryption import EncryptedValue
from workspaces.models import Heartbeat, Poll, Workspace
from workspaces.polling import heartbeats

pytestmark = [pytest.mark.django_db, pytest.mark.liveness]
Kind = Heartbeat.Kind


@pytest.fixture
def beats(monkeypatch):
    """Everything goes on; a test takes away what it is about. The process has run for long."""
    monkeypatch.setattr(liveness, "_STARTED", -1000)
    probes.clear_cache()

    def beat(kind, name, seconds_ago=0, **known):
        moment = clock.now() - timedelta(seconds=seconds_ago)
        Heartbeat.objects.update_or_create(kind=kind, name=name, defaults={"beat_at": moment, **known})
        liveness.clear_cache()

    beat(Kind.CLOCK, "clock")
    beat(Kind.QUEUE, "polling")
    beat(Kind.QUEUE, "alerts")
    beat(Kind.WORKER, "both", queues="alerts polling")
    return beat


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def found():
    return [(one.name, one.reason) for one in liveness.check_liveness().troubles]


def test_all_goes_on(beats):
    assert liveness.check_liveness() == liveness.Liveness()


def test_a_silent_clock_is_told(beats):
    beats(Kind.CLOCK, "clock", seconds_ago=61)
    assert found() == [("clock", "clock")]


def test_work_that_was_done_a_minute_ago_is_not_late_yet(beats):
    beats(Kind.QUEUE, "polling", seconds_ago=55)
    assert found() == []


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        ({"seconds_ago": 61, "queues": "alerts polling"}, "none"),
        ({"queues": "alerts"}, "none"),
        ({"queues": "alerts polling", "is_busy": True}, "busy"),
        ({"queues": "alerts polling"}, "stuck"),
    ],
)
def test_why_polling_does_not_go_on(beats, worker, reason):
    beats(Kind.QUEUE, "polling", seconds_ago=61)
    beats(Kind.WORKER, "both", **worker)
    assert found() == [("polling", reason)]


def test_one_free_worker_of_two_is_enough_not_to_be_busy(beats):
    beats(Kind.QUEUE, "polling", seconds_ago=61)
    beats(Kind.WORKER, "other", queues="polling", is_busy=True)
    assert found() == [("polling", "stuck")]


def test_where_the_clock_is_silent_workers_are_not_blamed_for_it(beats):
    for name in ("polling", "alerts"):
        beats(Kind.QUEUE, name, seconds_ago=300)
    beats(Kind.CLOCK, "clock", seconds_ago=300)
    assert found() == [("clock", "clock")]


def test_what_was_never_seen_is_not_known_at_first_and_then_told(beats, monkeypatch):
    Heartbeat.objects.all().delete()
    assert [one.since for one in liveness.check_liveness().troubles] == [None] * 3
    monkeypatch.setattr(liveness, "_STARTED", liveness.time.monotonic())
    assert not liveness.check_liveness().is_known
    assert not liveness.check_liveness().is_well


def test_probes_tell_it_where_they_are_asked_in_full_and_not_else(client, beats):
    assert client.get("/readyz?full").json()["checks"]["polling"] == "ok"
    beats(Kind.QUEUE, "polling", seconds_ago=90)
    beats(Kind.WORKER, "both", seconds_ago=90)
    answer = client.get("/readyz?full")
    assert answer.status_code == 503
    assert answer.json()["checks"]["polling"].startswith("No worker processes “polling” (since 2")
    assert answer.json()["checks"]["alerts"] == "ok"
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("count", [0, 1, 2])
def test_encryption_keys_that_open_nothing_are_told_at_once(client, settings, beats, count):
    settings.METRICS_TOKEN = "a-token-of-the-tests"
    mine, others = settings.ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    for number, keys in enumerate([others, mine][:count]):
        settings.ENCRYPTION_KEYS = keys
        sealed = EncryptedValue.encrypt(Secret("clapi_of_the_tests"))
        Workspace.objects.create(name="One", slug=f"one-{number}", base_url="", api_key=sealed)
    settings.ENCRYPTION_KEYS = mine
    probes.clear_cache()
    opens = count != 1  # nothing stored, or one of two that opens
    answer = client.get("/readyz?full")
    assert (answer.status_code == 200) == opens
    assert (answer.json()["checks"]["encryption_keys"] == "ok") == opens
    assert "encryption_keys" not in client.get("/readyz").json()["checks"]
    text = client.get("/metrics", headers={"Authorization": "Bearer a-token-of-the-tests"}).content.decode()
    assert f"console_encryption_keys_up {float(opens)}" in text


def test_scrapers_are_told(client, settings, beats):
    settings.METRICS_TOKEN = "a-token-of-the-tests"
    beats(Kind.QUEUE, "alerts", seconds_ago=90)
    beats(Kind.WORKER, "second", queues="polling", is_busy=True)
    text = client.get("/metrics", headers={"Authorization": "Bearer a-token-of-the-tests"}).content.decode()
    assert 'console_background_up{name="alerts"} 0.0' in text
    assert 'console_background_up{name="polling"} 1.0' in text
    assert 'console_workers{queue="polling",state="busy"} 1.0' in text
    assert 'console_workers{queue="alerts",state="free"} 1.0' in text
    assert 'console_heartbeat_age_seconds{kind="queue",name="alerts"} 9' in text


@pytest.mark.parametrize("url", ["/", "/w/{}/", "/w/{}/keys/", "/w/{}/settings/", "/accounts/security/"])
def test_every_page_says_since_when_what_is_not_watched(as_owner, workspace, beats, url):
    assert "Not watched" not in text_of(as_owner.get(url.format(workspace.slug)))
    beats(Kind.QUEUE, "alerts", seconds_ago=90)
    beats(Kind.WORKER, "both", seconds_ago=90)
    text = text_of(as_owner.get(url.format(workspace.slug)))
    assert "Not watched since" in text
    assert "no emails are sent" in text


def test_strangers_are_not_told(client, beats):
    beats(Kind.CLOCK, "clock", seconds_ago=90)
    assert "Not watched" not in text_of(client.get("/accounts/login/"))


@pytest.mark.parametrize("url", ["/", "/w/{}/"])
def test_a_page_that_stays_open_is_told_when_it_refreshes_itself(as_owner, workspace, beats, url):
    beats(Kind.CLOCK, "clock", seconds_ago=90)
    part = as_owner.get(url.format(workspace.slug), headers={"HX-Request": "true"}).content.decode()
    assert 'id="unwatched" hx-swap-oob="true"' in part
    assert "The clock isn&#x27;t running" in part


def test_a_card_says_all_well_only_where_all_goes_on(as_owner, workspace, beats):
    assert "Healthy" in text_of(as_owner.get("/"))
    beats(Kind.CLOCK, "clock", seconds_ago=90)
    assert "Healthy" not in text_of(as_owner.get("/"))


def test_a_card_says_nothing_good_before_it_is_known(as_owner, workspace, beats):
    Heartbeat.objects.all().delete()
    liveness._STARTED = liveness.time.monotonic()
    liveness.clear_cache()
    text = text_of(as_owner.get("/"))
    assert "Healthy" not in text
    assert "Not known yet" in text


def test_a_card_does_not_say_all_well_of_what_was_read_long_ago(as_owner, workspace, beats):
    then = clock.now() - timedelta(minutes=6)
    poll = Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, last_success_at=then)
    text = text_of(as_owner.get("/"))
    assert "Healthy" not in text
    assert "Out of date: Credit balance. Last synced 6 minutes ago; the next sync is late." in text
    Poll.objects.filter(pk=poll.pk).update(last_success_at=clock.now())
    assert "Healthy" in text_of(as_owner.get("/"))


def test_work_is_noted_now_and_then_only(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(heartbeats, "_queues", {})
    heartbeats.record_work("polling")
    assert Heartbeat.objects.get().name == "polling"
    with django_assert_num_queries(0):
        heartbeats.record_work("polling")
    heartbeats.record_work("alerts")
    assert Heartbeat.objects.count() == 2
