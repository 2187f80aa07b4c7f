"""What a browser says that it is, in words. Whoever writes a program may have it say anything: it proves nothing."""

from core.sanitize import sanitize_text

# The first that fits counts: most browsers name those that they descend from as well.
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
    """Return “Chrome on Linux” for the header of a known browser, else what the header says, cut to 60 characters."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if not browser:
        return sanitize_text(user_agent.strip(), _LONGEST_NAME) or "an unknown browser"
    if (browser, system) == ("Safari", "macOS"):
        system = "macOS or iPadOS"  # by default an iPad's Safari says that it is a Mac's
    return f"{browser} on {system}" if system else browser


def _first(table: tuple[tuple[tuple[str, ...], str], ...], user_agent: str) -> str:
    return next((name for marks, name in table if any(mark in user_agent for mark in marks)), "")
