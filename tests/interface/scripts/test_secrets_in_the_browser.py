"""Copying tells the truth, and a secret that was not copied is not left behind unasked."""

import pytest
from playwright.sync_api import expect

PLAIN_HTTP = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
NOTHING_WORKS = PLAIN_HTTP + "document.execCommand = () => false;"
SECRET = "clapi_not-a-real-secret-0123456789"


def open_secret(page):
    page.get_by_role("button", name="Show a secret").click()
    return page.locator("#sample-secret")


def read_clipboard(page):
    return page.evaluate("navigator.clipboard.readText()")


def test_copy_says_copied_and_has_copied(page):
    dialog = open_secret(page)
    dialog.locator(".button--primary").click()
    expect(dialog.locator(".button--primary")).to_have_text("Copied")
    assert read_clipboard(page) == SECRET


def test_copy_works_on_plain_http(open_page, page):
    plain = open_page(PLAIN_HTTP)
    dialog = open_secret(plain)
    dialog.locator(".button--primary").click()
    expect(dialog.locator(".button--primary")).to_have_text("Copied")
    page.bring_to_front()
    assert read_clipboard(page) == SECRET


def test_where_copying_fails_it_says_how_and_the_guard_stays(open_page):
    page = open_page(NOTHING_WORKS)
    dialog = open_secret(page)
    dialog.locator(".button--primary").click()
    expect(dialog.locator(".button--primary")).to_have_text("Press Ctrl+C to copy")
    expect(page.locator("[data-guard]")).to_have_count(1)
    page.keyboard.press("Control+c")
    expect(dialog.locator(".button--primary")).to_have_text("Copied")
    expect(page.locator("[data-guard]")).to_have_count(0)


def test_a_snippet_is_copied_with_the_secret_in_it(page):
    dialog = open_secret(page)
    dialog.get_by_role("button", name="Copy as export").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert read_clipboard(page) == f"export CLEANLIST_API_KEY={SECRET}"


@pytest.mark.parametrize("leave", ["Escape", "Done"])
def test_closing_without_a_copy_asks_once(page, leave):
    dialog = open_secret(page)

    def close():
        page.keyboard.press("Escape") if leave == "Escape" else dialog.get_by_role("button", name="Done").click()

    close()
    expect(dialog.get_by_text("You have not copied the secret")).to_be_visible()
    close()
    expect(dialog).to_be_hidden()


def test_after_a_copy_nothing_is_asked(page):
    dialog = open_secret(page)
    dialog.locator(".button--primary").click()
    expect(dialog.locator(".button--primary")).to_have_text("Copied")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_leaving_the_page_without_a_copy_is_asked_by_the_browser(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("h1").click()
    page.goto("/?again")
    assert asked == ["beforeunload"]


def test_the_secret_is_masked_until_revealed(page):
    dialog = open_secret(page)
    field = dialog.locator("#new-secret")
    expect(field).to_have_attribute("type", "password")
    dialog.get_by_role("button", name="Show the secret").click()
    expect(field).to_have_attribute("type", "text")


def test_the_env_file_holds_the_secret(page):
    dialog = open_secret(page)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download .env").click()
    assert download.value.suggested_filename == "cleanlist.env"
    assert download.value.path().read_text() == f"CLEANLIST_API_KEY={SECRET}\n"
