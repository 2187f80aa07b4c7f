"""The whole story of a key, in Chromium, against the console and the sandbox as `make run` starts them."""

import re

import httpx
import pytest
from playwright.sync_api import expect

KEYS = "/w/sandbox/keys/"


def call(console, secret):
    return httpx.get(
        f"{console.sandbox_url}/api/v1/public/credits/balance",
        headers={"Authorization": f"Bearer {secret}", "User-Agent": "story/1.0"},
    )


@pytest.fixture
def management(console):
    """The sandbox's management API, called directly: to tidy up, so that the ten active keys never run out."""
    token = console.sandbox_credentials()["session_jwt"]
    with httpx.Client(base_url=console.sandbox_url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def create(signed_in, management):
    """Create a key through the form and return its secret as the page shows it; revoked after the test."""
    names = []

    def created(name):
        names.append(name)
        signed_in.goto(KEYS)
        signed_in.get_by_role("link", name="Create key").click()
        signed_in.get_by_label("Name").fill(name)
        signed_in.get_by_role("main").get_by_role("button", name="Create key").click()
        return signed_in.get_by_label("Secret of").input_value()

    yield created
    for key in management.get("/api/v1/api-keys").json():
        if key["name"] in names and key["is_active"]:
            management.post(f"/api/v1/api-keys/{key['id']}/revoke")


def row(page, name):
    return page.get_by_role("row").filter(has_text=name)


def test_a_key_is_created_used_seen_in_its_log_revoked_and_then_refused(signed_in, console, create):
    secret = create("Story key")
    assert re.fullmatch(r"clapi_[A-Za-z0-9_-]{64}", secret)
    assert call(console, secret).status_code == 200
    signed_in.get_by_role("button", name="Copy", exact=True).first.click()
    signed_in.get_by_role("link", name="View key").click()
    expect(signed_in.get_by_role("heading", name="Story key")).to_be_visible()
    signed_in.get_by_role("button", name="Sync now").click()
    expect(signed_in.get_by_role("main")).to_contain_text("/api/v1/public/credits/balance")
    expect(signed_in.get_by_role("main")).to_contain_text("story/1.0")

    signed_in.get_by_role("link", name="Revoke").first.click()
    expect(signed_in.locator("dialog[open], main").last).to_contain_text("Story key")
    signed_in.get_by_role("button", name=re.compile("^Revoke")).last.click()
    expect(signed_in.get_by_role("main")).to_contain_text(re.compile("revoked", re.IGNORECASE))
    assert call(console, secret).status_code == 401


def test_the_secret_is_gone_once_the_page_is_left(signed_in, create):
    secret = create("Seen once")
    signed_in.get_by_role("button", name="Copy", exact=True).first.click()
    signed_in.goto(KEYS)
    assert secret not in signed_in.content()
    signed_in.go_back()
    assert secret not in signed_in.content()


def test_a_secret_that_was_just_created_is_in_no_file_and_no_line(signed_in, console, create):
    secret = create("Nowhere else").encode()
    signed_in.goto(KEYS)
    files = [path for path in console.var_dir.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path.name for path in files if secret in path.read_bytes()] == []
    assert secret.decode() not in console.text


@pytest.mark.spoiling
def test_revoke_all_asks_for_the_phrase_and_then_strikes_every_key(signed_in, console, create):
    secret = create("Swept away")
    signed_in.goto(f"{KEYS}revoke-all/")
    button = signed_in.get_by_role("button", name=re.compile("^Revoke all"))
    expect(button).to_be_disabled()
    signed_in.get_by_role("textbox").last.fill("revoke all keys")
    button.click()
    expect(signed_in.get_by_role("main")).to_contain_text("revoked successfully")
    assert call(console, secret).status_code == 401
    signed_in.goto(KEYS)
    expect(signed_in.get_by_role("main")).to_contain_text("0 of 10")
