"""Somebody who walks through the console, by keyboard or by pointer, and notices what goes wrong on the way."""

import pytest
from playwright.sync_api import expect

HEIGHTS = {1440: 900, 1024: 768, 768: 1024, 390: 844}
SHIFT = 0.02  # of the layout, for each page, without what somebody's own act moved

# What a screen reader says by itself goes into window.heard. Shifts are told through the console's debug messages.
WATCH = """
const LIVE = "[role=status], [role=alert], [aria-live]:not([aria-live=off])";
window.heard = [];
addEventListener("DOMContentLoaded", () => {
  const hear = (region) => {
    const words = region?.textContent.replace(/\\s+/g, " ").trim();
    if (words && heard.at(-1) !== words) heard.push(words);
  };
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      hear((target.closest ? target : target.parentElement)?.closest(LIVE));
      for (const node of addedNodes) if (node.matches?.("[role=alert]")) hear(node);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120)).join(" | ");
    if (!entry.hadRecentInput) console.debug("moved", entry.value, performance.timeOrigin + location.pathname, moved);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


class Walk:
    """A window of a certain width. Each act is done by the means; what is said and where things are is the same."""

    def __init__(self, page, width):
        self.page, self.width = page, width
        self.main = page.get_by_role("main")
        self.is_narrow = width < 900
        self.top, self.moved = 0, []
        page.add_init_script(WATCH)
        page.on("console", self._note)

    def _note(self, message):
        if message.type == "debug" and message.text.startswith("moved "):
            self.moved.append(message.text.split(" ", 3)[1:])

    def open(self, path):
        """Open a page by its address."""
        self.page.goto(path)

    def keys(self, *keys):
        """Press some keys, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def hears(self, words):
        """Wait until a live region has said something that matches since the page was loaded."""
        said = "(words) => window.heard?.some(each => new RegExp(words).test(each))"
        try:
            self.page.wait_for_function(said, arg=words, timeout=10_000)
        except Exception:
            raise AssertionError(f"nobody said {words!r}, only {self.page.evaluate('window.heard')}") from None

    def forget(self):
        """Hear only what is said from now on."""
        self.page.evaluate("window.heard.length = 0")

    def is_at(self, control):
        """The focus is there, and in sight."""
        expect(control).to_be_focused()
        expect(control).to_be_in_viewport()

    def kept_its_place(self):
        """The page is still the one on which something was pressed last, and was not scrolled by that."""
        assert self.page.evaluate("window.pressed") is True, "the page was loaded anew"
        now = self.page.evaluate("Math.min(scrollY, document.documentElement.scrollHeight - innerHeight)")
        assert abs(now - self.top) < 5, f"scrolled from {self.top} to {now}"

    def has_its_bearings(self):
        """The focus is somewhere, and nothing has to be scrolled sideways."""
        self.page.wait_for_function("() => document.activeElement !== document.body")
        self.fits()

    def fits(self):
        """Nothing has to be scrolled sideways."""
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= self.width, f"{self.page.url} is {wide} px wide"

    def has_moved_little(self):
        """No page's layout has shifted by itself."""
        for load in {load for _, load, *_ in self.moved}:
            mine = [each for each in self.moved if each[1] == load]
            assert sum(float(value) for value, *_ in mine) <= SHIFT, mine

    def note_place(self):
        """Note where the page is, for ``kept_its_place``; every press does so."""
        self.top = self.page.evaluate("(window.pressed = true, scrollY)")


class ByKeyboard(Walk):
    """Nothing but keys: Tab, arrows, Enter, Escape, shortcuts."""

    means = "keyboard"

    def to(self, control, at_most=30, back=False):
        """Press Tab until the focus is on ``control``; with Shift to go ``back``."""
        expect(control).to_be_visible()
        is_there = "control => control === document.activeElement"
        for _ in range(at_most):
            if control.evaluate(is_there):
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        assert control.evaluate(is_there), f"{control} was not reached with {at_most} times Tab"
        expect(control).to_be_in_viewport()

    def skip(self):
        """Skip what is on every page."""
        self.keys("Tab")
        expect(self.page.get_by_role("link", name="Skip to content")).to_be_focused()
        self.keys("Enter")
        expect(self.main).to_be_focused()

    def press(self, control, at_most=30, back=False):
        """Press Enter on ``control``."""
        self.to(control, at_most, back)
        self.note_place()
        self.keys("Enter")

    def shortcut(self, key, _control):
        """Do by its key what a pointer does on a control."""
        self.note_place()
        self.keys(key)

    def enter(self, field, text, at_most=30):
        """Go to ``field`` and replace what is in it."""
        self.to(field, at_most)
        self.keys("Control+a")
        self.page.keyboard.type(text)

    def close(self, _control):
        """Close what lies above the page."""
        self.keys("Escape")


class ByPointer(Walk):
    """Clicks; the keyboard is only for what is typed into fields."""

    means = "pointer"

    def to(self, control, at_most=0, back=False):
        """Bring ``control`` in sight."""
        control.scroll_into_view_if_needed()

    def skip(self):
        """There is nothing to skip."""

    def press(self, control, at_most=0, back=False):
        """Click on ``control``."""
        self.to(control)
        self.note_place()
        control.click()

    def shortcut(self, _key, control):
        """Click on what the key is for."""
        self.press(control)

    def enter(self, field, text, at_most=0):
        """Click into ``field`` and replace what is in it."""
        field.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def close(self, control):
        """Click on what closes it."""
        control.click()


def walked(*, keyboard):
    """Do a task four times: by keyboard at these two widths and by pointer at the other two."""
    ways = [("keyboard", width) if width in keyboard else ("pointer", width) for width in HEIGHTS]
    return pytest.mark.parametrize("way", ways, indirect=True, ids=[f"{means}-{width}" for means, width in ways])
