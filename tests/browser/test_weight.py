"""What pages weigh, first and again, and of how much they consist."""

import pytest

PAGES = ["/", "/w/sandbox/", "/w/sandbox/keys/"]
FIRST, AGAIN = 60_000, 16_000  # bytes, headers included
REQUESTS, NODES = 8, 1200


@pytest.fixture
def weigh(chromium, signed_in, console):
    """Return a function that loads a page in a browser of its own, and then in the same one again."""
    state = signed_in.context.storage_state()
    context = chromium.new_context(base_url=console.url, viewport={"width": 1440, "height": 900}, storage_state=state)

    def load(url):
        page = context.new_page()
        network, weight, asked = context.new_cdp_session(page), [], []
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
        network.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
        page.goto(url, wait_until="networkidle")
        nodes = page.evaluate("document.querySelectorAll('*').length")
        page.close()
        return sum(weight), len([one for one in asked if not one.startswith("data:")]), nodes

    yield load
    context.close()


@pytest.mark.parametrize("url", PAGES)
def test_a_page_is_light(weigh, url):
    first, requests, nodes = weigh(url)
    again, _, _ = weigh(url)
    assert (first <= FIRST, again <= AGAIN, requests <= REQUESTS) == (True, True, True), (first, again, requests)
    assert nodes <= NODES
