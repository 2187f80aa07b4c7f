"""The troubleshooter in Chromium: every symptom of the two user documents, from its making to its cause and remedy."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.troubles import BULK, FOUND, NAME, NOBODY, Upstream, command, raw
from tests.troubleshooting.paste_cases import CASES, HARMLESS, KEY, KEYS, KNOWN, KNOWN_ENDS
from troubleshooting.pasted.secrets import remove_secrets

PAGE = "/w/sandbox/troubleshoot/"
PASTES = Path(__file__).resolve().parents[1] / "troubleshooting"


@pytest.fixture(scope="module")
def upstream(console):
    upstream = Upstream(console)
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def signed_in_state(chromium, console):
    """The cookies of one sign-in, for all tests here."""
    context = chromium.new_context(base_url=console.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(console.email)
    page.get_by_label("Password").fill(console.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
    state = context.storage_state()
    context.close()
    return state


class Window:
    """A signed-in window; it keeps everything that was sent from it."""

    def __init__(self, page, complaints):
        self.page, self.complaints, self.sent = page, complaints, []
        page.on("request", lambda request: self.sent.append(f"{request.url} {request.headers} {request.post_data}"))

    def open(self, query=""):
        self.page.goto(PAGE + query)

    def paste(self, text):
        """Paste as a person does: the script has no chance to see it letter by letter."""
        self.open()
        self.page.locator("#pasted").evaluate(
            "(field, text) => { field.value = text; field.dispatchEvent(new ClipboardEvent('paste')); }", text
        )
        self.page.get_by_role("button", name="Find cause").first.click()

    def sees(self, *texts):
        """Wait until the verdict or a check says each of ``texts``."""
        for text in texts:
            expect(self.page.get_by_role("main")).to_contain_text(text)

    def is_done(self):
        """Wait until every check has its result."""
        expect(self.page.locator(".check--pending")).to_have_count(0)


@pytest.fixture
def window(chromium, console, signed_in_state):
    context = chromium.new_context(base_url=console.url, storage_state=signed_in_state)
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Window(page, complaints)
    context.close()
    assert [text for text in complaints if "422" not in text] == []


@contextmanager
def changed(upstream, **change):
    """Change plan or scopes for a while; both are put back."""
    before = upstream.state()
    scopes = next(user["scopes"] for user in before["users"] if user["user_id"] == upstream.known["user_id"])
    who = {"user_id": upstream.known["user_id"]} if "scopes" in change else {}
    upstream.control("plan", upstream.organization(**change, **who))
    try:
        yield
    finally:
        put_back = {"features": before["features"]} if "features" in change else {"scopes": scopes}
        upstream.control("plan", upstream.organization(**put_back, **who))


@contextmanager
def left(upstream, number):
    """Leave so many credits for a while."""
    before = upstream.state()["credits"]
    upstream.control("credits", upstream.organization(credits=number))
    try:
        yield
    finally:
        upstream.control("credits", upstream.organization(credits=before))


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("X-API-Key: {key}", "The key is in X-API-Key, which Cleanlist doesn't read"),
        ("Authorization: Basic {key}", "The request uses basic auth"),
        ("Authorization: {key}", "The word Bearer is missing"),
        ("Authorization: Bearer {cut}", "The key is incomplete"),
        ('Authorization: Bearer "{key}"', "There are quotes around the key"),
        ("Authorization: Bearer clext_{key}", "This is a browser extension key"),
    ],
)
def test_401_by_the_header(window, upstream, header, cause):
    typed = header.format(key=upstream.key, cut=upstream.key[:50])
    name, _, value = typed.partition(": ")
    assert upstream.http.get("/api/v1/public/whoami", headers={name: value}).status_code == 401
    window.paste(command(upstream, typed, "/api/v1/public/whoami"))
    window.sees(cause, "Authorization: Bearer clapi_…")
    window.is_done()
    assert not [sent for sent in window.sent if upstream.key in sent or upstream.key[:50] in sent]


def test_401_of_a_revoked_key_found_without_its_secret_leaving_the_browser(window, upstream):
    secret = upstream.new_key()
    window.open("?topic=key_limit")
    window.is_done()  # the list of keys is read
    upstream.revoke_made()
    assert upstream.call("GET", "/api/v1/public/whoami", secret).status_code == 401

    window.paste(command(upstream, f"Authorization: Bearer {secret}"))

    window.sees("“Made by a test” is no longer active: revoked", "Create a new key")
    window.is_done()
    assert not [sent for sent in window.sent if secret in sent or secret[10:-4] in sent]


def test_402(window, upstream):
    with left(upstream, 3):
        refused = upstream.call("POST", BULK, json={"contacts": [FOUND] * 100})
        assert refused.status_code == 402
        window.paste(raw(refused))
        window.sees("Top up in the portal under Settings", "Retrying the request is safe")
        window.page.get_by_text("Edit details").click()
        window.page.get_by_label("Contacts").fill("100")
        window.page.get_by_label("Enrichment type").select_option("partial")
        window.page.get_by_role("button", name="Check again").click()
        # The sandbox's own traffic goes on: it spends, and gets back what it had reserved and did not need.
        expect(window.page.get_by_role("main")).to_contain_text(
            re.compile(r"\b(8\d|9\d|100) credits are missing for this request")
        )


def test_insufficient_credits_of_the_newer_surface(window, upstream):
    with left(upstream, 0):
        body = {"lead_list_id": "DEFAULT", "linkedin_url": FOUND["linkedin_url"]}
        window.paste(upstream.call("POST", "/api/v1/public/enrichment/person", json=body).text)
        window.sees("The organization is out of credits", "Top up in the portal")


def test_403_insufficient_scope(window, upstream):
    with changed(upstream, scopes=["people:read", "credits:read", "admin:api_keys", "enrich:read"]):
        window.paste(upstream.call("POST", BULK, json={"contacts": [FOUND]}).text)
        window.sees("Missing scope enrich:write", "use the key of someone who has it")


def test_403_of_the_plan(window, upstream):
    with changed(upstream, features=[]):
        refused = upstream.manage("POST", json={"name": "x"})
        assert refused.status_code == 403
        window.paste(refused.text)
        window.sees("Your plan lacks the feature API_ACCESS", "Upgrade the plan in the portal")


def test_422_by_upstreams_words_and_by_the_body_itself(window, upstream):
    body = {"contacts": [FOUND, {"first_name": "Nobody"}]}
    window.paste(upstream.call("POST", BULK, json=body).text)
    window.sees("contacts[1]", "Each contact needs linkedin_url, or first_name")
    window.paste(json.dumps(body))
    window.sees("You pasted a request body", "contacts[1] doesn't identify a person")
    assert "Nobody" not in window.page.url


def test_more_than_250_contacts(window, upstream):
    refused = upstream.call("POST", BULK, json={"contacts": [FOUND] * 251})
    window.paste(raw(refused))
    window.sees("A bulk request can have at most 250 contacts", "Split the list into batches of 250")
    window.paste(json.dumps({"contacts": [FOUND] * 251}))
    window.sees("Split them into 2 requests")


def test_429(window, upstream):
    secret = upstream.new_key()
    answers = []
    while sum(answer.status_code == 429 for answer in answers) < 3:  # a new minute may begin meanwhile
        answers.append(upstream.call("GET", "/api/v1/public/usage", secret))
    window.paste(raw(answers[-1]))
    window.sees("Wait as long as Retry-After says", "time.sleep(wait + random.random())")
    window.is_done()  # the list of keys is read
    window.page.reload()
    window.page.get_by_text("Edit details").click()
    window.page.get_by_label("API key").select_option(f"{NAME} ({secret[:10]}…{secret[-4:]})")
    window.page.get_by_role("button", name="Check again").click()
    window.sees("3 times, last on", re.compile(r"3\d requests; the limit is 30"))
    upstream.revoke_made()


def test_the_webhook_that_never_arrived(window, upstream):
    rows = upstream.call("GET", "/api/v1/public/webhooks/deliveries").json()["deliveries"]
    failed = next(row for row in rows if row["attempt_number"] == 5 and row["status"] == "failed")
    window.paste(failed["workflow_id"])
    window.sees("5 attempts, none acknowledged", "Attempt 5", "fetch or redeliver it", "enrich/status?workflow_id=")


def test_an_empty_enrichment(window, upstream):
    workflow = upstream.finished([NOBODY])
    window.paste(f"the enrichment {workflow} returned nothing")
    window.sees("Nothing was found for 1 of 1 contacts", "Try full, which also looks for phone numbers")
    window.sees("Try another identifier", "Empty results are free")


def test_the_maximum_of_keys(window, upstream):
    refused = None
    while refused is None or not refused.is_error:
        refused = upstream.manage("POST", json={"name": "Made by a test"})
    window.paste(refused.text)
    window.sees("All 10 keys are in use", "Revoke an unused key")
    upstream.revoke_made()


@pytest.mark.parametrize(
    ("symptom", "cause", "help_"),
    [
        ("The secret of a new key is lost", "shows a key's secret once", "Revoke the key, create a new one"),
        ("Smart columns stay “pending”", "hasn't reached these rows yet", "the column ID"),
        ("Enrichments don't appear in a lead list", "one list named DEFAULT", "find DEFAULT"),
        ("CRM push isn't working", "the connection's token has expired", "Check the field mapping"),
        ("5xx, a timeout, or a page instead of JSON", "comes from a proxy", "Try again in a moment"),
    ],
)
def test_a_symptom_picked_from_the_list(window, symptom, cause, help_):
    window.open()
    window.page.get_by_role("link", name=symptom).click()
    window.sees(cause, help_, "What support needs")
    window.is_done()


def test_the_browser_and_the_server_take_out_the_same_secrets(window):
    window.open()
    window.page.locator("#pasted").focus()
    expect(window.page.locator("[data-ready]")).to_have_count(1)
    texts = [*(pasted for pasted, _ in CASES), *(left for _, left in CASES), *HARMLESS]
    cleaned = window.page.evaluate("texts => texts.map((text) => stripSecrets(text, []))", texts)
    assert cleaned == [*(left for _, left in CASES), *(left for _, left in CASES), *HARMLESS]
    assert window.page.evaluate("([text, keys]) => stripSecrets(text, keys)", [f"X {KNOWN}", KEYS]) == f"X {KNOWN_ENDS}"
    pastes = [one["text"] for one in json.loads((PASTES / "pastes.json").read_text())]
    pastes += [one["text"] for one in json.loads((PASTES / "generated.json").read_text())]
    cleaned = window.page.evaluate("texts => texts.map((text) => stripSecrets(text, []))", pastes)
    assert cleaned == [remove_secrets(text).text for text in pastes]
    secret = "9QxT4mVb-7LrKd2_pWzYhNs8EjUcAo3GfIi6RtXvBq1MnHyPlSe5OwDkZuJaCgFb"
    assert not [text for text in cleaned for at in range(len(secret) - 11) if secret[at : at + 12] in text]


def test_what_is_sent_is_shown_before_and_without_script_nothing_is_sent(window, chromium, console, signed_in_state):
    window.open()
    window.page.locator("#pasted").fill(f"Authorization: Bearer {KEY}")
    window.page.locator("#pasted").blur()
    expect(window.page.locator("#pasted")).to_have_value("Authorization: Bearer [key-removed:clapi_,70-characters]")
    window.sees("Secret removed.")

    bare = chromium.new_context(base_url=console.url, storage_state=signed_in_state, java_script_enabled=False)
    page = bare.new_page()
    page.goto(PAGE)
    expect(page.locator("#pasted")).to_be_disabled()
    expect(page.get_by_role("button", name="Find cause").first).to_be_disabled()
    page.get_by_role("link", name="401 Unauthorized").click()
    page.get_by_role("button", name="Run checks").click()
    expect(page.get_by_role("main")).to_contain_text("Cleanlist responds and accepts")
    bare.close()


def test_nothing_is_sent_or_lost_while_what_removes_secrets_is_still_to_come(window):
    page, failing = window.page, [True]
    page.route("**/pasting.*.js", lambda route: route.abort() if failing.pop() else route.continue_())
    window.paste(f"curl -H 'X-API-Key: {KEY}' https://api.cleanlist.ai/api/v1/public/whoami")
    expect(page.get_by_role("status").filter(has_text="Nothing was sent")).to_be_visible()
    assert window.complaints.pop() == "Failed to load resource: net::ERR_FAILED"
    failing.append(False)
    page.get_by_role("button", name="Find cause").first.click()
    window.sees("The key is in X-API-Key")
    assert not [one for one in window.sent if KEY[10:30] in one]


def test_details_can_be_entered_by_hand_also_without_scripts(window, chromium, console, signed_in_state):
    def enter(page):
        page.get_by_role("combobox", name="Symptom").select_option("rate_limited")
        page.locator("#by-hand").get_by_role("button", name="Find cause").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("429 Too Many Requests")

    window.open()
    window.page.get_by_text("Enter details manually").click()
    enter(window.page)
    bare = chromium.new_context(base_url=console.url, storage_state=signed_in_state, java_script_enabled=False)
    page = bare.new_page()
    page.goto(PAGE)
    page.get_by_text("Enter details manually").click()
    page.get_by_role("link", name="Show the form").click()
    enter(page)
    bare.close()


def test_the_support_bundle_is_asked_for_without_the_secrets_that_were_entered(window):
    page, secret = window.page, KEY[12:-4]
    email = page.locator("#bundle-email-text")
    page.goto(f"{PAGE}bundle/")
    page.get_by_label("What you tried").fill(f"A request with {KEY}")
    page.get_by_role("button", name="Preview").click()
    expect(email).to_contain_text("A request with [key-removed:")
    expect(page.get_by_text("A secret was removed before sending")).to_be_visible()
    message = page.get_by_label("Exact error message")
    message.evaluate(
        "(field, text) => { field.value = text; field.dispatchEvent(new ClipboardEvent('paste', {bubbles: true})); }",
        f"The key {KEY} is refused",
    )
    expect(message).to_have_value(re.compile(r"The key \[key-removed:.*\] is refused"))
    page.get_by_label("Workflow id").fill(KEY)
    page.get_by_label("Workflow id").press("Enter")
    expect(email).to_contain_text("Workflow ID: [key-removed:")
    assert any("key-removed" in sent for sent in window.sent)
    assert not [sent for sent in window.sent if secret in sent]
