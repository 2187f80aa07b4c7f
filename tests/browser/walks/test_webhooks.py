"""Task 6: find out why a result never arrived, and deliver it after all.

Only once does the receiver take it, so that failed deliveries are left for other tests.
"""

import csv
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.walks.walker import walked
from tests.webhooks.receivers import answering, receiver, remembering

LIST = "/w/sandbox/webhooks/"


@walked(keyboard=(1440, 768))
def test_find_why_a_webhook_failed_and_redeliver_it(walk):
    page, seen, is_taken = walk.page, [], walk.width == 1440
    walk.open(LIST)
    walk.shortcut("f", page.locator("summary", has_text=re.compile(r"^\s*Filter\s*$")))
    walk.press(page.get_by_role("link", name="Failed", exact=True), at_most=6)
    walk.hears("^[0-9,]+ deliver(y|ies) match")
    walk.has_its_bearings()
    walk.close(page.get_by_role("heading", level=1))
    row = page.get_by_role("row").get_by_role("link", name=re.compile(r"^\d\d:\d\d:\d\d$")).last
    walk.press(row, at_most=60)
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("How to fix it")
    walk.has_its_bearings()
    workflow = drawer.get_by_role("heading", level=2).inner_text()
    walk.press(drawer.get_by_role("link", name="Open workflow"), at_most=10)
    expect(page.get_by_role("heading", level=1)).to_have_text(workflow)
    expect(walk.main).to_contain_text("What it means")
    walk.skip()
    walk.press(page.get_by_role("link", name="Redeliver", exact=True), at_most=6)
    expect(page.get_by_role("heading", level=1)).to_have_text("Redeliver 1 result")
    with receiver(remembering(seen) if is_taken else answering(410)) as url:
        walk.skip()
        walk.to(page.get_by_role("radio").first)
        walk.shortcut("ArrowDown", page.get_by_label("One other URL"))
        walk.enter(page.get_by_label("Other URL", exact=True), url)
        walk.press(page.get_by_role("button", name="Redeliver 1 result"), at_most=3)
        expect(page.get_by_text(f"{is_taken:d} of 1 delivered")).to_be_visible(timeout=90_000)
    if not is_taken:
        expect(page.get_by_role("link", name="Redeliver 1 again")).to_be_visible()
        return
    assert [one.body["workflow_id"] for one in seen] == [workflow]
    with page.expect_download() as report:
        walk.press(page.get_by_role("button", name="Export CSV"), at_most=40)
    (line,) = csv.DictReader(Path(report.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert (line["workflow_id"], line["state"], line["last_status_code"]) == (workflow, "delivered", "200")
    walk.open(f"{LIST}{workflow}/")
    expect(page.get_by_text("This console delivered it")).to_be_visible()
    expect(page.get_by_role("link", name="Redeliver", exact=True)).to_have_count(0)
