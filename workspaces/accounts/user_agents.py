"""Describes User-Agent headers in words. A program can send any header, so it proves nothing."""

from core.sanitize import sanitize_text

# The first match counts, because most browsers also name the ones that they descend from.
_BROWSERS = (
    (("Edg/", "EdgA/", "EdgiOS/", "Edge/"), "Edge"),
    (("OPR/", "OPT/", "OPiOS/", "Opera/"), "Opera"),
    (("SamsungBrowser/",), "Samsung Internet"),
    (("Vivaldi/",), "Vivaldi"),
    (("Firefox/", "FxiOS/"), "Firefox"),
    (("Chrome/", "CriOS/"), "Chrome"),
    (("Safari/",), "Safari"),
)
_SYSTEMS = (
    (("iPhone", "iPod"), "iOS"),
    (("iPad",), "iPadOS"),
    (("Android",), "Android"),
    (("CrOS",), "ChromeOS"),
    (("Windows",), "Windows"),
    (("Macintosh", "Mac OS X"), "macOS"),
    (("Linux", "X11"), "Linux"),
)
_LONGEST_NAME = 60


def browser_in_words(user_agent: str) -> str:
    """Return “Chrome on Linux” for the header of a known browser, else the header itself, cut to 60 characters."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if not browser:
        return sanitize_text(user_agent.strip(), _LONGEST_NAME) or "an unknown browser"
    if (browser, system) == ("Safari", "macOS"):
        system = "macOS or iPadOS"  # by default, Safari on an iPad claims to run on a Mac
    return f"{browser} on {system}" if system else browser


def _first(table: tuple[tuple[tuple[str, ...], str], ...], user_agent: str) -> str:
    return next((name for marks, name in table if any(mark in user_agent for mark in marks)), "")
