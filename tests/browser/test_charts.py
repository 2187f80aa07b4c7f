"""Charts: the read-out by keyboard, pointer and finger, the zoom and its URL, the table, and narrow pages."""

import re
from itertools import pairwise
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect


@pytest.fixture
def usage(signed_in):
    signed_in.goto("/w/sandbox/usage/?since=30d")
    return signed_in


def plot(page, name="balance"):
    return page.locator(f"#{name}")


def readout(page, name="balance"):
    return page.locator("[data-chart]", has=plot(page, name)).get_by_role("status")


def at(page, share, name="balance"):
    """Return a place on the plot, in pixels of the window."""
    box = plot(page, name).locator("> svg").bounding_box()
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


TIMED = re.compile(r"\d+ \w+ 20\d\d, \d\d:\d\d: [\d,.]+ credits?")


def test_arrow_keys_move_a_cursor_and_its_value_is_said(usage):
    silent = readout(usage).inner_text()
    plot(usage).focus()
    usage.keyboard.press("End")
    expect(readout(usage)).to_have_text(TIMED)
    last = readout(usage).inner_text()
    usage.keyboard.press("ArrowLeft")
    expect(readout(usage)).not_to_have_text(last)
    usage.keyboard.press("ArrowRight")
    expect(readout(usage)).to_have_text(last)
    usage.keyboard.press("Escape")
    expect(readout(usage)).to_have_text(silent)


def test_the_pointer_reads_values_and_leaves_no_trace(usage):
    silent = readout(usage).inner_text()
    usage.mouse.move(*at(usage, 0.3))
    expect(readout(usage)).to_have_text(TIMED)
    usage.mouse.move(5, 5)
    expect(readout(usage)).to_have_text(silent)


def test_two_clicks_choose_a_range_and_escape_takes_the_first_back(usage):
    usage.mouse.click(*at(usage, 0.3))
    expect(readout(usage)).to_contain_text("Choose the end of the range")
    usage.keyboard.press("Escape")
    expect(readout(usage)).not_to_contain_text("Choose the end")
    usage.mouse.click(*at(usage, 0.3))
    usage.mouse.click(*at(usage, 0.5))
    usage.wait_for_url("**/usage/?start=*")


def test_a_bar_is_a_link_to_its_own_time(usage):
    usage.get_by_text("Show the numbers as a table").click()
    ranges = [unquote(each.get_attribute("href")) for each in usage.locator("#usage-numbers tbody a").all()]
    bar = plot(usage, "spent").locator("[data-chart-bar]")
    usage.mouse.move(*at(usage, 0.2, "spent"))
    url = bar.get_attribute("href")
    assert unquote(url) in ranges
    usage.mouse.move(*at(usage, 0.4, "spent"))
    expect(bar).not_to_have_attribute("href", url)
    usage.mouse.click(*at(usage, 0.2, "spent"))
    usage.wait_for_url(f"**/usage/{url}")
    expect(plot(usage)).to_be_visible()


def test_the_cursor_stays_when_the_page_refreshes(usage):
    plot(usage).focus()
    usage.keyboard.press("Home")
    before = readout(usage).inner_text()
    with usage.expect_response(
        lambda answer: "usage" in answer.url and answer.request.headers.get("hx-request") == "true"
    ):
        usage.evaluate("document.getElementById('usage-living').dispatchEvent(new CustomEvent('refresh'))")
    expect(plot(usage)).to_be_focused()
    expect(readout(usage)).to_have_text(before)


def test_the_numbers_are_a_table_for_everybody(usage):
    usage.get_by_text("Show the numbers as a table").click()
    rows = usage.locator("#usage-numbers tbody tr")
    assert 20 <= rows.count() <= 31
    rows.nth(3).get_by_role("link").click()
    usage.wait_for_url("**/usage/?start=*")


@pytest.mark.parametrize("name", ["1h", "24h", "7d", "30d", "90d", "365d"])
def test_on_a_phone_the_chart_is_in_sight_readable_and_nothing_scrolls_sideways(signed_in, name):
    signed_in.set_viewport_size({"width": 390, "height": 844})
    signed_in.goto(f"/w/sandbox/usage/?since={name}")
    expect(plot(signed_in)).to_be_in_viewport(ratio=0.8)
    assert signed_in.evaluate("document.documentElement.scrollWidth") == 390
    labels = plot(signed_in).locator("text.chart__tick:visible")
    assert 1 <= labels.count() <= 4
    found = [labels.nth(place).bounding_box() for place in range(labels.count())]
    boxes = sorted(found, key=lambda box: box["x"])
    assert all(box["height"] >= 11 for box in boxes)
    assert all(one["x"] + one["width"] < other["x"] for one, other in pairwise(boxes))
    assert signed_in.locator("#balance > svg *").count() <= 250
    wraps = signed_in.locator("#usage-living .table-wrap:visible")
    assert wraps.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).length") == 0


@pytest.mark.parametrize(("width", "is_beside"), [(1440, True), (390, False)])
def test_labels_of_alert_levels_never_lie_on_a_narrow_chart(usage, width, is_beside):
    usage.set_viewport_size({"width": width, "height": 900})
    expect(plot(usage).locator(".chart__threshold").first).to_be_attached()
    expect(plot(usage).get_by_text(re.compile("^Alert ")).first).to_be_visible(visible=is_beside)
    legend = usage.locator("[data-chart]", has=plot(usage)).get_by_role("list", name="Legend")
    expect(legend.get_by_text(re.compile("^Alert (at|below) "))).to_be_visible(visible=not is_beside)
