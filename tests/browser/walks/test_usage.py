"""Task 7: read the usage, value by value, look closer at a part of it, and come back."""

import re

from playwright.sync_api import expect

from tests.browser.walks.walker import walked

VALUE = r"\d+ \w+ 20\d\d, \d\d:\d\d: [\d,.]+ credits?"


@walked(keyboard=(1024, 390))
def test_read_the_usage_look_closer_and_come_back(walk):
    page = walk.page
    walk.open("/w/sandbox/usage/")
    span = page.locator("summary", has_text="Time range")
    walk.press(span, at_most=40)
    walk.press(page.get_by_role("link", name="Last 30 days"), at_most=6)
    expect(page).to_have_url(re.compile(r"\?since=30d$"))
    walk.hears("^Last 30 days$")
    walk.is_at(span)
    walk.kept_its_place()

    chart = page.get_by_role("application", name=re.compile("^Credit balance"))
    if walk.means == "keyboard":
        walk.to(chart, at_most=8)
        walk.keys("Home", "ArrowRight")
        walk.hears(VALUE)
        walk.keys("Enter")
        walk.hears("Choose the end of the range")
        walk.note_place()
        walk.keys("PageDown", "PageDown", "Enter")
    else:
        walk.to(chart)
        box = chart.bounding_box()
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] * 0.3, middle)
        walk.hears(VALUE)
        walk.note_place()
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
        page.mouse.up()
    page.wait_for_url("**/usage/?start=*")
    expect(span).not_to_contain_text("Last 30 days")
    walk.has_its_bearings()
    walk.kept_its_place()
    page.evaluate("history.back()")  # htmx loads the page anew, in which go_back() may be lost
    expect(span).to_contain_text("Last 30 days")
