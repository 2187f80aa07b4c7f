"""The Content-Security-Policy allows nothing inline; no template may count on it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if "email" not in path.parts)
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
FORBIDDEN = {
    "an inline style": r"<style|\sstyle=",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an inline handler": r"\son[a-z]+=|\shx-on",
    "code in an htmx attribute": r"hx-vals=['\"]js:|hx-trigger=\"[^\"]*\[",
    "a resource from elsewhere": r"(?:src|href)=\"(?:https?:)?//(?!docs\.)[^\"]+\.(?:js|css|png|svg|woff2?)",
}


def found_in(paths, forbidden):
    """Return what is forbidden and found, by file."""
    assert paths
    texts = {path.relative_to(ROOT): path.read_text() for path in paths}
    found = {
        path: [what for what, pattern in forbidden.items() if re.search(pattern, text)] for path, text in texts.items()
    }
    return {str(path): names for path, names in found.items() if names}


def test_templates_hold_nothing_that_the_policy_refuses():
    assert found_in(TEMPLATES, FORBIDDEN) == {}


def test_scripts_write_text_and_never_markup():
    # htmx's way to swap of the same name is no property: in_place.js has the server's own page swapped.
    pattern = r"innerHTML|outerHTML(?! show:none)|insertAdjacentHTML|document\.write|eval\("
    assert found_in(SCRIPTS, {"markup": pattern}) == {}


def test_every_icon_that_a_template_names_exists():
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "icons.svg").read_text()))
    named = {name for path in TEMPLATES for name in re.findall(r'\bicon[ (]"([\w-]+)"', path.read_text())}
    assert named <= drawn


def test_no_loop_takes_a_name_that_every_page_has():
    """The frame around each page reads them, as `config.web.context` sets them."""
    pattern = r"{% (?:for|with) (?:\w+, )?(?:workspace|can_operate|is_owner)\b|(?:workspace|can_operate|is_owner)=(?!=)"
    assert found_in(TEMPLATES, {"a name of the frame": pattern}) == {}
