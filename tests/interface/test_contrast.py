"""Text is readable in both themes: WCAG 2.2 AA wants 4.5:1 for text and 3:1 for the borders of controls."""

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[2] / "static" / "css" / "tokens.css").read_text()
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", TOKENS)
}
GROUNDS = ("canvas", "surface", "sunken", "raised", "hover")
TEXT = [(text, ground) for text in ("text", "text-muted", "text-faint", "accent") for ground in GROUNDS]
TEXT += [(level, f"{level}-soft") for level in ("ok", "warning", "danger", "info", "neutral")]
TEXT += [(level, ground) for level in ("ok", "warning", "danger") for ground in ("canvas", "surface", "raised")]
TEXT += [("text", f"{level}-soft") for level in ("ok", "warning", "danger", "info", "accent")]
TEXT += [("on-accent", fill) for fill in ("accent-fill", "accent-fill-hover", "danger-fill", "danger-fill-hover")]
TEXT += [("text-muted", "accent-soft"), ("accent", "accent-soft")]


def luminance(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other, theme):
    low, high = sorted(luminance(COLOURS[name][theme]) for name in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_stands_out_from_its_ground(text, ground, theme):
    assert contrast(text, ground, theme) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "canvas", "raised"])
def test_the_borders_of_controls_and_the_focus_ring_are_visible(ground, theme):
    assert contrast("border-strong", ground, theme) >= 3
    assert contrast("focus", ground, theme) >= 3
