"""The audit trail in Chromium: its filters, and where its rows begin."""

import pytest
from playwright.sync_api import expect

from tests.browser.layout import SHIFT

TRAIL = "/w/sandbox/audit/"


def test_a_filter_applies_in_place_and_what_matches_is_announced(signed_in):
    signed_in.goto(TRAIL)
    signed_in.locator("#filter-more-toggle").click()
    signed_in.get_by_label("Outcome").focus()
    signed_in.get_by_label("Outcome").select_option("succeeded")
    expect(signed_in).to_have_url(f"{TRAIL}?outcome=succeeded")
    expect(signed_in.locator("#announcement")).to_contain_text("match")
    expect(signed_in.get_by_label("Outcome")).to_be_focused()
    signed_in.get_by_role("link", name="Remove filter: succeeded").click()
    expect(signed_in).to_have_url(TRAIL)


@pytest.mark.parametrize(("width", "height", "at_most"), [(1440, 900, 320), (390, 844, 800)])
def test_the_first_row_is_in_sight_and_nothing_moves(signed_in, width, height, at_most):
    signed_in.set_viewport_size({"width": width, "height": height})
    signed_in.add_init_script(SHIFT)
    signed_in.goto(TRAIL)
    assert signed_in.locator("tr[data-row]").first.bounding_box()["y"] <= at_most
    assert signed_in.evaluate("window.shift ?? 0") <= 0.02
