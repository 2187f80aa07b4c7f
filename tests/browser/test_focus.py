"""Where the focus is when a page opens: on what has to be corrected, or where one goes on."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def phone(signed_in):
    signed_in.set_viewport_size({"width": 390, "height": 844})
    return signed_in


def test_a_mistake_has_the_focus_and_is_in_sight_on_a_phone(phone, complaints):
    phone.goto("/w/sandbox/alerts/emails/")
    phone.get_by_label("Address", exact=True).first.fill("nobody")
    phone.get_by_role("button", name="Add", exact=True).click()
    field = phone.get_by_label("Address", exact=True).first
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport(ratio=1)
    expect(field).to_have_value("nobody")
    expect(phone).to_have_url(re.compile("/alerts/emails/$"))
    complaints[:] = [text for text in complaints if "422" not in text]


def test_a_rule_that_is_refused_leads_to_its_first_mistake_and_a_preview_keeps_the_focus(phone, complaints):
    phone.goto("/w/sandbox/alerts/rules/new/balance_below/")
    name, preview = phone.get_by_label("Name"), phone.get_by_role("button", name="Preview")
    name.fill("")
    phone.get_by_role("button", name="Save").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(name).to_be_in_viewport(ratio=1)
    name.fill("Just watching")
    phone.get_by_label("Fire below").fill("15")
    preview.press("Enter")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(preview).to_be_focused()
    complaints[:] = [text for text in complaints if "422" not in text]


def test_the_first_click_after_a_secret_was_pasted_counts(signed_in):
    signed_in.goto("/w/sandbox/troubleshoot/")
    signed_in.locator("#pasted").fill(
        "status 401 with clapi_9f8e7d6c5b4a39281706f5e4d3c2 and clapi_0a1b2c3d4e5f60718293a4b5c6d7"
    )
    where = signed_in.get_by_role("button", name="Find cause").bounding_box()
    signed_in.mouse.click(where["x"] + where["width"] / 2, where["y"] + 2)
    signed_in.wait_for_url("**/troubleshoot/?*")


def test_several_secrets_are_counted(signed_in):
    signed_in.goto("/w/sandbox/troubleshoot/")
    signed_in.locator("#pasted").fill("clapi_9f8e7d6c5b4a39281706f5e4d3c2, clapi_0a1b2c3d4e5f60718293a4b5c6d7")
    signed_in.locator("#pasted").blur()
    expect(signed_in.get_by_role("status").filter(has_text="removed")).to_contain_text("2 secrets removed")
