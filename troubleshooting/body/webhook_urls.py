"""Checks a webhook URL as upstream does, without any request, not even to DNS.

The console's own sender is stricter (``webhooks.outgoing``): what it refuses upstream may still take.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from core.net.public_addresses import is_public, parse_ip_address

# Names that no public DNS server answers for (RFC 6761, RFC 6762, RFC 8375 and ICANN's resolution on .internal).
_NEVER_PUBLIC = (".test", ".example", ".invalid", ".local", ".internal", ".home.arpa", ".onion")

_TEMPLATE = re.compile(r"\{\{[^{}]{0,200}\}\}|\$\{[^{}]{0,200}\}|<[a-z _-]{1,60}>", re.IGNORECASE)
_CHATS = ("hooks.slack.com", "discord.com", "discordapp.com", "outlook.office.com")


@dataclass(frozen=True)
class UrlProblem:
    """Why a URL cannot work. ``refused``: upstream says so at once; otherwise every delivery fails."""

    message: str
    fix: str
    refused: bool = True


_NO_LOGIN = "Remove the username and password, and put a secret in the path instead."
_PUBLIC = "Use an https:// URL that is reachable from the internet. For a local machine, use a tunnel."


def find_url_problem(url: str) -> UrlProblem | None:
    """Return why no webhook can arrive at ``url``, or None."""
    problem = _problem_with_url(url)
    if _TEMPLATE.search(url):
        fix = "Put the URL itself there. Tools fill in placeholders only in fields that are set to expressions."
        is_refused = problem is not None and problem.refused
        return UrlProblem("webhook_url contains a placeholder that wasn't filled in.", fix, is_refused)
    return problem


def _problem_with_url(url: str) -> UrlProblem | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        if "removed]@" in url:  # the mark in place of a login is what keeps it from being one
            return UrlProblem("webhook_url contains a username.", _NO_LOGIN)
        return UrlProblem("webhook_url isn't a valid URL.", "Write the full URL, such as https://example.com/hook.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return UrlProblem("webhook_url isn't a complete URL.", "Start it with https:// and a host name.")
    if parts.username is not None:
        return UrlProblem("webhook_url contains a username.", _NO_LOGIN)
    if not url.isascii() or any(char <= " " for char in url):
        fix = "Percent-encode spaces and non-ASCII characters; write such a host name in its xn-- form."
        return UrlProblem("webhook_url contains spaces or non-ASCII characters.", fix)
    return _problem_with_place(parts)


def _problem_with_place(parts: SplitResult) -> UrlProblem | None:
    if parts.scheme != "https":
        return UrlProblem(
            "webhook_url doesn't use https.", "Start it with https://. Cleanlist doesn't call plain http."
        )
    host = parts.hostname or ""
    address = parse_ip_address(host)
    if address is not None and not is_public(address):
        return UrlProblem(f"webhook_url points to {host}, which is not a public address.", _PUBLIC)
    if host == "localhost" or host.endswith(".localhost"):
        return UrlProblem("webhook_url points to the calling machine itself.", _PUBLIC)
    return _problem_with_name(parts, host.rstrip("."), is_name=address is None)


def _problem_with_name(parts: SplitResult, name: str, *, is_name: bool) -> UrlProblem | None:
    """Return why deliveries fail although upstream takes the URL."""
    if is_name and ("." not in name or name.endswith(_NEVER_PUBLIC)):
        message = f"webhook_url names {name}, which doesn't exist on the public internet."
        return UrlProblem(message, _PUBLIC, refused=False)
    if "/webhook-test/" in parts.path:
        fix = "Activate the workflow and use its production URL, with /webhook/ instead of /webhook-test/."
        return UrlProblem(
            "webhook_url is n8n's test URL, which only works while its editor listens.", fix, refused=False
        )
    if name in _CHATS:
        fix = "Use an endpoint of your own, or an automation, that turns the result into a message."
        return UrlProblem(f"{name} only accepts messages in its own format and rejects results.", fix, refused=False)
    if name in {"example.com", "example.org", "example.net"}:
        return UrlProblem(f"webhook_url names {name}, which is reserved for examples.", _PUBLIC, refused=False)
    if parts.port == 0:
        return UrlProblem("webhook_url has port 0, which no server listens on.", "Remove the port.", refused=False)
    return None
