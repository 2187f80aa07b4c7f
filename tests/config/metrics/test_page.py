"""Who may scrape, from where, and what is told of the background work."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import __version__
from tests.config.metrics.conftest import TOKEN
from tests.config.metrics.sample_data import create_workspaces
from tests.fixtures import API_KEY, NOWHERE
from usage.readings import record_reading
from workspaces.models import AccountMail, Workspace


def test_without_a_token_in_the_settings_there_is_no_such_page(client):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("shown", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer ü"])
def test_another_token_is_refused(client, settings, shown):
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == 401


def test_it_answers_by_address_and_without_https(settings, db):
    settings.METRICS_TOKEN, settings.SECURE_SSL_REDIRECT = TOKEN, True
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3:8000"}
    assert Client().get("/metrics", headers=headers).status_code == 200


def test_polls_are_counted_by_resource_and_state(scrape, poll):
    poll("requests", "1")
    poll("requests", "2", next_run_at=timezone.now() - timedelta(seconds=90), consecutive_failures=1)
    poll("requests", "3", paused_reason="No session.")
    poll("requests", "4", leased_until=timezone.now() + timedelta(minutes=1), next_run_at=timezone.now())
    found = scrape()
    states = {"due": 1, "running": 1, "failing": 1, "paused": 1}
    assert found.all("console_polls", resource="requests") == {(state,): count for state, count in states.items()}
    assert 89 < found.value("console_poll_lag_seconds", resource="requests") < 120


def test_the_version_that_answers_is_told(scrape):
    assert scrape().value("console_info", version=__version__) == 1


def test_mail_about_accounts_is_counted_with_the_age_of_the_oldest(scrape):
    assert scrape().value("console_account_mail_queued") == 0
    assert scrape().value("console_account_mail_oldest_age_seconds") is None
    for minutes in (2, 30):
        created_at = timezone.now() - timedelta(minutes=minutes)
        AccountMail.objects.create(template="account/email/x", address="a@example.test", created_at=created_at)
    found = scrape()
    assert found.value("console_account_mail_queued") == 2
    assert 1799 < found.value("console_account_mail_oldest_age_seconds") < 1860


def test_an_empty_console_has_metrics_too(scrape):
    found = scrape()
    assert found.value("console_workspaces") == 0
    assert found.value("console_redis_up") == 1
    assert found.all("console_balance_credits") == {}


def test_more_workspaces_take_no_more_queries(scrape, db):
    counts = []
    for more in (1, 9, 40):
        create_workspaces(more)
        scrape()  # what is asked once in several seconds
        with CaptureQueriesContext(connection) as queries:
            assert len(scrape().all("console_balance_credits")) == Workspace.objects.count()
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts


def test_promtool_has_nothing_to_say(scrape, promtool, db):
    create_workspaces(2)
    assert promtool("check", "metrics", text=scrape().text) == (0, "")


def test_nothing_in_it_is_secret_or_names_a_person(scrape, workspace, owner, db):
    create_workspaces(2)
    text = scrape().text
    assert 'workspace="example-works"' in text
    for kept_back in (API_KEY[-20:], workspace.name, owner.email, NOWHERE, "org_example", TOKEN, "Production server"):
        assert kept_back not in text


def test_each_family_is_told_once_and_has_words(scrape, db):
    create_workspaces(2)
    text = scrape().text
    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 30
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    assert set(names) <= set(helps)
    assert all(words.endswith((".", ")")) for words in helps.values()), helps


def test_amounts_keep_their_digits(scrape, workspace, db):
    record_reading(workspace, Decimal("12345678.25"), timezone.now())
    assert scrape().value("console_balance_credits", workspace="example-works") == 12345678.25
