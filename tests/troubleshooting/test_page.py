"""The page itself: what is not recognized, what arrives with a secret, wrong entries, and constant work."""

import re
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.keys.conftest import make_key
from troubleshooting.pasted.recognizer import recognize

from .conftest import Person, words
from .paste_cases import KEY


@pytest.fixture
def page(client, viewer, workspace):
    """The page of a workspace whose upstream nobody can reach."""
    client.force_login(viewer)
    return Person(client, workspace)


LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt."


def test_what_is_not_recognized_is_said_and_kept_in_the_field_without_secrets(page):
    response = page.http.post(page.url, {"text": f"{LOREM} <b> {KEY}"})
    shown = response.content.decode()
    assert response.status_code == 422
    assert "We couldn't recognize that" in shown
    assert f"{LOREM} &lt;b&gt; [key-removed:clapi_,70-characters]</textarea>" in shown
    assert "Check it as a body" in shown
    assert KEY[:18] not in shown


def test_a_body_that_curl_would_send_as_a_form_is_told_so(page):
    body = '{"contacts":[{"linkedin_url":"https://www.linkedin.com/in/ada-byron"}]}'
    command = f"curl https://api.cleanlist.ai/api/v1/public/enrich/bulk -H 'Authorization: Bearer {KEY}' -d '{body}'"
    shown = words(page.http.post(page.url, {"text": command}))
    assert "there is no Content-Type header" in shown
    assert "Add the header Content-Type: application/json" in shown
    json_too = words(page.http.post(page.url, {"text": f"{command} -H 'content-type: application/json'"}))
    assert "there is no Content-Type header" not in json_too


def test_a_secret_that_arrives_after_all_is_discarded_and_said(page, caplog):
    response = page.http.post(page.url, {"text": f"Authorization: {KEY}"}, follow=True)
    assert "Your text contained a secret. The console discarded it right away and didn't store it." in words(response)
    assert KEY not in str([response.redirect_chain, response.content, caplog.text])


SAID = "error 422: ada.private@example.org (+43 660 1234567) lacks company"


def test_what_was_said_is_shown_without_contact_data_and_is_in_no_address(page):
    query = page.paste(SAID)
    shown = page.look(query)
    assert "error 422: [email 1] ([phone 1]) lacks company" in shown
    bundle = re.search(r'href="([^"]*/bundle/[^"]*)"', shown)[1].replace("&amp;", "&")
    assert "lacks company" in words(page.http.get(bundle))
    assert not [part for part in ("ada", "1234", "lacks") if part in query + bundle]


def test_what_was_said_belongs_to_its_own_case(page):
    page.paste(SAID)
    assert "lacks company" not in page.look("topic=shape&heard=words&status=400")
    page.paste("401")
    assert "lacks company" not in page.look("topic=shape&heard=words&status=422")


@pytest.mark.parametrize("text", ["a+" * 8_000, "a+" * 500_000, "Authorization: '" * 60_000, "curl " + "'a" * 400_001])
def test_a_long_text_that_is_nothing_is_told_so_at_once(page, text):
    started = time.process_time()
    assert page.http.post(page.url, {"text": text}).status_code in {302, 422}
    assert time.process_time() - started < 5


def test_an_answer_with_letters_beyond_ascii_in_a_header_is_recognized(page):
    assert "topic=rate_limited" in page.paste("HTTP/1.1 429 Too Many\r\nRetry-After: “soon” \u20ac\r\n\r\n")


def test_wrong_entries_are_explained_at_their_fields_and_count_as_left_out(page):
    shown = page.look("topic=empty&status=9999&workflow=../../keys&type=golden&key=nonsense&contacts=-3")
    assert "That isn't a workflow ID" in shown
    assert shown.count('aria-invalid="true"') == 5
    assert "../../keys</code>" not in shown


@pytest.mark.parametrize(
    "query", ["topic=nonsense", "slips=nonsense", "heard=%00", "topic=empty&workflow=%00%ff", "x=y"]
)
def test_any_address_is_answered(page, query):
    assert page.http.get(f"{page.url}?{query}").status_code == 200


