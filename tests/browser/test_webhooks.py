"""Why did it never arrive? In Chromium: find the failed workflow, read the reason, fetch the result."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from tests.browser.layout import SHIFT
from tests.wait import wait_until

LIST = "/w/sandbox/webhooks/"


@pytest.fixture
def webhooks(signed_in):
    """The list of the sandbox's workspace, once its first reading has landed."""
    signed_in.goto(LIST)
    expect(signed_in.locator("tr[data-row]").first).to_be_visible(timeout=60_000)
    signed_in.goto(LIST)  # with the figures of that reading
    return signed_in


def ask(page, button, answer):
    """Press ``button`` until Cleanlist has answered: other tests use the 30 calls a minute of the console's key too."""

    def is_answered():
        page.get_by_role("button", name=re.compile(f"^({button}|Try again)$")).click()
        try:
            expect(answer).to_be_visible()
        except AssertionError:
            expect(page.get_by_text("Rate limited until").first).to_be_visible()
            return False
        return True

    wait_until(is_answered, seconds=70)


def download(page, address, button):
    """Return what a file of the result holds; pressed again where other tests have used up the key's calls."""
    texts = []

    def has_come():
        page.goto(address.partition("#")[0])
        result = page.locator("#result")
        ask(page, "Fetch result", result.get_by_text("C•••").first)
        try:
            with page.expect_download(timeout=5_000) as coming:
                result.get_by_role("button", name=button).click()
        except Error:
            return False
        texts.append(Path(coming.value.path()).read_text())
        return True

    wait_until(has_come, seconds=150)
    return texts[0]


@pytest.mark.timeout(400)  # each of its calls may have to wait for the key's next minute
def test_a_failed_workflow_is_found_explained_and_its_result_fetched(webhooks):
    webhooks.locator("#webhooks-health > summary").click()
    webhooks.get_by_role("region", name="Failure reasons").get_by_role("link").first.click()
    expect(webhooks).to_have_url(re.compile(r"host=.+&reason=.+&since=7d"))
    expect(webhooks.get_by_text("hidden by filters")).to_be_visible()
    webhooks.goto(f"{webhooks.url}&state=failed")  # without what the sandbox is still retrying
    webhooks.locator("a.row-link").first.click()
    workflow_id = webhooks.get_by_role("dialog").locator("#workflow-id").inner_text()
    webhooks.get_by_role("link", name="Open workflow").click()

    expect(webhooks.get_by_role("heading", level=1)).to_have_text(workflow_id)
    expect(webhooks.get_by_text("All 5 attempts failed. No more retries.")).to_be_visible()
    for heading in ("What it means", "What to check", "How to fix it"):
        expect(webhooks.get_by_text(heading, exact=True)).to_be_visible()
    expect(webhooks.get_by_role("img", name=re.compile("^5 attempts:"))).to_be_visible()

    result = webhooks.get_by_role("region", name="Result")
    ask(webhooks, "Fetch result", result.get_by_text("C•••").first)
    expect(result.get_by_text(re.compile(r"^Contact \d+"))).to_have_count(0)
    result.get_by_role("button", name="Show contact data").click()
    expect(result.get_by_text(re.compile(r"^Contact \d+")).first).to_be_visible()
    address = webhooks.url
    body = json.loads(download(webhooks, address, "JSON"))
    lines = list(csv.DictReader(download(webhooks, address, "CSV").removeprefix("\ufeff").splitlines()))
    assert body["workflow_id"] == workflow_id
    assert len(lines) == len(body["results"]) > 0

    webhooks.get_by_role("navigation", name="Breadcrumb").get_by_role("link").click()
    expect(webhooks).to_have_url(re.compile(r"reason="))
    webhooks.goto("/w/sandbox/audit/")
    trail = webhooks.get_by_role("table")
    expect(trail.get_by_text("Contact data of a result viewed").first).to_be_visible()
    expect(trail.get_by_text("Workflow result downloaded").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_the_figures_come_after_the_list(webhooks, width):
    webhooks.set_viewport_size({"width": width, "height": 900})
    waiting = []

    def hold(route):
        waiting.append(route)

    webhooks.route("**/webhooks/figures/", hold)
    webhooks.goto(LIST)
    with webhooks.expect_request("**/webhooks/figures/"):
        webhooks.locator("#webhooks-health > summary").click()
    to_come = webhooks.locator(".webhooks-strip__row--to-come")
    table = webhooks.get_by_role("table")
    expect(to_come.first).to_be_visible()
    expect(webhooks.locator("[data-tally-text]")).to_be_visible()
    before = table.bounding_box()
    waiting[0].continue_()
    expect(to_come).to_have_count(0)

    expect(webhooks.get_by_role("region", name="Endpoints").get_by_text("attempts").first).to_be_visible()
    assert table.bounding_box() == before


@pytest.mark.parametrize(("width", "at_most"), [(1440, 320), (1280, 320), (1024, None), (768, None), (390, 800)])
def test_nothing_moves_while_the_page_loads_and_the_first_row_is_in_sight(webhooks, width, at_most):
    webhooks.set_viewport_size({"width": width, "height": 844 if width == 390 else 900})
    webhooks.add_init_script(SHIFT)
    webhooks.goto(LIST)
    expect(webhooks.locator("[data-tally-text]")).to_be_visible()
    assert webhooks.evaluate("window.shift ?? 0") <= 0.02
    assert webhooks.locator("tr[data-row]").first.bounding_box()["y"] <= (at_most or 900)


def test_a_workflow_is_looked_up_by_its_id_and_nonsense_is_refused(webhooks):
    webhooks.get_by_text("Missing a webhook?").click()
    webhooks.get_by_label("Workflow ID to look up at Cleanlist").fill("nonsense/../x")
    webhooks.get_by_role("button", name="Look up at Cleanlist").click()
    expect(webhooks.get_by_text("That isn't a workflow ID.")).to_be_visible()

    if not webhooks.get_by_label("Workflow ID to look up at Cleanlist").is_visible():
        webhooks.get_by_text("Missing a webhook?").click()
    webhooks.get_by_label("Workflow ID to look up at Cleanlist").fill("public_bulk_never_heard_of")
    webhooks.get_by_role("button", name="Look up at Cleanlist").click()
    expect(webhooks.get_by_role("heading", level=1)).to_have_text("public_bulk_never_heard_of")
    ask(webhooks, "Refresh", webhooks.get_by_text("Cleanlist doesn't report its status"))
