"""An open page follows the alerts, while somebody is in the middle of something."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.walks.walker import walked
from tests.wait import wait_until

SETTINGS = "/w/sandbox/settings/"


@pytest.fixture
def set_balance(console, signed_in):
    """Have the sandbox set its balance, and another window of the same person sync it."""
    known = console.sandbox_credentials()

    def set_to(amount):
        body = {"organization_id": known["organization_id"], "credits": amount}
        headers = {"X-Sandbox-Control": known["control_token"]}
        httpx.post(f"{console.sandbox_url}/_sandbox/credits", json=body, headers=headers).raise_for_status()
        other = signed_in.context.new_page()
        other.goto("/w/sandbox/usage/")
        with other.expect_response(lambda response: "/refresh/" in response.url):
            other.get_by_role("main").get_by_role("button", name="Refresh").click()
        other.close()

    yield set_to
    set_to(20_000)


def ask(page):
    """Have the page ask for changes, as it does every 15 seconds."""
    with page.expect_response(lambda response: "/alerts/live/" in response.url):
        page.evaluate("htmx.trigger('#alert-banners', 'refresh')")


def ask_until(page, count, wanted):
    def is_there():
        ask(page)
        return count() == wanted

    wait_until(is_there, 60)


def active(page):
    """Return how many alerts the title counts."""
    found = re.match(r"\((\d+)\)", page.title())
    return int(found[1]) if found else 0


@pytest.mark.spoiling
@walked(keyboard=(1440, 390))
def test_what_fires_and_recovers_is_on_an_open_page_and_moves_nothing(walk, set_balance):
    page = walk.page
    set_balance(20_000)
    walk.open(SETTINGS)
    before, field = active(page), walk.main.get_by_role("textbox").first
    field.focus()
    set_balance(0)
    banner = page.get_by_role("complementary", name="Critical alert")
    ask_until(page, banner.count, 1)
    walk.hears("^Critical: 0 credits left$")
    expect(banner).to_be_in_viewport(ratio=1)
    expect(page).to_have_title(re.compile(rf"^\({before + 1}\) Settings"))
    expect(page.locator("#favicon")).to_have_attribute("href", re.compile("favicon-alert"))
    walk.is_at(field)

    walk.open(SETTINGS)
    expect(banner).to_be_visible()
    set_balance(20_000)
    ask_until(page, banner.count, 0)
    walk.hears("^Resolved: 0 credits left$")
    expect(page.get_by_role("complementary", name="No longer active")).to_contain_text("Resolved: 0 credits left")
    assert active(page) == before