def test_a_check_that_is_not_the_topics_is_not_run(page):
    url = reverse("troubleshoot_check", args=[page.workspace.slug, "balance"])
    assert page.http.post(f"{url}?topic=crm_push").status_code == 404
    assert page.http.post(url.replace("balance", "nonsense") + "?topic=credits").status_code == 404


def test_each_check_starts_the_next_one_and_the_worst_result_stays_the_verdict(page):
    query = "topic=unauthorized&slips=x_api_key"
    first = check(page, "header", query)
    assert 'id="verdict" hx-swap-oob="innerHTML"' in first
    assert f"checks/key/?{query}&so_far=failed" in first
    last = check(page, "credential", f"{query}&so_far=failed")
    assert "couldn't be checked" in last
    assert "Can't reach Cleanlist" not in last.partition('id="verdict"')[2]


def test_what_takes_no_time_comes_with_the_page_and_the_next_check_goes_on_from_it(page):
    shown = page.look("topic=unauthorized&slips=x_api_key").replace("&amp;", "&")
    assert "The key is in X-API-Key" in shown.partition('id="verdict"')[2].partition("</div>")[0]
    assert 'class="check check--failed" id="check-header"' in shown
    assert "checks/key/?topic=unauthorized&slips=x_api_key&so_far=failed" in shown
    assert '<a href="?topic=unauthorized&slips=x_api_key">Run again</a>' in shown


def check(page, step, query):
    url = reverse("troubleshoot_check", args=[page.workspace.slug, step])
    return words(page.http.post(f"{url}?{query}")).replace("&amp;", "&")


def test_an_upstream_that_is_down_is_told_from_a_fault_of_the_request(page):
    shown = page.check("topic=credits")
    assert 'class="verdict verdict--warning"' in shown
    assert "Can't reach Cleanlist" in shown


def test_when_there_was_nothing_to_check_it_does_not_say_that_all_is_well(page):
    shown = page.check("topic=empty")
    assert "Not enough details to check anything" in shown
    assert "All checks passed" not in shown


def test_where_only_some_could_be_checked_it_does_not_say_that_all_is_well(page):
    shown = page.check("topic=unauthorized&slips=good")
    assert 'class="check check--unknown" id="check-credential"' in shown
    assert "not everything could be checked" in shown
    last = check(page, "shape", "topic=refused&so_far=ok")
    assert 'class="check check--skipped" id="check-shape"' in last
    assert "Not everything was checked" in last
    assert "All checks passed" not in shown + last


@pytest.mark.parametrize(
    ("pasted", "status", "said"),
    [
        ("<html>\r\n<head><title>502 Bad Gateway</title></head><body><hr>nginx</body></html>", 502, "502 Bad Gateway"),
        ("<!doctype html><title>504 Gateway Time-out</title>", 504, "504 Gateway Time-out"),
        ("<html><body><h1>Down for&nbsp;maintenance</h1></body></html>", None, "Down for maintenance"),
        ("<html><body></body></html>", None, ""),
        ("HTTP/1.1 503 Service Unavailable\r\nServer: envoy\r\n\r\nno healthy upstream", 503, "no healthy upstream"),
        ("HTTP/1.1 500 Internal Server Error\r\n\r\n", 500, ""),
        ('HTTP/1.1 500 Internal Server Error\r\n\r\n{"a": 1}', 500, ""),
    ],
)
def test_the_exact_message_of_an_error_is_one_that_was_in_it(page, pasted, status, said):
    case = recognize(pasted, page.workspace).case
    assert (case.topic, case.status, case.said) == ("upstream", status, said)


def test_the_page_asks_the_same_number_of_queries_for_10_and_20_keys(page, workspace):
    def queries():
        for _ in range(10):
            make_key(workspace)
        with CaptureQueriesContext(connection) as found:
            page.look("topic=unauthorized")
        return len(found)

    page.look("")  # what the first look of all loads
    assert queries() == queries() <= 12


def test_what_is_no_request_has_no_such_line(page):
    assert "Read from your text" not in page.look(page.paste("401"))
