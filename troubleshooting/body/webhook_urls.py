"""Checks a webhook URL as upstream does, without any request, not even to DNS.

The console's own sender is stricter (``webhooks.outgoing``): what it refuses upstream may still take.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from core.net.public_addresses import is_public, parse_ip_address

# Names that no public DNS server answers for (RFC 6761, RFC 6762, RFC 8375 and ICANN's resolution on .internal).
_NEVER_PUBLIC = (".test", ".example", ".invalid", ".local", ".internal", ".home.arpa", ".onion")


@dataclass(frozen=True)
class UrlProblem:
    """Why a URL cannot work. ``refused``: upstream says so at once; otherwise every delivery fails."""

    message: str
    fix: str
    refused: bool = True


_PUBLIC = "Use an https:// URL that is reachable from the internet. For a local machine, use a tunnel."


def find_url_problem(url: str) -> UrlProblem | None:
    """Return why no webhook can arrive at ``url``, or None."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return UrlProblem("webhook_url isn't a valid URL.", "Write the full URL, such as https://example.com/hook.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return UrlProblem("webhook_url isn't a complete URL.", "Start it with https:// and a host name.")
    if parts.username is not None:
        fix = "Remove the username and password, and put a secret in the path instead."
        return UrlProblem("webhook_url contains a username.", fix)
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
    name = host.rstrip(".")
    if address is None and ("." not in name or name.endswith(_NEVER_PUBLIC)):
        message = f"webhook_url names {host}, which doesn't exist on the public internet."
        return UrlProblem(message, _PUBLIC, refused=False)
    return None
