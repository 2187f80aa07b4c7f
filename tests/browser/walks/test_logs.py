"""Task 5: narrow the request log, read a request and the next one, and come back to the row. And the audit trail."""

import re

from playwright.sync_api import expect

from tests.browser.walks.walker import walked

LOG, TRAIL = "/w/sandbox/requests/", "/w/sandbox/audit/"


@walked(keyboard=(1024, 390))
def test_narrow_the_request_log_and_read_requests(walk):
    page = walk.page
    walk.open(LOG)
    search = page.get_by_role("searchbox", name="Search")
    walk.shortcut("/", search)
    walk.is_at(search)
    page.keyboard.type("/api/v1")
    walk.hears("^[0-9,]+ requests? match")
    walk.is_at(search)
    expect(page).to_have_url(re.compile(r"\?q=%2Fapi%2Fv1$"))

    walk.forget()
    toggle = page.locator("summary", has_text=re.compile(r"^\s*Filter\s*$"))
    walk.press(toggle)
    walk.press(page.get_by_role("group", name="Suggestions").get_by_role("link", name="4xx"), at_most=6)
    chip = page.get_by_role("link", name=re.compile("^Remove filter: .*4xx"))
    expect(chip).to_be_visible()
    walk.hears("^[0-9,]+ requests? match")
    walk.has_its_bearings()
    walk.kept_its_place()
    walk.close(page.get_by_role("heading", level=1))

    span = page.locator("summary", has_text="Time range")
    walk.press(span, at_most=2, back=True)
    walk.press(page.get_by_role("link", name="Last 30 days"))
    expect(span).to_contain_text("Last 30 days")
    walk.is_at(span)

    rows = page.get_by_role("row").get_by_role("link", name=re.compile(r"^\d\d:\d\d:\d\d$"))
    walk.press(rows.nth(1))
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Request ID")
    walk.has_its_bearings()
    first = drawer.get_by_role("heading", level=2).inner_text()
    address = page.url
    walk.shortcut("j", drawer.get_by_role("link", name="Next"))
    expect(page).not_to_have_url(address)
    walk.has_its_bearings()
    walk.shortcut("k", drawer.get_by_role("link", name="Previous"))
    expect(page).to_have_url(address)
    expect(drawer.get_by_role("heading", level=2)).to_have_text(first)
    walk.close(drawer.get_by_role("link", name="Close"))
    walk.is_at(rows.nth(1))
    walk.kept_its_place()

    walk.forget()
    walk.press(page.get_by_role("link", name="Clear all"), at_most=12, back=True)
    expect(chip).to_have_count(0)
    walk.hears("^[0-9,]+ requests")
    walk.has_its_bearings()


@walked(keyboard=(1440, 768))
def test_find_what_a_person_did(walk, console):
    page = walk.page
    walk.open(TRAIL)
    actor = page.get_by_role("combobox", name="Actor")
    walk.shortcut("/", actor)
    page.keyboard.type(console.email)
    walk.hears("events? match")
    walk.is_at(actor)
    walk.press(page.get_by_role("row").locator("summary", has_text="Details").first, at_most=20)
    expect(page.get_by_role("row").locator("details[open]").first).to_be_visible()
    walk.has_its_bearings()
    walk.kept_its_place()
