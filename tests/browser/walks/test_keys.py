"""Task 3: create a key, see its secret once and copy it. Task 4: revoke it, after a look at what that breaks."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.walks.walker import walked

KEYS = "/w/sandbox/keys/"
NAME = "Key of a walk"


@pytest.fixture(scope="module", autouse=True)
def _tidied(console):
    """No key of a walk that failed is left, so that the ten active ones never run out."""
    yield
    token = console.sandbox_credentials()["session_jwt"]
    with httpx.Client(base_url=console.sandbox_url, headers={"Authorization": f"Bearer {token}"}) as client:
        for key in client.get("/api/v1/api-keys").json():
            if key["name"] == NAME and key["is_active"]:
                client.post(f"/api/v1/api-keys/{key['id']}/revoke")


@walked(keyboard=(1440, 390))
def test_create_a_key_copy_its_secret_and_revoke_it(walk):
    page = walk.page
    walk.open(KEYS)
    walk.shortcut("n", walk.main.get_by_role("link", name="Create key"))
    name = page.get_by_label("Name")
    walk.is_at(name)
    walk.enter(name, NAME)
    walk.shortcut("Enter", walk.main.get_by_role("button", name="Create key"))
    secret = page.get_by_label(f"Secret of {NAME}")
    expect(secret).to_have_value(re.compile("^clapi_"))
    expect(secret).to_have_attribute("type", "password")
    copy = page.get_by_role("button", name="Copy", exact=True).first
    walk.is_at(copy)
    walk.press(copy)
    walk.hears("^Copied$")
    walk.press(page.get_by_role("button", name="Show the secret"), at_most=40)
    expect(secret).to_have_attribute("type", "text")
    walk.press(page.get_by_role("link", name="View key"))
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)

    walk.skip()
    revoke = walk.main.get_by_role("link", name=re.compile("^Revoke…")).first
    walk.press(revoke)
    dialog = page.get_by_role("dialog")
    walk.is_at(dialog.get_by_role("button", name="Cancel"))
    walk.close(dialog.get_by_role("button", name="Close"))
    walk.is_at(revoke)
    walk.kept_its_place()
    walk.press(revoke)
    expect(dialog).to_contain_text(NAME)
    walk.press(dialog.get_by_role("button", name="Revoke this key"), at_most=6)
    walk.hears("API key revoked")
    expect(dialog).to_have_count(0)
    walk.has_its_bearings()
    expect(walk.main).to_contain_text("Revoked")
    expect(revoke).to_have_count(0)
    walk.kept_its_place()


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_long_names_of_keys_leave_revoke_in_reach_and_c_copies_ids(signed_in, width):
    page = signed_in
    page.set_viewport_size({"width": width, "height": 900})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(KEYS)
    expect(page.locator(".keys-name a bdi").first).to_be_visible(timeout=60_000)  # after the first sync
    page.locator(".keys-name a bdi").first.evaluate("name => name.textContent = 'Production'.repeat(20)")
    row = page.locator("tr[data-row]").first
    revoke = row.get_by_role("link", name="Revoke").bounding_box()
    table = page.locator(".table-wrap:has(tr[data-row])").first
    assert revoke["x"] + revoke["width"] <= width
    assert table.evaluate("wrap => wrap.scrollWidth - wrap.clientWidth") <= 0
    for used in page.locator(".keys-last_used:visible").all():
        assert used.evaluate("cell => cell.scrollWidth - cell.clientWidth") <= 1  # rounded
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.get_by_text("Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == row.get_attribute("data-row-id")
