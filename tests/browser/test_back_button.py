"""The back button: pages are there at once, but not for whoever comes after their person."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import launch


@pytest.fixture(scope="module")
def chromium(playwright):
    """A browser with its back/forward cache, which Playwright turns off."""
    browser = launch(playwright, ignore_default_args=["--disable-back-forward-cache"])
    yield browser
    browser.close()


@pytest.fixture
def restored(signed_in):
    """Two pages deep; count what is shown again without being loaded."""
    signed_in.add_init_script("addEventListener('pageshow', (event) => (window.persisted = event.persisted))")
    signed_in.goto("/w/sandbox/keys/")
    signed_in.goto("/w/sandbox/usage/")
    return signed_in


def test_going_back_shows_the_page_as_it_was_left(restored):
    restored.go_back(wait_until="commit")
    restored.wait_for_function("window.persisted === true")
    expect(restored).to_have_url(re.compile("/keys/$"))


def test_after_signing_out_nothing_is_shown_again(restored):
    restored.locator(".user-menu summary").click()
    restored.get_by_role("button", name="Sign out").click()
    restored.wait_for_url("**/accounts/login/**")
    restored.go_back(wait_until="commit")
    restored.wait_for_url("**/accounts/login/?next=**")
