"""What browsers say that they are, in words."""

import pytest

from workspaces.accounts.user_agents import browser_in_words

GECKO = "Mozilla/5.0 ({}; rv:143.0) Gecko/20100101 Firefox/143.0"
BLINK = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
MOBILE_BLINK = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {} Chrome/140.0.0.0 Mobile Safari/537.36"
WEBKIT = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/605.1.15"
WINDOWS, MAC, LINUX = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"
IPHONE = "iPhone; CPU iPhone OS 18_6 like Mac OS X"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (GECKO.format(LINUX), "Firefox on Linux"),
        (GECKO.format("Android 15; Mobile"), "Firefox on Android"),
        (BLINK.format(WINDOWS), "Chrome on Windows"),
        (BLINK.format(MAC), "Chrome on macOS"),
        (BLINK.format("X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (BLINK.format(LINUX).replace("Chrome", "HeadlessChrome"), "Chrome on Linux"),
        (f"{BLINK.format(WINDOWS)} Edg/140.0.0.0", "Edge on Windows"),
        (f"{BLINK.format(WINDOWS)} OPR/121.0.0.0", "Opera on Windows"),
        (f"{BLINK.format(LINUX)} Vivaldi/7.5", "Vivaldi on Linux"),
        (MOBILE_BLINK.format("Linux; Android 10; K", ""), "Chrome on Android"),
        (MOBILE_BLINK.format("Linux; Android 15; SM-S921B", "SamsungBrowser/28.0"), "Samsung Internet on Android"),
        (WEBKIT.format(IPHONE, "Version/18.6 Mobile/15E148"), "Safari on iOS"),
        (WEBKIT.format(IPHONE, "CriOS/140.0.0.0 Mobile/15E148"), "Chrome on iOS"),
        (WEBKIT.format(IPHONE, "FxiOS/143.0 Mobile/15E148"), "Firefox on iOS"),
        (WEBKIT.format("iPad; CPU OS 16_7 like Mac OS X", "Version/16.6 Mobile/15E148"), "Safari on iPadOS"),
        # An iPad says the very same as a Mac.
        (WEBKIT.format(MAC, "Version/18.6"), "Safari on macOS or iPadOS"),
        ("Firefox/1.0", "Firefox"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("python-requests/2.32 Linux", "python-requests/2.32 Linux"),
        ("", "an unknown browser"),
        ("   ", "an unknown browser"),
        ("x" * 500, "x" * 60),
        ("\u202eevil\x07", "\ufffdevil\ufffd"),
    ],
)
def test_a_browser_is_named_with_its_system_and_what_is_unknown_as_it_names_itself(header, words):
    assert browser_in_words(header) == words
