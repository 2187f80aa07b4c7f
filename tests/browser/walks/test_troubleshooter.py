"""Task 10: paste a 401, and read its cause."""

import re

from playwright.sync_api import expect

from tests.browser.walks.walker import walked

SECRET = "clapi_9f8e7d6c5b4a39281706f5e4d3c2"
PASTED = f"curl -H 'X-API-Key: {SECRET}' https://api.cleanlist.ai/api/v1/public/whoami\nHTTP/1.1 401 Unauthorized"


@walked(keyboard=(1440, 768))
def test_paste_a_401_and_read_its_cause(walk):
    page, sent = walk.page, []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
    walk.open("/w/sandbox/troubleshoot/")
    walk.skip()
    field = page.get_by_label("Paste an error, request or id")
    walk.enter(field, "")
    page.keyboard.insert_text(PASTED)
    walk.shortcut("Control+Enter", page.get_by_role("button", name="Find cause").first)
    page.wait_for_url(re.compile("/troubleshoot/[?]"))
    expect(walk.main).to_contain_text("X-API-Key, which Cleanlist doesn't read")
    assert [one for one in sent if SECRET in one] == []
    expect(page.locator(".check--pending")).to_have_count(0)
    walk.fits()
