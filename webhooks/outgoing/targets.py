"""Parses and checks a URL that somebody supplied, before the network is used.

The URL is parsed once, here. Host, port and request line come from this result, so that no second parser can
understand the URL differently.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

from core.net.public_addresses import Address, why_not_public

MAX_URL_LENGTH = 2_000
# The usual port of https. Lower ones belong to other services, which have no business with webhooks.
HTTPS_PORT, HTTP_PORT, FIRST_UNPRIVILEGED_PORT = 443, 80, 1024
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that mean something inside of a network only (RFC 6761, 6762, 8375 and what clouds use).
_INTERNAL_NAMES = (
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "intranet",
    "home.arpa",
    "onion",
    "cluster.local",
)
_DOES_NOT_SAY = "The URL is incomplete. It needs https://, a host name and a path."


class RequestFailed(Exception):
    """A call that brought no answer: ``reason`` is a name from ``webhooks.reasons``, ``words`` say what happened."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason, self.words = reason, words


class URLNotAllowed(RequestFailed):
    """A URL that must not be called; the words say why and what to do."""


@dataclass(frozen=True)
class Target:
    """What is called: ``host`` in ASCII and lower case, ``path`` as it stands in the request line."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None = None

    @property
    def encrypted(self) -> bool:
        """Return whether the call goes over TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Return host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (HTTPS_PORT if self.encrypted else HTTP_PORT) else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """Parse ``url`` and refuse what can be refused without asking DNS. Raises URLNotAllowed.

    Names are looked up, and their addresses checked, when they are called.
    """
    parts = _split(url)
    host = _host(parts.hostname or "")
    literal = _literal(host)
    encrypted, local = parts.scheme == "https", settings.WEBHOOK_ALLOW_LOCAL_TARGETS
    if not encrypted and not local:
        raise URLNotAllowed(
            "not_https", "Only https is allowed, because webhooks carry personal contact data. Use https://."
        )
    if literal is not None:
        check_public(literal, encrypted=encrypted)
    elif not (local and host == "localhost"):
        _check_name(host)
    return Target(parts.scheme, host, _port(parts, encrypted=encrypted), _path(parts), literal)


def check_public(address: Address, *, encrypted: bool, name: str = "") -> None:
    """Raise Refused unless ``address`` may be called; ``name`` is what was looked up to get there.

    With settings.WEBHOOK_ALLOW_LOCAL_TARGETS loopback may be, over plain HTTP too, and nothing else.
    """
    if settings.WEBHOOK_ALLOW_LOCAL_TARGETS and address.is_loopback:
        return
    problem = why_not_public(address)
    leads = f"{name} resolves to {address}: it" if name else f"{address} is not a public address: it"
    if problem:
        raise URLNotAllowed("not_public", f"{leads} {problem}. Use a URL that is reachable from the internet.")
    if not encrypted:
        raise URLNotAllowed("not_https", "Plain http is allowed for this machine only (loopback). Use https://.")


def _split(url: str) -> SplitResult:
    if len(url.encode(errors="replace")) > MAX_URL_LENGTH:
        raise URLNotAllowed("unknown", f"The URL is longer than {MAX_URL_LENGTH:,} characters.")
    if any(char <= " " or char in "\x7f\\" for char in url):
        raise URLNotAllowed("unknown", "The URL contains a space, a backslash or an invisible character. Remove it.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise URLNotAllowed("unknown", _DOES_NOT_SAY) from None
    if parts.scheme not in {"http", "https"}:
        raise URLNotAllowed("not_https", "The URL must start with https://.")
    if not parts.netloc or not parts.hostname:
        raise URLNotAllowed("unknown", _DOES_NOT_SAY)
    if "@" in parts.netloc:
        raise URLNotAllowed(
            "unknown", "The URL contains a username or password before the host. Remove everything before @."
        )
    return parts


def _host(text: str) -> str:
    """Return the host in ASCII, an international name as DNS has it. Raises URLNotAllowed."""
    host = text.lower()
    if host.endswith("."):
        raise URLNotAllowed("unknown", "The host name ends with a dot. Remove it: certificates don't include it.")
    if host.isascii():
        return host
    try:
        return idna.encode(host, strict=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise URLNotAllowed("unknown", "The host name has invalid letters. Write it in ASCII.") from None


def _literal(host: str) -> Address | None:
    """Read an address in its usual form; None for a name. Raises Refused for the forms that only mislead."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host if "%" not in host else "")
        except ValueError:
            raise URLNotAllowed("unknown", "The text in brackets isn't an IPv6 address.") from None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        pass
    if _NUMBER.fullmatch(host.rpartition(".")[2]) or _is_short_address(host):
        raise URLNotAllowed("not_public", f"{host} is an address in an unusual form. Use a host name or four numbers.")
    return None


def _is_short_address(host: str) -> bool:
    """Return whether connecting would take ``host`` for an address, as it does ``127.1`` and ``0x7f.1``."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _check_name(host: str) -> None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise URLNotAllowed("unknown", f"“{host[:60]}” isn't a host name.")
    if any(host == name or host.endswith(f".{name}") for name in _INTERNAL_NAMES):
        raise URLNotAllowed("not_public", f"{host} is an internal network name. Use a public host name.")
    if len(labels) == 1:
        raise URLNotAllowed("not_public", f"{host} has no dot, so it isn't a public host name. Write the full name.")


def _port(parts: SplitResult, *, encrypted: bool) -> int:
    try:
        port = parts.port
    except ValueError:
        raise URLNotAllowed("unknown", "The port must be a number from 1 to 65535.") from None
    usual = HTTPS_PORT if encrypted else HTTP_PORT
    if port is None:
        return usual
    if port < FIRST_UNPRIVILEGED_PORT and port != usual:
        raise URLNotAllowed("unknown", f"Port {port} belongs to another service. Use {usual} or a port from 1024 up.")
    return port


def _path(parts: SplitResult) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise URLNotAllowed(
            "unknown", "The path contains non-ASCII characters. Percent-encode them, for example %C3%A9."
        )
    return path
