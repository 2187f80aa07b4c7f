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


_PUBLIC = "Use an https:// address that the whole internet can reach; a tunnel gives one to a machine of your own."


def find_url_problem(url: str) -> UrlProblem | None:
    """Return why no webhook can arrive at ``url``, or None."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return UrlProblem("webhook_url is not a valid URL.", "Write it in full, such as https://example.com/hook.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return UrlProblem("webhook_url is not a full URL.", "Start it with https:// and a host name.")
    if parts.username is not None:
        fix = "Take the user name and password out, and put a secret part into the path instead."
        return UrlProblem("webhook_url holds a user name.", fix)
    if not url.isascii() or any(char <= " " for char in url):
        fix = "Percent-encode spaces and letters beyond ASCII; write such a host name in its xn-- form."
        return UrlProblem("webhook_url holds spaces or letters beyond ASCII.", fix)
    return _problem_with_place(parts)


def _problem_with_place(parts: SplitResult) -> UrlProblem | None:
    if parts.scheme != "https":
        return UrlProblem("webhook_url does not use https.", "Start it with https://. Plain http is not called.")
    host = parts.hostname or ""
    address = parse_ip_address(host)
    if address is not None and not is_public(address):
        return UrlProblem(f"webhook_url points to {host}, which is not a public address.", _PUBLIC)
    if host == "localhost" or host.endswith(".localhost"):
        return UrlProblem("webhook_url points to the machine that calls it.", _PUBLIC)
    name = host.rstrip(".")
    if address is None and ("." not in name or name.endswith(_NEVER_PUBLIC)):
        message = f"webhook_url names {host}, which does not exist on the public internet."
        return UrlProblem(message, _PUBLIC, refused=False)
    return None
