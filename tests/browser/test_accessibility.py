"""axe finds nothing on any page: in both themes, wide and narrow, folded and unfolded, with menus and dialogs open.

On each page, which is loaded once: without colors of its own the current entry of the navigation is still marked, and
nothing scrolls sideways at 400 %.
"""

import subprocess
import sys
from importlib.resources import files

import pytest
from playwright.sync_api import expect

from tests.browser.all_pages import all_pages
from tests.conftest import ROOT, clean_environment

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDE, NARROW, AT_400_PERCENT = (1440, 900), (390, 844), (320, 640)
# What a theme can change, and what a width can; all other rules are the same in each.
COLORS = ["color-contrast", "link-in-text-block"]
LAYOUT = [*COLORS, "scrollable-region-focusable", "region", "target-size"]
SETTINGS = [("dark", WIDE, COLORS), ("dark", NARROW, COLORS), ("light", NARROW, LAYOUT)]
SIDEWAYS = """() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  return wide > 0 ? [`${wide} px sideways`] : [];
}"""
# Outlined, since forced colors take backgrounds away.
UNMARKED = """() => [...document.querySelectorAll(".nav__link[aria-current], .chip[aria-current]")]
  .filter((link) => link.checkVisibility() && getComputedStyle(link).outlineStyle === "none")
  .map((link) => `not marked as current: ${link.textContent}`)"""

# A workspace without anything, and one for which nothing works any more.
TWO_WORKSPACES = """
from datetime import timedelta
from core import clock
from workspaces.models import Poll, Workspace
now = clock.now()
for slug in ("empty", "failing"):
    Workspace.objects.create(name=slug.title(), slug=slug, base_url="https://api.example.test")
failing = Workspace.objects.filter(slug="failing")
failing.update(api_key_rejected_at=now, api_key_rejection="Cleanlist returned 401.")
for resource in ("balance", "keys", "deliveries"):
    Poll.objects.create(
        workspace=failing.get(), resource=resource, interval_seconds=60, consecutive_failures=5,
        last_error="Cleanlist does not respond.", last_success_at=now - timedelta(hours=5),
        next_run_at=now + timedelta(days=1),
    )
"""
WITHOUT_THEM = (
    "from workspaces.models import Workspace; Workspace.objects.filter(slug__in=['empty', 'failing']).delete()"
)
OF_A_WORKSPACE = ("", "keys/", "requests/", "usage/", "alerts/", "webhooks/", "troubleshoot/", "polling/", "settings/")


class Inspection:
    """A window in which axe is run, and what it has found, by page and state."""

    def __init__(self, page):
        self.page, self.found = page, {}

    def open(self, url):
        self.draw("light", WIDE)
        assert self.page.goto(url).status == 200, url
        self.page.evaluate(AXE)
        self.settle()

    def settle(self):
        """Wait for parts that are loaded after the page, or when they come in sight."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        expect(self.page.locator(".htmx-request")).to_have_count(0)

    def draw(self, theme, size):
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce", forced_colors="none")
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def run(self, state, within=None, only=None):
        """Note what axe finds: rule, number of elements, the first of them and why."""
        options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
        if only:
            options |= {"runOnly": {"type": "rule", "values": only}}
        call = "([within, options]) => axe.run(within ?? document, options)"
        found = self.page.evaluate(call, [within, options])["violations"]
        self.note(state, [(one["id"], len(one["nodes"]), *self._first(one["nodes"])) for one in found])

    def note(self, state, found):
        if found:
            self.found[state] = found

    def run_drawn(self, state):
        """Run it in the other themes and widths too, which the page takes on without being loaded again."""
        for theme, size, only in SETTINGS:
            self.draw(theme, size)
            self.run(f"{state}, {theme}, {size[0]}", only=only)

    def look_otherwise(self, state):
        """Note what is lost without colors, or at four times the size."""
        self.draw("light", WIDE)
        self.page.emulate_media(forced_colors="active")
        self.note(f"{state}, forced colors", self.page.evaluate(UNMARKED))
        self.draw("light", AT_400_PERCENT)
        self.note(f"{state}, 400 %", self.page.evaluate(SIDEWAYS))
        self.draw("light", WIDE)

    @staticmethod
    def _first(nodes):
        reasons = [each["message"] for each in (*nodes[0]["any"], *nodes[0]["all"], *nodes[0]["none"])]
        return nodes[0]["html"][:200], reasons[:1]


@pytest.fixture
def inspection(signed_in):
    return Inspection(signed_in)


@pytest.mark.timeout(400)  # forty pages
def test_no_page_has_a_finding(inspection, signed_in):
    for name, url in all_pages(signed_in).items():
        inspection.open(url)
        inspection.run(name)
        signed_in.evaluate("for (const fold of document.querySelectorAll('details.fold')) fold.open = true")
        inspection.settle()
        inspection.run_drawn(name)
        inspection.look_otherwise(name)
        is_covered = signed_in.locator("dialog:modal").count()
        for menu in [] if is_covered else signed_in.locator("main details[data-menu] > summary").all():
            menu.click()
            inspection.run(f"{name}, menu {menu.inner_text()}", within="main details[data-menu][open]")
            menu.click()
    assert inspection.found == {}


def test_nor_have_menus_and_dialogs(inspection, signed_in, console):
    inspection.open("/w/sandbox/keys/")
    for menu in ("workspace", "sandbox", "user"):
        summary = signed_in.locator(f".sidebar .{menu}-menu > summary")
        summary.click()
        inspection.run(f"{menu} menu", within=f".sidebar .{menu}-menu")
        inspection.draw("dark", WIDE)
        inspection.run(f"{menu} menu, dark", within=f".sidebar .{menu}-menu", only=COLORS)
        inspection.draw("light", WIDE)
        summary.click()
    signed_in.keyboard.press("?")
    inspection.run("shortcuts")
    signed_in.keyboard.press("Escape")
    signed_in.keyboard.press("Control+k")
    signed_in.keyboard.type("key")
    expect(signed_in.get_by_role("option").first).to_be_visible()
    inspection.run("search")
    inspection.run_drawn("search")
    inspection.draw("light", WIDE)
    signed_in.keyboard.press("Escape")
    signed_in.locator("tbody").get_by_role("link", name="Revoke").first.click()
    expect(signed_in.get_by_role("dialog")).to_be_visible()
    inspection.run("revoke")
    inspection.run_drawn("revoke")
    signed_in.keyboard.press("Escape")
    signed_in.get_by_role("button", name="Menu").click()
    inspection.run("sidebar", within="#sidebar")
    inspection.draw("dark", NARROW)
    inspection.run("sidebar, dark", within="#sidebar", only=COLORS)
    assert inspection.found == {}


@pytest.fixture
def two_workspaces(console):
    def run(script):
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", script]
        subprocess.run(command, cwd=ROOT, env=clean_environment(VAR_DIR=console.var_dir), check=True, timeout=60)

    run(TWO_WORKSPACES)
    yield ("empty", "failing")
    run(WITHOUT_THEM)


@pytest.mark.timeout(400)  # eighteen pages
def test_nor_have_workspaces_that_are_empty_or_fail(two_workspaces, inspection):
    for slug in two_workspaces:
        for path in OF_A_WORKSPACE:
            name = f"{slug}: {path or 'overview'}"
            inspection.open(f"/w/{slug}/{path}")
            inspection.run(name)
            inspection.run_drawn(name)
            inspection.look_otherwise(name)
    assert inspection.found == {}
