"""The only sender for URLs that people supply: all webhooks go through here.

Only HTTPS to public IP addresses is allowed; redirects are not followed, and the body of the response is not read. A
host name is resolved once, every IP address is checked, and the connection goes to a checked one, so that the name
cannot change in between (DNS rebinding). `--allow-local-webhooks` also allows loopback, over plain HTTP as well.
"""

import asyncio
import http
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpcore


class UrlRefused(ValueError):
    """A webhook URL that is not allowed; the message says why."""


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# A 2xx must arrive within 10 seconds (documentation of the service, troubleshooting page).
RESPONSE_TIMEOUT = 10.0
USER_AGENT = "cleanlist-sandbox-webhooks/1"

# The messages follow those of the service's troubleshooting page. The outermost known cause decides.
_ERROR_MESSAGES: dict[type[BaseException], str] = {
    UrlRefused: "Refused to connect: {cause}",
    TimeoutError: "Connection timed out: no answer within {seconds:g} s",
    httpcore.TimeoutException: "Connection timed out: no answer within {seconds:g} s",
    socket.gaierror: "DNS error: the host name could not be resolved",
    ssl.SSLError: "TLS error: {tls}",
    ConnectionRefusedError: "Connection refused",
    httpcore.ProtocolError: "Connection closed without a valid HTTP answer",
    httpcore.ReadError: "Connection closed without a valid HTTP answer",
    httpcore.WriteError: "Connection closed without a valid HTTP answer",
}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AllowedTargets:
    """What may be called besides public HTTPS.

    `loopback` allows every loopback port (`--allow-local-webhooks`), `own_ports` only those of the demo's receivers.
    """

    loopback: bool = False
    own_ports: frozenset[int] = frozenset()

    def allows(self, address: IPAddress, port: int, *, encrypted: bool) -> bool:
        """Return whether connections to this IP address are allowed."""
        if address.is_loopback:
            return self.loopback or port in self.own_ports
        return encrypted and is_public(address)


@dataclass(frozen=True, slots=True)
class PostResult:
    """The result of a POST: a status code or an error message."""

    status_code: int | None
    error_message: str | None
    duration_ms: int

    @property
    def acknowledged(self) -> bool:
        """Whether the receiver answered 2xx in time."""
        return self.error_message is None


def is_public(address: IPAddress) -> bool:
    """Return whether an IP address is public, also when it is embedded in another one."""
    if isinstance(address, ipaddress.IPv6Address):
        nat64 = ipaddress.IPv4Address(address.packed[-4:]) if address in _NAT64 else None
        teredo = address.teredo[1] if address.teredo else None
        address = nat64 or address.ipv4_mapped or address.sixtofour or teredo or address
    return address.is_global and not address.is_multicast


def check_url(url: str, targets: AllowedTargets) -> None:
    """Check what can be checked without DNS; names are checked again when they are connected to.

    Raises `UrlRefused`.
    """
    parts = _split(url)
    host, encrypted = parts.hostname or "", parts.scheme == "https"
    address = _parse_ip_address(host)
    if host == "localhost" or host.endswith(".localhost"):
        address = ipaddress.IPv4Address("127.0.0.1")
    if address is None and encrypted:
        return
    if address is not None and targets.allows(address, _port(parts), encrypted=encrypted):
        return
    if not encrypted:
        raise UrlRefused("webhook_url must use https://")
    raise UrlRefused(f"webhook_url must be publicly reachable, and {host} is not a public address")


async def post_json(
    url: str,
    body: bytes,
    targets: AllowedTargets,
    seconds: float = RESPONSE_TIMEOUT,
    ssl_context: ssl.SSLContext | None = None,
) -> PostResult:
    """POST a JSON body. Never raises: each failure becomes the message of the result."""
    started = time.monotonic()
    status: int | None = None
    try:
        check_url(url, targets)
        async with asyncio.timeout(seconds):
            status = await _post(url, body, targets, ssl_context)
        problem = _status_message(status)
    except Exception as error:  # noqa: BLE001, RUF100 - whatever a stranger's server does is a failed attempt
        problem = _error_message(error, seconds)
    return PostResult(status, problem, round((time.monotonic() - started) * 1000))


def answered(status: int) -> PostResult:
    """Return what comes of a receiver that has this status for every call."""
    return PostResult(status, _status_message(status), 0)


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves host names itself and connects only to IP addresses that it has checked."""

    def __init__(self, targets: AllowedTargets, *, encrypted: bool) -> None:
        self._targets = targets
        self._encrypted = encrypted
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of httpcore's backend
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first IP address that accepts, after checking all of them."""
        failure: Exception = OSError(f"{host} has no address")
        for address in await self._checked_addresses(host, port):
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked_addresses(self, host: str, port: int) -> list[IPAddress]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
        for address in addresses:
            if not self._targets.allows(address, port, encrypted=self._encrypted):
                raise UrlRefused(f"{host} resolves to {address}, which is not a public address")
        return addresses


async def _post(url: str, body: bytes, targets: AllowedTargets, ssl_context: ssl.SSLContext | None) -> int:
    guard = _GuardedBackend(targets, encrypted=urlsplit(url).scheme == "https")
    headers = [("Content-Type", "application/json"), ("User-Agent", USER_AGENT)]
    async with (
        httpcore.AsyncConnectionPool(ssl_context=ssl_context, network_backend=guard) as pool,
        pool.stream("POST", url, headers=headers, content=body) as response,
    ):
        return response.status


def _status_message(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    try:
        phrase = f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        phrase = f"HTTP {status}"
    return f"{phrase}: redirects are not followed" if 300 <= status < 400 else phrase


def _error_message(error: Exception, seconds: float) -> str:
    for cause in _causes(error):
        for kind, message in _ERROR_MESSAGES.items():
            if isinstance(cause, kind):
                return message.format(seconds=seconds, cause=cause, tls=_tls_problem(cause))
    return f"Connection failed: {error or type(error).__name__}"


def _tls_problem(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {cause.verify_message}"
    return str(getattr(cause, "reason", None) or "handshake failed").replace("_", " ").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError:
        raise UrlRefused("webhook_url is not a valid URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UrlRefused("webhook_url must be a full https:// URL")
    if parts.username is not None or not url.isascii() or any(char <= " " for char in url):
        raise UrlRefused("webhook_url must be plain ASCII, without spaces and without a user name")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _parse_ip_address(host: str) -> IPAddress | None:
    """Parse an IP address as connecting would, including short forms such as `127.1` and `2130706433`."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
