"""A session ends while a page is open: what the page and its person see then, and what keeps a session alive."""

import pytest
from playwright.sync_api import expect

KEYS = "/w/sandbox/keys/?status=active"


def asked_by_itself(page, address, what):
    """Do ``what``; say whether the request for ``address`` that follows tells that the page makes it by itself."""
    with page.expect_request(lambda request: address in request.url and "hx-request" in request.headers) as caught:
        what()
    return "console-automatic" in caught.value.headers


def refresh(page):
    page.evaluate("document.querySelector('#keys-live').dispatchEvent(new CustomEvent('refresh'))")


def sign_in_again(page, console):
    page.get_by_label("Email").fill(console.email)
    page.get_by_label("Password").fill(console.password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def at_keys(signed_in):
    signed_in.goto(KEYS)
    return signed_in


def test_a_page_says_what_it_asks_for_by_itself(at_keys):
    assert asked_by_itself(at_keys, KEYS, lambda: refresh(at_keys))


def test_what_a_person_types_counts_as_theirs(at_keys):
    search = at_keys.get_by_label("Search keys")
    search.wait_for(timeout=60_000)  # until the first keys have been read
    assert not asked_by_itself(at_keys, "q=production", lambda: search.press_sequentially("production"))


def test_a_page_whose_session_is_over_leads_to_the_sign_in_form_and_back(at_keys, console):
    at_keys.context.clear_cookies(name="sessionid")
    refresh(at_keys)
    at_keys.wait_for_url("**/accounts/login/**")
    sign_in_again(at_keys, console)
    at_keys.wait_for_url(f"**{KEYS}")


def test_what_is_sent_after_the_end_is_said_not_to_be_done(signed_in, console):
    signed_in.goto("/account/")
    signed_in.get_by_label("Name").fill("Never saved")
    signed_in.context.clear_cookies(name="sessionid")
    signed_in.get_by_role("button", name="Save").click()
    expect(signed_in.locator("#toasts")).to_contain_text("so nothing was changed")
    sign_in_again(signed_in, console)
    signed_in.wait_for_url("**/account/")
    expect(signed_in.get_by_label("Name")).not_to_have_value("Never saved")


def test_signing_out_everywhere_is_a_button_on_the_page_of_security(signed_in):
    signed_in.goto("/accounts/security/")
    expect(signed_in.get_by_role("main")).to_contain_text("if you're inactive")
    signed_in.get_by_role("link", name="Sign out everywhere…").click()
    signed_in.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(signed_in.locator("#toasts")).to_contain_text("You are signed out everywhere.")
    signed_in.goto("/account/")
    signed_in.wait_for_url("**/accounts/login/**")


def test_after_signing_out_the_back_button_shows_nothing(signed_in):
    signed_in.goto("/w/sandbox/keys/")
    signed_in.goto("/accounts/logout/")
    signed_in.get_by_role("main").get_by_role("button", name="Sign out").click()
    signed_in.wait_for_url("**/accounts/login/**")
    signed_in.go_back()
    signed_in.go_back()
    signed_in.wait_for_url("**/accounts/login/**")


def test_a_page_that_cannot_reach_the_console_says_so_once(at_keys, complaints):
    at_keys.route("**/w/sandbox/keys/**", lambda route: route.abort())
    for _ in range(2):
        with at_keys.expect_event("requestfailed"):
            refresh(at_keys)
    expect(at_keys.locator("#toasts").get_by_text("The console can't be reached.")).to_have_count(1)
    complaints.clear()  # the browser's own, of both requests
