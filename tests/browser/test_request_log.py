"""The request log in Chromium: filters, paging both ways, live, one row in full, export, layout."""

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.layout import SHIFT

LOG = "/w/sandbox/requests/"


@pytest.fixture
def log(signed_in):
    """The log of the sandbox's workspace, once its first readings have landed."""
    signed_in.goto(LOG)
    expect(signed_in.get_by_role("link", name="Older")).to_be_visible(timeout=60_000)
    return signed_in


def times(page):
    return [link.get_attribute("id") for link in page.locator("tr[data-row] .row-link").all()]


def search(page):
    return page.get_by_role("searchbox", name="Search", exact=True)


def status_line(page):
    return page.locator("#announcement")


def test_a_filter_becomes_a_chip_that_removes_it(log):
    log.locator("#filter-more-toggle").click()
    log.get_by_label("Status").fill("2xx")
    log.keyboard.press("Tab")
    expect(log).to_have_url(f"{LOG}?status=2xx")
    expect(log.get_by_label("IP or network")).to_be_focused()
    log.keyboard.press("Escape")
    log.get_by_role("link", name="Remove filter: status 2xx").click()
    expect(log).to_have_url(LOG)
    expect(log.locator("#filter-more-toggle")).to_be_focused()
    expect(log.locator("#id_status")).to_have_value("")


def test_a_key_in_the_search_field_stays_in_the_browser(log):
    sent = []
    log.on("request", lambda request: sent.append(request.url))
    search(log).fill("clapi_abcdefgh0123456789")
    search(log).press("Enter")
    assert search(log).evaluate("field => field.validity.patternMismatch")
    search(log).fill("clapi_abcd")
    expect(log).to_have_url(f"{LOG}?q=clapi_abcd")
    assert [url for url in sent if "clapi_abcde" in url] == []


def test_a_wrong_filter_is_explained_at_its_field_until_it_is_right(log):
    log.locator("#filter-more-toggle").click()
    field = log.get_by_label("IP or network")
    field.fill("nonsense")
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("neither an address nor a network"))
    expect(field).to_be_focused()
    expect(field).to_have_value("nonsense")
    field.fill("203.0.113.0/24")
    field.press("Enter")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(log.locator("tr[data-row]").first).to_be_visible()


def test_the_time_range_is_a_preset_or_fixed_and_keeps_the_other_filters(log):
    log.goto(f"{LOG}?status=2xx")
    toggle = log.locator("#time-range-toggle")
    toggle.click()
    log.get_by_role("link", name="Last 24 hours").click()
    expect(toggle).to_contain_text("Last 24 hours")
    expect(toggle).to_be_focused()
    expect(log).to_have_url(f"{LOG}?status=2xx&since=24h")
    toggle.press("Enter")
    log.get_by_label("From").fill("2026-01-01T00:00")
    log.locator(".time-range").get_by_role("button", name="Apply").click()
    expect(toggle).to_contain_text("From 1 Jan 2026, 00:00")
    expect(log).to_have_url(f"{LOG}?status=2xx&start=2026-01-01T00%3A00")


def test_without_a_script_the_filters_are_a_form(chromium, console, log):
    context = chromium.new_context(
        base_url=console.url, java_script_enabled=False, storage_state=log.context.storage_state()
    )
    page = context.new_page()
    page.goto(LOG)
    note = page.locator(".log-line noscript > span")
    expect(note).to_be_visible()
    expect(note).to_contain_text("this list doesn't refresh by itself")
    for needs_script in ("Live · Pause", "Ctrl K", "Keyboard shortcuts"):
        expect(page.get_by_text(needs_script).filter(visible=True)).to_have_count(0)
    search(page).fill("/api")
    page.get_by_role("button", name="Apply filters").click()
    expect(page).to_have_url(f"{LOG}?q=%2Fapi")
    page.locator(".row-link").first.click()
    expect(page.locator("[data-drawer]")).to_contain_text("Request ID")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile(r"\?q=%2Fapi&row="))
    page.get_by_role("link", name="Close").click()
    expect(page).to_have_url(f"{LOG}?q=%2Fapi")
    context.close()


@pytest.mark.parametrize(("width", "at_most"), [(1440, 320), (1280, 320), (1024, None), (768, None), (390, 800)])
def test_nothing_moves_while_the_page_loads_and_the_first_row_is_in_sight(log, width, at_most):
    log.set_viewport_size({"width": width, "height": 844 if width == 390 else 900})
    log.add_init_script(SHIFT)
    log.goto(LOG)
    expect(log.locator("[data-tally-text]")).to_be_visible()
    if width == 1440:  # elsewhere the statistics are below the list, and come when they are in sight
        expect(log.get_by_role("heading", name="Errors by status and endpoint")).to_be_attached()
    assert log.evaluate("window.shift ?? 0") <= 0.02
    assert log.locator("tr[data-row]").first.bounding_box()["y"] <= (at_most or 900)


