"""The tour through the sandbox by keyboard alone, on a wide screen and on a phone."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.wait import wait_until

OVERVIEW = "/w/sandbox/"
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


@pytest.fixture(params=SIZES)
def page_of_newcomer(request, page, console, manage):
    """A window of that size, of somebody who has not done anything yet."""
    email = f"newcomer-{request.param}@example.test"
    command = ("createsuperuser", "--noinput", "--email", email)
    made = manage(*command, VAR_DIR=console.var_dir, DJANGO_SUPERUSER_PASSWORD=console.password)
    assert made.returncode == 0, made.stderr
    width, height = SIZES[request.param]
    page.set_viewport_size({"width": width, "height": height})
    sign_in(page, email, console.password)
    return page


@pytest.fixture
def _tidied(console):
    """The balance and the slots of keys are again as they were, for other tests."""
    yield
    known = console.sandbox_credentials()
    with httpx.Client(base_url=console.sandbox_url) as client:
        client.headers["Authorization"] = f"Bearer {known['session_jwt']}"
        for key in client.get("/api/v1/api-keys").json():
            if key["name"] == "Key of the tour" and key["is_active"]:
                client.post(f"/api/v1/api-keys/{key['id']}/revoke")


def checklist(page):
    """The checklist on a freshly opened overview."""
    page.goto(OVERVIEW)
    found = page.get_by_role("region", name="First steps in the sandbox")
    expect(found).to_be_visible()
    return found


def step(page, title):
    return checklist(page).get_by_role("listitem").filter(has_text=title)


def press(page, control):
    """Press Enter on a control that Tab reaches."""
    expect(control).to_be_visible()
    for _ in range(120):
        if control.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(control).to_be_focused()
    page.keyboard.press("Enter")


def follow(page, title, label, role="link"):
    """Press what a step offers, as soon as it does."""
    wait_until(lambda: step(page, title).get_by_role(role, name=label).count(), 60)
    press(page, page.get_by_role("main").get_by_role(role, name=label))


def expect_done(page, title):
    expect(step(page, title).get_by_role("img", name="Done")).to_be_visible()


@pytest.mark.spoiling
@pytest.mark.usefixtures("_tidied")
def test_the_whole_tour(page_of_newcomer):
    page = page_of_newcomer
    main = page.get_by_role("main")
    follow(page, "See why a webhook failed", "View delivery")
    expect(main).to_contain_text("What it means")
    expect_done(page, "See why a webhook failed")

    follow(page, "Redeliver its result", "Redeliver")
    press(page, main.get_by_role("button", name=re.compile("Redeliver 1 result")))
    page.wait_for_url("**/redeliveries/**")
    expect(main).to_contain_text("1 of 1 delivered")
    expect_done(page, "Redeliver its result")

    follow(page, "Create a key", "Create key")
    main.get_by_label("Name").fill("Key of the tour")
    press(page, main.get_by_role("button", name="Create key"))
    press(page, page.get_by_role("button", name="Copy", exact=True).first)
    expect_done(page, "Create a key")

    if step(page, "Let the credits run out").get_by_role("button").count():  # the alert is everybody's
        follow(page, "Let the credits run out", "Set balance to 0", role="button")
        notices = page.get_by_role("list", name="Notices")
        expect(notices).to_contain_text("balance is 0")
        expect(notices.get_by_role("link", name=re.compile("^View alert"))).to_be_visible()
    expect_done(page, "Let the credits run out")

    follow(page, "Read the alert's email", "View email")
    expect(main).to_contain_text("0 credits left")
    expect_done(page, "Read the alert's email")

    sample = step(page, "Find the cause of a 401").locator("code").text_content()
    follow(page, "Find the cause of a 401", "Troubleshoot")
    main.get_by_label("Paste an error, request or id").fill(sample)
    press(page, main.get_by_role("button", name="Find cause").first)
    page.wait_for_url("**topic=unauthorized**")
    expect(checklist(page)).to_contain_text("6 of 6 done")

    if page.viewport_size["width"] == 390:
        press(page, page.get_by_role("button", name="Sandbox", exact=True))
    menu = page.locator(".sandbox-menu:visible")
    press(page, menu.locator("summary"))
    press(page, menu.get_by_role("button", name="Top up to 10,000 credits"))
    expect(page.get_by_role("list", name="Notices")).to_contain_text("balance is 10,000")

    press(page, checklist(page).get_by_role("button", name="Dismiss"))
    expect(page.get_by_role("region", name="First steps in the sandbox")).to_have_count(0)
