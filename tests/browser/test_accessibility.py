"""axe finds nothing on the first pages: in both themes, wide and narrow, and nothing scrolls sideways at 400 %."""

from importlib.resources import files

import pytest

PAGES = ["/", "/w/sandbox/", "/w/sandbox/keys/"]
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# What theme and width can change; all other rules are the same in each.
DRAWN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "region", "target-size"]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SETTINGS = [("light", WIDE, None), ("dark", WIDE, DRAWN), ("light", NARROW, DRAWN), ("dark", NARROW, DRAWN)]


def findings(page, only):
    """What axe finds: rule, number of elements, the first of them."""
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    if only:
        options |= {"runOnly": {"type": "rule", "values": only}}
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [(each["id"], len(each["nodes"]), each["nodes"][0]["html"][:200]) for each in found]


@pytest.mark.parametrize("url", PAGES)
def test_a_page_has_no_finding_in_any_theme_and_width(signed_in, url):
    found = {}
    for theme, size, only in SETTINGS:
        signed_in.emulate_media(color_scheme=theme, reduced_motion="reduce")
        signed_in.set_viewport_size(size)
        signed_in.goto(url)  # anew: a page that changes its theme has colors in between
        signed_in.evaluate(AXE)
        found[theme, size["width"]] = findings(signed_in, only)
    assert set(map(tuple, found.values())) == {()}, found


@pytest.mark.parametrize("url", PAGES)
def test_at_400_percent_nothing_scrolls_sideways(signed_in, url):
    signed_in.set_viewport_size({"width": 320, "height": 640})
    signed_in.goto(url)
    assert signed_in.evaluate("document.documentElement.scrollWidth") == 320
