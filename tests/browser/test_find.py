"""The search in Chromium: by keyboard, with what was found before, and without ever sending a pasted key."""

import json
import re

import pytest
from playwright.sync_api import expect

KEYS = "/w/sandbox/keys/"


@pytest.fixture
def keys(signed_in):
    """The list of keys of the sandbox's workspace, once it has some."""
    signed_in.goto(KEYS)
    expect(signed_in.get_by_role("link", name="Monitoring", exact=True)).to_be_visible(timeout=60_000)
    return signed_in


@pytest.fixture
def sent(keys):
    """What each request sends from now on."""
    everything = []
    keys.on("request", lambda request: everything.append(f"{request.url} {request.headers} {request.post_data or ''}"))
    return everything


def field(page):
    return page.get_by_role("combobox", name="Search")


def marked(page):
    return page.locator('#find-list [role=option][aria-selected="true"]')


def open_by_keyboard(page):
    page.keyboard.press("Control+k")
    expect(field(page)).to_be_focused()
    expect(page.locator("#find-list [role=option]").first).to_be_visible()


def whole_key(page):
    """A key that has the visible ends of one in the list, as somebody would have found it in a file."""
    page.goto(KEYS)
    known = json.loads(page.locator("#find-key-list").text_content())
    one = next(key for key in known if key["label"] == "Monitoring")
    return one["prefix"] + "x" * 56 + one["last4"]


def test_arrow_keys_walk_over_all_groups_and_around(keys):
    open_by_keyboard(keys)
    keys.keyboard.type("key")
    expect(keys.locator("[data-find-status]")).to_have_text(re.compile("^[0-9]+ results$"))
    options = keys.locator("#find-list [role=option]")
    assert keys.locator("[data-find-status]").text_content() == f"{options.count()} results"
    first, last = options.first.get_attribute("id"), options.last.get_attribute("id")
    expect(field(keys)).to_have_attribute("aria-activedescendant", first)
    keys.keyboard.press("ArrowUp")
    expect(field(keys)).to_have_attribute("aria-activedescendant", last)
    keys.keyboard.press("ArrowDown")
    expect(field(keys)).to_have_attribute("aria-activedescendant", first)


def test_what_was_opened_comes_first_the_next_time_and_is_gone_after_signing_out(keys):
    open_by_keyboard(keys)
    keys.keyboard.type("monit")
    expect(marked(keys)).to_contain_text("Monitoring")
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("heading", level=1)).to_contain_text("Monitoring")
    open_by_keyboard(keys)
    expect(keys.get_by_role("group", name="Recent").get_by_role("option")).to_have_count(1)
    expect(marked(keys)).to_contain_text("Monitoring")
    keys.keyboard.press("Escape")
    keys.locator(".user-menu summary").click()
    keys.get_by_role("button", name="Sign out").click()
    expect(keys).to_have_url(re.compile("/accounts/login/"))
    assert keys.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('find'))") == []


@pytest.mark.parametrize("around", ["{}", "  '{}' ", "Authorization: Bearer {}", "CLEANLIST_API_KEY={}"])
def test_a_pasted_key_is_matched_in_the_browser_and_never_sent(keys, sent, around):
    secret = whole_key(keys)
    del sent[:]
    keys.keyboard.press("Control+k")
    field(keys).fill(around.format(secret))  # before the first answer
    expect(keys.get_by_role("option", name="Monitoring")).to_be_visible()
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("heading", level=1)).to_contain_text("Monitoring")
    assert any("/w/sandbox/find/" in one for one in sent)
    assert [one for one in sent if secret in one or secret[10:30] in one] == []
    assert secret not in keys.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")


def test_a_key_that_is_typed_on_after_its_beginning_was_sent_is_not(keys, sent):
    secret = whole_key(keys)
    open_by_keyboard(keys)
    keys.keyboard.type(secret[:10])
    expect(marked(keys)).to_contain_text("Monitoring")
    keys.keyboard.type(secret[10:30] + "elsewhere")
    expect(keys.locator("[data-find-note]")).to_contain_text("Nothing was sent.")
    keys.keyboard.press("Enter")
    expect(field(keys)).to_be_focused()
    assert any(secret[:10] in one for one in sent)
    assert [one for one in sent if secret[:11] in one] == []


def test_the_page_for_browsers_without_scripts_does_not_send_a_key_either(keys, sent):
    secret = whole_key(keys)
    keys.goto("/w/sandbox/find/")
    keys.get_by_role("searchbox", name="Search").fill(secret)
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("option", name="Monitoring")).to_be_visible()
    assert [one for one in sent if secret[10:30] in one] == []


def test_only_the_last_answer_is_shown(keys):
    open_by_keyboard(keys)

    def slow_first(route):
        if route.request.url.endswith("q=monitoring"):
            keys.wait_for_timeout(400)
        route.continue_()

    keys.route("**/find/?q=*", slow_first)
    with keys.expect_request("**/find/?q=monitoring"):
        field(keys).fill("monitoring")
    field(keys).fill("audit")
    expect(marked(keys)).to_contain_text("Audit")
    keys.unroute_all(behavior="wait")
    expect(marked(keys)).to_contain_text("Audit")


def test_it_says_when_nothing_was_found(keys):
    open_by_keyboard(keys)
    keys.keyboard.type("no such thing")
    expect(keys.locator("[data-find-note]")).to_have_text("Nothing was found for “no such thing”.")
    expect(keys.locator("[data-find-status]")).to_have_text("Nothing was found for “no such thing”.")
    expect(field(keys)).to_have_attribute("aria-expanded", "false")


def test_without_scripts_it_is_a_page(chromium, console, keys):
    context = chromium.new_context(
        base_url=console.url, java_script_enabled=False, storage_state=keys.context.storage_state()
    )
    page = context.new_page()
    page.goto(KEYS)
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_role("searchbox", name="Search").fill("monit")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=re.compile("^Monitoring")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Monitoring")
    context.close()
