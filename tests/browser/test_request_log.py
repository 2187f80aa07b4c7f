"""The request log in Chromium: filters, paging both ways, live, one row in full, export."""

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

LOG = "/w/sandbox/requests/"


@pytest.fixture
def log(signed_in):
    """The log of the sandbox's workspace, once its first readings have landed."""
    signed_in.goto(LOG)
    expect(signed_in.get_by_role("link", name="Older")).to_be_visible(timeout=60_000)
    return signed_in


def times(page):
    return [cell.get_attribute("id") for cell in page.locator("tr[data-row]").all()]


def test_filters_are_typed_kept_in_the_address_and_taken_out_by_their_chips(log):
    log.get_by_label("Path").fill("/api/v1/public/credits")
    log.get_by_label("Status").fill("2xx")
    log.get_by_role("button", name="Filter").click()
    expect(log).to_have_url(re.compile(r"path=%2Fapi%2Fv1%2Fpublic%2Fcredits&status=2xx"))
    paths = log.locator(".log-request .log-cut:first-child").all_inner_texts()
    assert paths
    assert all("/api/v1/public/credits" in path for path in paths)
    log.get_by_role("link", name="status 2xx").click()
    expect(log).not_to_have_url(re.compile("status"))


def test_a_wrong_filter_is_explained_at_its_field(log):
    log.get_by_label("IP or network").fill("nonsense")
    log.keyboard.press("Enter")
    field = log.get_by_label("IP or network")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("neither an address nor a network"))


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
    log.get_by_role("button", name="Live: pause").click()
    expect(log.get_by_role("button", name="Paused: go on")).to_have_attribute("aria-pressed", "true")


def test_a_row_opens_in_place_with_a_command_to_copy_and_the_figures_beside_it(log):
    expect(log.get_by_role("heading", name="Errors by status and endpoint")).to_be_visible()
    log.locator("tr[data-row] .row-link").first.click()
    expect(log).to_have_url(re.compile("row="))
    expect(log.locator(".log-open")).to_contain_text('--header "Authorization: Bearer $CLEANLIST_API_KEY"')
    log.get_by_role("link", name="Who used this IP address?").click()
    expect(log).to_have_url(re.compile(r"requests/\?ip="))


def test_what_is_filtered_is_saved_as_a_file(log):
    log.goto(LOG + "?status=422")
    with log.expect_download() as download:
        log.get_by_role("button", name="Export CSV").click()
    with Path(download.value.path()).open() as file:
        assert {line["status_code"] for line in csv.DictReader(file)} == {"422"}
