"""Where several things are wrong with a request all are said, the one that Cleanlist meets first at the top."""

import html
from datetime import timedelta

import pytest
from django.urls import reverse

from core.clock import now
from keys.models import ApiKey
from troubleshooting.checks import checks_for
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .conftest import words
from .paste_cases import KEY
from .test_symptoms import BULK

BODY = '{"contacts": [{"first_name": "Nobody"}]}'
WRONG_METHOD = "enrich/bulk takes POST, not GET"


@pytest.fixture
def revoked(person, sandbox):
    """The mark of a key that the console knows as revoked, as the browser leaves it."""
    with sandbox.session() as session:
        secret = session.post("/api/v1/api-keys", json={"name": "Retired worker"}).json()["api_key"]
        key_id = next(one["id"] for one in session.get("/api/v1/api-keys").json() if one["key_last4"] == secret[-4:])
        session.post(f"/api/v1/api-keys/{key_id}/revoke").raise_for_status()
    person.check("topic=key_limit")  # syncs the list
    return f"[key-removed:{secret[:10]}…{secret[-4:]},{len(secret)}-characters]"


def test_a_wrong_method_with_a_key_that_was_revoked(person, sandbox, revoked):
    page = person.check(person.paste(f'curl {sandbox.base_url}{BULK} -H "Authorization: Bearer {revoked}"'))
    assert WRONG_METHOD in page
    assert "“Retired worker” is no longer active: revoked" in page
    assert page.index(WRONG_METHOD) < page.index("Also wrong: The key “Retired worker” is no longer active")


def test_a_wrong_method_with_a_key_that_has_expired(person, sandbox, revoked):
    ApiKey.objects.filter(name="Retired worker").update(is_active=True, expires_at=now() - timedelta(days=1))
    person.workspace.session.delete()  # so that the list isn't synced
    page = person.check(person.paste(f'curl {sandbox.base_url}{BULK} -H "Authorization: Bearer {revoked}"'))
    assert page.index(WRONG_METHOD) < page.index("Also wrong: The key “Retired worker” is no longer active: expired")


def test_a_wrong_method_with_a_wrong_header_at_once(person, sandbox):
    page = person.look(person.paste(f"curl {sandbox.base_url}{BULK} -H 'X-API-Key: {KEY}'"))
    assert page.index(WRONG_METHOD) < page.index("Also wrong: The key is in X-API-Key")
    assert "Send the header Authorization: Bearer clapi_…" in page


def test_plain_http_comes_before_the_method_and_that_before_the_key(person):
    text = f"curl http://api.cleanlist.ai{BULK} -H 'Authorization: {KEY}'"
    page = person.look(person.paste(text))
    verdict, also = (
        page.index("The address begins with http://"),
        page.index(f"Also wrong: /api/v1/public/{WRONG_METHOD}"),
    )
    assert verdict < also
    assert "The word Bearer is missing" in page


def test_a_wrong_body_is_said_too(person, sandbox):
    command = f"curl {sandbox.base_url}{BULK} -H 'X-API-Key: {KEY}' --json '{BODY}'"
    response = person.http.post(person.url, {"text": command})
    page = words(response)
    assert page.index("The key is in X-API-Key") < page.index("Also wrong: contacts[0] doesn't identify a person")
    assert "Nobody" not in page


def test_a_right_body_of_a_wrong_request_is_not_spoken_of(person, sandbox):
    body = BODY.replace("first_name", "linkedin_url").replace("Nobody", "https://www.linkedin.com/in/ada")
    page = person.look(person.paste(f"curl {sandbox.base_url}{BULK} -H 'X-API-Key: {KEY}' --json '{body}'"))
    assert "The key is in X-API-Key" in page
    assert "Also wrong" not in page


def test_a_header_mistake_beside_the_answer_of_another_topic(person, sandbox):
    text = f'curl -i {sandbox.base_url}/api/v1/public/usage -H "X-API-Key: {KEY}"\nHTTP/2 429\nretry-after: 12\n'
    query = person.paste(text)
    assert "topic=rate_limited" in query
    page = person.check(query)
    assert page.index("Rate limit reached") < page.index("Also wrong: The key is in X-API-Key")


def test_one_check_after_the_other_says_the_same(person, sandbox, revoked):
    query = person.paste(f'curl {sandbox.base_url}{BULK} -H "Authorization: Bearer {revoked}"')
    step = reverse("troubleshoot_check", args=[person.workspace.slug, "key"])
    part = words(person.http.post(f"{step}?{query}&so_far=failed"))
    assert 'hx-swap-oob="beforeend:#also"' in part
    assert "Also wrong: The key “Retired worker” is no longer active: revoked" in part
    assert 'id="verdict"' not in part


def test_a_wrong_path_comes_before_a_wrong_header(workspace):
    text = f'curl https://api.cleanlist.ai/v1/credits -H "X-API-Key: {KEY}"'
    case = recognize(remove_secrets(text).text, workspace).case
    assert (case.topic, case.slips) == ("not_found", ("x_api_key",))
    assert [step.name for step in checks_for(case)][:2] == ["endpoint", "header"]


def test_a_key_in_the_path_is_said_once(person, sandbox):
    page = person.look(person.paste(f"curl {sandbox.base_url}/api/v1/public/whoami/{KEY}\nHTTP/2 404\n\n"))
    assert page.count("The key is in the address") == 1
    assert "Also wrong" not in page


@pytest.mark.parametrize(
    "text", ["401", "402", f"curl -H 'X-API-Key: {KEY}' https://api.cleanlist.ai/api/v1/public/whoami", BODY]
)
def test_what_to_do_is_said_once(person, text):
    response = person.http.post(person.url, {"text": text}, follow=True)
    page, verdict = html.unescape(words(response)), response.context["verdict"]
    assert page.count(verdict.fix) == page.count(verdict.title) == 1


def test_a_request_that_is_right_has_nothing_else_wrong(person, sandbox):
    secret = sandbox.credentials()["api_key"]
    text = f'curl -X POST {sandbox.base_url}{BULK} -H "Authorization: Bearer {secret}"'
    assert "Also wrong" not in person.check(person.paste(text))


@pytest.mark.parametrize("value", ["$CLEANLIST_API_KEY", "***"])
def test_of_a_key_that_the_text_does_not_show_only_the_form_is_judged(person, value):
    page = person.check(
        person.paste(f'curl -H "Authorization: Bearer {value}" https://api.cleanlist.ai/api/v1/public/whoami')
    )
    assert "The header's form is right, but the text doesn't show the key itself" in page
    assert "Nothing is wrong with the header" not in page
    assert " and a complete key." not in page
