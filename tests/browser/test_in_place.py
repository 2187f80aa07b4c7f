"""Acting without leaving the page: focus and scroll position stay, the outcome is announced, Back works."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def stays(signed_in):
    """Open a page and return it; its mark is gone as soon as another page is loaded."""

    def open_page(path):
        signed_in.goto(path)
        signed_in.evaluate("window.stays = true")
        return signed_in

    yield open_page
    assert signed_in.evaluate("window.stays") is True


def notice(page, text):
    return page.get_by_role("list", name="Notices").get_by_text(text)


def press(page, button):
    button.focus()
    page.keyboard.press("Enter")


def test_a_refresh_keeps_the_focus_and_says_what_came_of_it(stays):
    page = stays("/w/sandbox/keys/")
    press(page, page.get_by_role("button", name="Refresh"))
    expect(notice(page, re.compile("API keys"))).to_be_visible()
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()


def step_back(page):
    """Go back to a state of the same page, which htmx loads anew: the next step has to wait for that."""
    with page.expect_event("load"):
        page.evaluate("() => void setTimeout(() => history.back())")


def test_choosing_a_range_changes_the_address_and_back_undoes_it(signed_in):
    signed_in.goto("/w/sandbox/usage/")
    signed_in.evaluate("window.stays = true")
    picker = signed_in.locator("#time-range-toggle")
    picker.click()
    press(signed_in, signed_in.get_by_role("link", name="Last 30 days"))
    expect(signed_in).to_have_url(re.compile(r"\?since=30d$"))
    expect(signed_in.locator("#announcement")).to_have_text("Last 30 days")
    expect(picker).to_be_focused()
    expect(picker).to_contain_text("Last 30 days")
    assert signed_in.evaluate("window.stays") is True
    picker.click()
    signed_in.locator("#id_start").fill("2026-01-01T00:00")
    signed_in.locator("#id_end").fill("2025-01-01T00:00")
    signed_in.get_by_role("button", name="Apply").click()
    expect(signed_in.get_by_text("This is before the time in “From”.")).to_be_visible()
    step_back(signed_in)
    expect(signed_in).to_have_url(re.compile(r"\?since=30d$"))
    step_back(signed_in)
    expect(signed_in).to_have_url(re.compile("/usage/$"))
    expect(picker).not_to_contain_text("Last 30 days")


def test_what_leads_elsewhere_opens_that_page(signed_in):
    signed_in.goto("/w/sandbox/alerts/")
    signed_in.get_by_role("link", name="Less than a week left", exact=True).first.click()
    signed_in.locator("main a[hx-target='#dialog-slot']").click()
    signed_in.evaluate("window.stays = true")
    signed_in.locator("dialog[open] .button--danger").click()
    signed_in.wait_for_url("**/alerts/")
    expect(notice(signed_in, re.compile("Less than a week left"))).to_be_visible()
    assert not signed_in.evaluate("window.stays === true")
