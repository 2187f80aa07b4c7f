"""What pages weigh, first and again, of how much they consist, and that nothing moves while they load."""

import pytest
from playwright.sync_api import expect

from tests.browser.all_pages import all_pages

FIRST, AGAIN = 60_000, 16_000  # bytes, headers included
REQUESTS, NODES, SHIFT = 8, 1200, 0.02
# Nodes after everything has arrived, and the sum of the shifts that nobody caused.
MEASURE = """() => new Promise((found) => {
  let shift = 0;
  const add = (entries) => { for (const one of entries) if (!one.hadRecentInput) shift += one.value; };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => {
    add(observer.takeRecords());
    found({ nodes: document.querySelectorAll("*").length, shift });
  }));
})"""


@pytest.fixture
def weigh(chromium, signed_in, console):
    """Return a function that loads a page in a browser that keeps what it loaded: bytes, requests, nodes and shift."""
    state = signed_in.context.storage_state()
    context = chromium.new_context(base_url=console.url, viewport={"width": 1440, "height": 900}, storage_state=state)

    def load(url, until="load"):
        page = context.new_page()
        network, weight, asked = context.new_cdp_session(page), [], []
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
        network.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
        page.goto(url, wait_until=until)
        page.evaluate(MEASURE)  # two frames, in which parts that are in sight begin to load
        expect(page.locator(".htmx-request")).to_have_count(0)
        measured = page.evaluate(MEASURE)
        page.close()
        return {
            "bytes": sum(weight),
            "requests": len([one for one in asked if not one.startswith("data:")]),
            **measured,
        }

    yield load
    context.close()


@pytest.mark.timeout(300)  # forty pages
def test_every_page_is_light_and_stays_where_it_is(weigh, signed_in):
    """Each page is loaded once, with style sheet, script and icons at hand: for a first visit they are added."""
    pages = all_pages(signed_in)
    first, again = (weigh(pages["start"], until="networkidle")["bytes"] for _ in range(2))
    common = first - again
    found = {name: weigh(url) for name, url in pages.items()}
    assert {
        name: one
        for name, one in found.items()
        if one["bytes"] > AGAIN
        or common + one["bytes"] > FIRST
        or one["requests"] > REQUESTS
        or one["nodes"] > NODES
        or one["shift"] > SHIFT
    } == {}, (common, found)
