"""A result that never arrived, in Chromium: found, understood, and delivered after all."""

import csv
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.webhooks.receivers import receiver, remembering


@pytest.mark.spoiling
def test_a_lost_result_is_found_understood_and_delivered_after_all(signed_in):
    page, seen = signed_in, []
    page.goto("/w/sandbox/webhooks/?state=failed")
    lost = page.locator("tr[data-row] a.row-link").last  # others redeliver the newest
    expect(lost).to_be_visible(timeout=90_000)
    lost.click()
    page.get_by_role("dialog").get_by_role("link", name="Open workflow").click()
    expect(page.get_by_text("What it means")).to_be_visible()
    workflow_url = page.url
    page.get_by_role("link", name="Redeliver", exact=True).click()
    expect(page.get_by_role("heading", name="Redeliver 1 result")).to_be_visible()
    with receiver(remembering(seen)) as url:
        page.get_by_label("One other URL").check()
        page.get_by_label("Other URL", exact=True).fill(url)
        page.get_by_role("button", name="Redeliver 1 result").click()
        expect(page.get_by_text("1 of 1 delivered")).to_be_visible(timeout=90_000)
    expect(page.locator("td").get_by_text("Delivered")).to_be_visible()
    workflow_id = urlsplit(workflow_url).path.split("/")[-2]
    assert [one.body["workflow_id"] for one in seen] == [workflow_id]
    with page.expect_download() as report:
        page.get_by_role("button", name="Export CSV").click()
    (line,) = csv.DictReader(Path(report.value.path()).read_text().splitlines())
    assert (line["workflow_id"], line["state"], line["last_status_code"]) == (workflow_id, "delivered", "200")
    page.goto(workflow_url)
    expect(page.get_by_text("This console delivered it")).to_be_visible()
    expect(page.get_by_role("region", name="Redeliveries by this console").get_by_text("Delivered")).to_be_visible()
    expect(page.get_by_role("link", name="Redeliver", exact=True)).to_have_count(0)