def test_paging_goes_there_and_back(log):
    # A range with an end is not live, and nothing arrives in one that has ended.
    log.goto(f"{LOG}?end={datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    first = times(log)
    log.get_by_role("link", name="Older").click()
    expect(log.get_by_role("link", name="Newer")).to_be_visible()
    assert not set(times(log)) & set(first)
    log.get_by_role("link", name="Newer").click()
    expect(log.get_by_role("link", name="Newer")).to_have_count(0)
    assert set(times(log)) & set(first)


def test_live_new_requests_appear_by_themselves_until_paused(log):
    before = set(times(log))
    expect(log.locator("tr.row--new").first).to_be_attached(timeout=90_000)
    assert set(times(log)) - before
    log.get_by_role("button", name="Live · Pause").click()
    expect(log.get_by_role("button", name="Paused · Resume")).to_have_attribute("aria-pressed", "true")


def test_a_row_opens_in_a_drawer_with_a_command_to_copy(log):
    log.goto(f"{LOG}?end={datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    log.locator("tr[data-row] .row-link").first.click()
    expect(log).to_have_url(re.compile("row="))
    drawer = log.get_by_role("dialog")
    expect(drawer).to_contain_text('--header "Authorization: Bearer $CLEANLIST_API_KEY"')
    drawer.get_by_role("link", name="Who used this IP address?").click()
    expect(log).to_have_url(re.compile(r"requests/\?ip="))


def test_the_id_of_a_row_is_copied_without_opening_it(log):
    log.context.grant_permissions(["clipboard-read", "clipboard-write"])
    log.locator("#main").focus()
    log.keyboard.press("j")
    address = log.evaluate("document.activeElement.href")
    log.keyboard.press("c")
    expect(log.get_by_text(re.compile("^Copied [0-9a-f-]{36}$"))).to_be_visible()
    copied = log.evaluate("navigator.clipboard.readText()")
    log.goto(address)
    expect(log.locator("#request-id")).to_have_text(copied)


def test_the_address_of_an_open_row_opens_it_again(log):
    pk = log.locator("tr[data-row] .row-link").nth(2).get_attribute("id").removeprefix("open-")
    log.goto(f"{LOG}?row={pk}")
    expect(log.get_by_role("dialog")).to_contain_text("Request ID")
    expect(log.locator("#statistics h3")).to_have_count(0)
    log.get_by_role("link", name="Close").click()
    expect(log.locator("#statistics h3").first).to_be_visible()
    expect(log).to_have_url(LOG)


def test_what_is_filtered_is_saved_as_a_file(log):
    log.goto(LOG + "?status=422")
    log.get_by_text("Export", exact=True).click()
    expect(log.locator("#export-size")).to_contain_text("rows")
    with log.expect_download() as download:
        log.get_by_role("button", name="CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig") as file:
        assert {line["status_code"] for line in csv.DictReader(file)} == {"422"}


def test_on_paper_there_is_the_table_and_none_of_the_controls(log):
    log.emulate_media(media="print")
    expect(log.locator("table tbody tr[data-row]").first).to_be_visible()
    expect(log.locator("#time-range-toggle")).to_be_visible()
    for controls in ("nav", "button", ".sidebar", ".topbar", ".page__actions", "#filters input", "dialog"):
        assert log.locator(f"{controls}:visible").count() == 0, controls
    paths = log.locator(".log-request > :first-child")
    assert not paths.evaluate_all("all => all.some((each) => each.scrollWidth > each.clientWidth)")


def test_the_account_menu_switches_times_to_utc(log):
    log.locator(".user-menu > summary").click()
    with log.expect_navigation():
        log.locator("[data-time-zone-switch]").get_by_text("UTC").click()
    expect(log.locator("[data-time-zone-switch] [value=utc]")).to_be_checked()
    assert log.url.endswith(LOG)
    log.context.clear_cookies(name="times")


def test_a_page_that_came_in_another_zone_is_loaded_again_in_the_browsers(log):
    """Otherwise its rows are in the old zone, and its statistics and whatever is refreshed in the new one."""
    row = log.locator("tr[data-row] .row-link").first
    known, before = row.get_attribute("id"), row.inner_text()
    (zone,) = (one for one in log.context.cookies() if one["name"] == "tz")
    log.context.add_cookies([zone | {"value": "Asia/Kathmandu"}])
    log.goto(LOG)
    expect(log.locator(f"#{known}")).to_have_text(before)
    assert "Kathmandu" not in str(log.context.cookies())


@pytest.mark.parametrize("url", [LOG, "/w/sandbox/webhooks/"])
def test_c_copies_the_id_of_the_row_that_is_open(log, url):
    log.context.grant_permissions(["clipboard-read", "clipboard-write"])
    log.goto(url)
    log.keyboard.press("j")
    log.keyboard.press("Enter")
    drawer = log.locator("dialog[data-drawer]")
    expect(drawer.get_by_role("button", name="Copy ID")).to_be_visible()
    log.keyboard.press("c")
    expect(drawer.get_by_role("button", name="Copied")).to_be_visible()
    assert log.evaluate("navigator.clipboard.readText()") in drawer.inner_text()
