"""Task 8: acknowledge an alert, and take it back. Task 9: switch a rule off and on, and change its level."""

import re

from playwright.sync_api import expect

from tests.browser.walks.walker import walked

ALERTS, RULE = "/w/sandbox/alerts/", "Many errors"


@walked(keyboard=(1440, 768))
def test_acknowledge_an_alert_and_take_it_back(walk):
    page = walk.page
    walk.open(ALERTS)
    acknowledge = page.get_by_role("button", name=re.compile("^Acknowledge : "))
    expect(acknowledge.first).to_be_visible(timeout=60_000)  # until the rules were checked for the first time
    acknowledge = page.get_by_role("button", name=acknowledge.first.inner_text(), exact=True)
    notices = page.get_by_role("list", name="Notices")
    walk.skip()
    walk.press(acknowledge, at_most=12)
    walk.hears("Acknowledged|acknowledged")
    expect(acknowledge).to_have_count(0)
    walk.has_its_bearings()
    walk.kept_its_place()
    walk.forget()
    undo = notices.get_by_role("button", name="Undo")
    walk.shortcut("z", undo)
    expect(acknowledge).to_be_visible()
    walk.hears("no longer acknowledged|taken back|Undone|not acknowledged")
    walk.is_at(acknowledge)
    walk.kept_its_place()
    expect(undo).to_have_count(0)


@walked(keyboard=(1024, 390))
def test_switch_a_rule_off_and_on_and_change_its_level(walk):
    page = walk.page
    walk.open(ALERTS)
    switch = page.get_by_role("switch", name=re.compile(RULE))
    walk.skip()
    walk.press(switch, at_most=70)
    walk.hears("is off")
    expect(switch).to_have_attribute("aria-checked", "false")
    walk.is_at(switch)
    walk.kept_its_place()
    walk.press(switch)
    walk.hears("is on")
    expect(switch).to_have_attribute("aria-checked", "true")
    walk.is_at(switch)
    walk.kept_its_place()

    walk.forget()
    row = page.get_by_role("row", name=re.compile(f"^{RULE}"))
    walk.press(row.locator("summary", has_text="Change level"), at_most=3, back=True)
    level = row.get_by_role("spinbutton", name=re.compile("^Level of"))
    walk.enter(level, "37", at_most=1)
    walk.press(row.get_by_role("button", name="Save"), at_most=1)
    walk.hears("37")
    expect(row).to_contain_text("37%")
    expect(level).to_be_hidden()
    walk.is_at(row.locator("summary", has_text="Change level"))
    walk.kept_its_place()
    walk.shortcut("z", page.get_by_role("button", name="Undo").last)
    expect(row).not_to_contain_text("37%")
    walk.has_its_bearings()
    walk.kept_its_place()


@walked(keyboard=(1440, 390))
def test_a_level_that_is_refused_stays_in_its_field_which_says_why(walk, complaints):
    page = walk.page
    walk.open(ALERTS)
    row = page.get_by_role("row", name=re.compile(f"^{RULE}"))
    summary = row.locator("summary", has_text="Change level")
    assert summary.bounding_box()["height"] >= 24
    walk.skip()
    walk.press(summary, at_most=90)
    level = row.get_by_role("spinbutton", name=re.compile("^Level of"))
    walk.enter(level, "100", at_most=1)
    walk.press(row.get_by_role("button", name="Save"), at_most=1)
    expect(level).to_have_attribute("aria-invalid", "true")
    expect(level).to_have_accessible_description(re.compile("Choose less than 100%"))
    expect(level).to_have_value("100")
    walk.is_at(level)
    walk.kept_its_place()
    walk.enter(level, "36", at_most=0)
    walk.press(row.get_by_role("button", name="Save"), at_most=1)
    expect(row).to_contain_text("36%")
    expect(level).to_be_hidden()
    walk.is_at(summary)
    complaints[:] = [text for text in complaints if "422" not in text]
    walk.shortcut("z", page.get_by_role("button", name="Undo").last)
    expect(row).not_to_contain_text("36%")
