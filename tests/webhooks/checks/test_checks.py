"""Checking an endpoint: each step against real servers, and the page on which a person does it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.webhooks.certificates import NOW
from tests.webhooks.receivers import Hanging, HangingUp, answering, receiver, remembering
from webhooks.checks import services
from webhooks.checks.probe import LABELS, probe
from webhooks.models import EndpointCheck
from webhooks.outgoing import sender
from webhooks.reasons import advice_on
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=1)
HOST = "hooks.receiver.example"
BEFORE_TLS = ["url", "dns", "public", "tcp"]
WITHOUT_TLS = [*BEFORE_TLS, "method"]
ALL = list(LABELS)
# The server, what its certificate says if it has one, the reason, the steps that pass, and the one that fails.
CASES = {
    "it works": (answering(200), None, "", [*WITHOUT_TLS, "answer"], ""),
    "it works with TLS": (answering(204), {}, "", ALL, ""),
    "it fails": (answering(500), None, "server_error", WITHOUT_TLS, "answer"),
    "it is not there": (answering(404), None, "client_error", BEFORE_TLS, "method"),
    "it takes no POST": (answering(405), {}, "client_error", ALL[:7], "method"),
    "it wants a login": (answering(401), None, "client_error", WITHOUT_TLS, "answer"),
    "it redirects": (answering(301, "https://elsewhere.example/"), None, "redirect", WITHOUT_TLS, "answer"),
    "it hangs": (Hanging, None, "timeout", BEFORE_TLS, "answer"),
    "it hangs up": (HangingUp, None, "closed", BEFORE_TLS, "answer"),
    "its certificate is another's": (answering(200), {"host": "other.example"}, "tls", BEFORE_TLS, "name"),
    "its certificate is over": (answering(200), {"end": NOW - timedelta(hours=1)}, "tls", BEFORE_TLS, "date"),
}


def run(url):
    noted = []
    reason = probe(url, "check-1", noted.append)
    return reason, noted


def ended(steps, state):
    return [step["name"] for step in steps if step["state"] == state]


@pytest.mark.parametrize("name", CASES)
def test_a_check_says_which_step_fails_and_what_helps(name, local_targets, names, trusted, monkeypatch):
    monkeypatch.setattr(sender, "RESPONSE_TIMEOUT_SECONDS", 1.0)
    handler, facts, reason, passed, failed = CASES[name]
    names.known[HOST] = ["127.0.0.1"]
    certificate = None if facts is None else trusted.certify(**{"host": HOST, **facts})
    with receiver(handler, certificate) as url:
        found, noted = run(url.replace("127.0.0.1", HOST if facts is not None else "127.0.0.1"))

    steps = noted[-1]
    assert found == reason
    assert ended(steps, "passed") == passed
    assert ended(steps, "failed") == ([failed] if failed else [])
    assert [step["name"] for step in steps] == ALL
    assert all(step["found"] and step["advice"] for step in steps if step["state"] == "failed")
    assert len(noted) > len(passed)  # they were told one by one


def test_a_certificate_that_ends_soon_passes_with_a_word_about_it(local_targets, names, trusted):
    names.known[HOST] = ["127.0.0.1"]
    with receiver(answering(200), trusted.certify(HOST, end=NOW + timedelta(days=5, hours=1))) as url:
        reason, noted = run(url.replace("127.0.0.1", HOST))

    date = next(step for step in noted[-1] if step["name"] == "date")
    assert (reason, date["state"]) == ("", "passed")
    assert "Expires in 5 days" in date["advice"]


@pytest.mark.parametrize(
    ("known", "reason", "failed"),
    [
        ({}, "dns", "dns"),
        ({HOST: ["10.0.0.5"]}, "not_public", "public"),
        ({HOST: ["127.0.0.1"]}, "not_public", "public"),
    ],
)
def test_a_check_goes_no_further_than_a_name_that_is_unknown_or_leads_inside(
    known, reason, failed, no_local_targets, names
):
    names.known = known
    found, noted = run(f"https://{HOST}/hook")

    assert (found, ended(noted[-1], "failed")) == (reason, [failed])
    assert "tcp" in ended(noted[-1], "skipped")


def test_a_closed_port_is_reported_as_such(local_targets):
    with receiver(answering(200)) as url:
        pass
    reason, noted = run(url)

    assert (reason, ended(noted[-1], "failed")) == ("refused", ["tcp"])


def test_the_sample_is_marked_as_a_test_in_header_and_body(local_targets):
    seen = []
    with receiver(remembering(seen)) as url:
        run(url)

    assert seen[0].headers["X-Cleanlist-Console-Test"] == "check-1"
    assert (seen[0].body["test"], seen[0].body["workflow_id"]) == (True, "test_check-1")


# --- asked for by a person ------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def address(workspace):
    return reverse("webhooks:check", args=[workspace.slug])


def test_an_operator_has_an_endpoint_checked_and_reads_the_steps(signed_in, workspace, operator, local_targets):
    with receiver(answering(503)) as url:
        answer = signed_in.post(address(workspace), {"url": url}, follow=True)
        assert "The check is running" in answer.text
        assert services.run_due() == 1

    page = signed_in.get(answer.redirect_chain[-1][0]).text
    assert "Your endpoint failed (5xx)" in page
    assert "HTTP 503" in page
    event = AuditEvent.objects.get(action="webhook_endpoint:checked")
    assert (event.actor, event.subject) == (operator, url)
    assert "Your endpoint failed (5xx)" in signed_in.get(address(workspace)).text


def test_while_it_runs_the_page_asks_again_and_then_no_more(signed_in, workspace):
    check = EndpointCheck.objects.create(workspace=workspace, url="https://example.com/")

    part = signed_in.get(check.get_absolute_url(), headers={"HX-Request": "true"}).text
    assert 'data-refresh-seconds="1"' in part
    assert "<html" not in part
    EndpointCheck.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert "No worker has taken this yet" in signed_in.get(check.get_absolute_url()).text
    EndpointCheck.objects.update(finished_at=timezone.now())
    assert 'data-refresh-seconds="1"' not in signed_in.get(check.get_absolute_url()).text


@pytest.mark.parametrize("url", ["", "nonsense", "http://example.com/", "https://10.0.0.1/", "https://localhost/x"])
def test_what_must_not_be_called_is_refused_at_the_field(signed_in, workspace, no_local_targets, url):
    answer = signed_in.post(address(workspace), {"url": url})

    assert answer.status_code == 422
    assert "field__error" in answer.text
    assert not EndpointCheck.objects.exists()


def test_only_so_many_checks_are_made_in_a_minute(signed_in, workspace):
    for _ in range(6):
        assert signed_in.post(address(workspace), {"url": "https://example.com/"}).status_code == 302
    answer = signed_in.post(address(workspace), {"url": "https://example.com/"})

    assert answer.status_code == 422
    assert "6 checks were run in the last minute" in answer.text
    assert EndpointCheck.objects.count() == 6


def test_viewers_read_checks_and_make_none(client, viewer, workspace):
    client.force_login(viewer)
    assert client.post(address(workspace), {"url": "https://example.com/"}).status_code == 403
    assert "needs the role “Operator”" in client.get(address(workspace)).text


def test_a_check_whose_worker_died_is_made_again_and_not_for_ever(workspace, operator, local_targets):
    past = timezone.now() - timedelta(minutes=1)
    with receiver(answering(200)) as url:
        facts = {"workspace": workspace, "requested_by": operator, "url": url}
        check = EndpointCheck.objects.create(**facts, leased_until=past, tries=1)
        held = EndpointCheck.objects.create(**facts, leased_until=timezone.now() + LATER)
        assert services.run_due() == 1
    check.refresh_from_db()
    assert (check.reason, check.tries, check.finished_at is not None) == ("", 2, True)
    EndpointCheck.objects.filter(pk=held.pk).update(leased_until=past, tries=3)
    services.run_due()
    held.refresh_from_db()
    assert (held.reason, held.finished_at is not None) == ("unknown", True)


def test_the_list_of_checks_takes_the_same_queries_for_ten_and_for_twenty(
    signed_in, workspace, operator, django_assert_num_queries
):
    def make(count):
        rows = [EndpointCheck(workspace=workspace, requested_by=operator, url="https://a.test/") for _ in range(count)]
        EndpointCheck.objects.bulk_create(rows)

    make(10)
    signed_in.get(address(workspace))
    with CaptureQueriesContext(connection) as first:
        signed_in.get(address(workspace))
    make(10)
    with django_assert_num_queries(len(first)):
        signed_in.get(address(workspace))


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "without a login or CSRF check"),
        (404, "nothing at this path"),
        (405, "doesn't accept POST"),
        (410, "Use the new URL"),
        (413, "Raise it"),
        (429, "limits how often"),
        (504, "too long for the proxy"),
        (418, "401 or 403: it requires"),
        (500, "Check your server log"),
    ],
)
def test_each_status_has_its_own_advice(status, advice):
    assert advice in advice_on("client_error" if status < 500 else "server_error", status)
    assert "10-second" not in advice_on("timeout", status)


def test_a_web_page_with_200_is_remarked_on(local_targets):
    with receiver(answering(200, page=b"<!DOCTYPE html><title>You are about to visit</title>")) as url:
        reason, noted = run(url)
    answer = noted[-1][-1]
    assert (reason, answer["state"]) == ("", "passed")
    assert "tunnel's warning page" in answer["advice"]
