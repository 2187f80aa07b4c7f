"""Task 1: sign in and land where one wanted to go. Task 2: find anything with one key, and go there.

Each task of this folder is done by keyboard at two widths and by pointer at the two others.
"""

import json
import re

from playwright.sync_api import expect

from tests.browser.walks.walker import walked

ALERTS = "/w/sandbox/alerts/"


@walked(keyboard=(1440, 390))
def test_sign_in_and_go_on_to_a_page(stranger, console):
    walk, page = stranger, stranger.page
    walk.open(ALERTS)
    email, password = page.get_by_label("Email"), page.get_by_label("Password", exact=True)
    walk.is_at(email)
    walk.enter(email, console.email)
    if walk.means == "keyboard":  # wrong ones are counted
        walk.enter(password, "not the password", at_most=3)
        walk.keys("Enter")
        walk.is_at(page.get_by_role("alert").filter(has_text="Wrong email address or password"))
        expect(email).to_have_value(console.email)
    walk.enter(password, console.password, at_most=6)
    walk.press(page.get_by_role("button", name="Sign in", exact=True), at_most=6)
    page.wait_for_url(f"**{ALERTS}")
    expect(page).to_have_title(re.compile("Alerts · Sandbox"))
    walk.skip()
    if walk.is_narrow:
        page.reload()  # or one would have to go backwards
        walk.press(page.get_by_role("button", name="Menu"), at_most=3)
    else:
        page.reload()
    keys = page.get_by_role("navigation", name="Sandbox").get_by_role("link", name="Keys")
    walk.press(keys, at_most=12)
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")


@walked(keyboard=(1024, 768))
def test_find_a_key_by_its_last_four_and_an_act(walk):
    page = walk.page
    walk.open("/w/sandbox/keys/")
    known = json.loads(page.locator("#find-key-list").text_content())
    last_four = next(key["last4"] for key in known if key["label"] == "Monitoring")
    walk.open(ALERTS)
    opener = page.get_by_role("link", name=re.compile("^Search")).locator("visible=true")
    field = page.get_by_role("combobox", name="Search")

    walk.shortcut("Control+k", opener)
    walk.is_at(field)
    page.keyboard.type(last_four)
    found = page.get_by_role("option", name=re.compile("^Monitoring"))
    expect(found).to_have_attribute("aria-selected", "true")
    walk.hears("^[0-9]+ results?")
    walk.shortcut("Enter", found)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Monitoring")

    walk.shortcut("/", opener)
    walk.is_at(field)
    page.keyboard.type("no such thing")
    walk.hears("Nothing was found for “no such thing”")
    walk.keys("Control+a")
    page.keyboard.type("new rule")
    act = page.get_by_role("option", name="Add an alert rule")
    expect(act).to_have_attribute("aria-selected", "true")
    walk.shortcut("Enter", act)
    page.wait_for_url("**/alerts/rules/**")

    if walk.means == "keyboard":
        walk.open(ALERTS)
        walk.to(opener, at_most=5)
        walk.keys("Control+k")
        walk.is_at(field)
        walk.keys("Escape")
        walk.is_at(opener)
