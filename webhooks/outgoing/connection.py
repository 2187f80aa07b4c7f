"""Resolves and checks addresses, connects, and starts TLS, each within the rest of the total time."""

import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import Any

import certifi
import httpcore

from cleanlist.timeouts import Deadline
from core.net.public_addresses import Address
from webhooks.outgoing.targets import RequestFailed, Target, check_public

# The system's resolver has no time-out, so it runs in a thread that may be abandoned; so many at most.
_MAX_LOOKUPS = 16
_lookups = threading.BoundedSemaphore(_MAX_LOOKUPS)
MAX_ADDRESSES = 4
# What an answer's beginning, its headers and the part of the body that is read may have together.
MAX_BYTES = 64 * 1024
_NAME_PROBLEMS = {62, 63, 64}  # X509_V_ERR_HOSTNAME_, EMAIL_ and IP_ADDRESS_MISMATCH
_DATE_PROBLEMS = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED


class CertificateRejected(RequestFailed):
    """A certificate that was not accepted; ``part`` is what is wrong about it: "chain", "name" or "date"."""

    def __init__(self, words: str, part: str) -> None:
        super().__init__("tls", words)
        self.part = part


Resolved = Sequence[tuple[object, object, object, object, Sequence[object]]]  # as of ``getaddrinfo``


def resolve_addresses(target: Target, deadline: Deadline) -> list[Address]:
    """Return every address of the target's name; the only DNS query. Raises RequestFailed."""
    if target.literal is not None:
        return [target.literal]
    found: SimpleQueue[Resolved | Exception] = SimpleQueue()
    seconds = min(deadline.timeouts.connect, deadline.remaining())
    if not _lookups.acquire(timeout=seconds):
        raise RequestFailed("dns", "DNS error: too many lookups are pending")
    threading.Thread(target=_resolve_in_thread, args=(target, found), daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except Empty:
        raise RequestFailed("dns", f"DNS error: no answer for {target.host} within {seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise RequestFailed("dns", f"DNS error: the host name {target.host} was not found") from answer
    # A zone ("%eth0") only ever belongs to addresses that are refused.
    return list(dict.fromkeys(ip_address(str(info[4][0]).partition("%")[0]) for info in answer))


def _resolve_in_thread(target: Target, found: "SimpleQueue[Resolved | Exception]") -> None:
    try:
        found.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        found.put(error)
    finally:
        _lookups.release()


def check_addresses(target: Target, addresses: Sequence[Address]) -> None:
    """Raise URLNotAllowed unless all of ``addresses`` are allowed: one that is not makes the name untrustworthy."""
    for address in addresses:
        check_public(address, encrypted=target.encrypted, name="" if target.literal else target.host)


def connect(target: Target, addresses: Sequence[Address], deadline: Deadline) -> tuple[socket.socket, Address]:
    """Return a connection to the first of the checked ``addresses`` that accepts one. Raises RequestFailed."""
    tried = addresses[:MAX_ADDRESSES]
    failure = RequestFailed("dns", f"DNS error: {target.host} has no address")
    for position, address in enumerate(tried):
        # A silent address must leave time for the next ones.
        seconds = min(deadline.timeouts.connect, deadline.remaining() / (len(tried) - position))
        try:
            return _connected(address, target.port, max(seconds, 0.001)), address
        except TimeoutError:
            failure = RequestFailed(
                "timeout", f"Connection timed out: {address} did not respond within {seconds:.0f} s"
            )
        except OSError as error:
            failure = RequestFailed("refused", _why_refused(error, address))
    raise failure


def _connected(address: Address, port: int, seconds: float) -> socket.socket:
    """Connect to the IP address itself; the resolver is not asked again."""
    connection = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


def _why_refused(error: OSError, address: Address) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"Connection refused by {address}"
    return f"Connection failed: {error.strerror or 'no route'} ({address})"


@cache
def trusted_tls_context() -> ssl.SSLContext:
    """Return what public certificates are checked with, names and dates included; nothing from the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    return context


def start_tls(connection: socket.socket, target: Target, deadline: Deadline) -> ssl.SSLSocket:
    """Return the connection with TLS on it, its certificate checked for the target's name.

    Raises RequestFailed, and closes the connection then.
    """
    try:
        connection.settimeout(max(deadline.remaining(), 0.001))
        return trusted_tls_context().wrap_socket(connection, server_hostname=target.host)
    except (OSError, ValueError) as error:
        connection.close()
        raise _tls_error(error) from error


def _tls_error(error: Exception) -> RequestFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_error(error)
    if isinstance(error, TimeoutError):
        return RequestFailed("timeout", "Connection timed out: no TLS handshake in time")
    why = str(getattr(error, "reason", None) or "the connection was closed").replace("_", " ").lower()
    return RequestFailed("tls", f"TLS error: {why}")


def _certificate_error(error: ssl.SSLCertVerificationError) -> CertificateRejected:
    code = error.verify_code
    part = "name" if code in _NAME_PROBLEMS else "date" if code in _DATE_PROBLEMS else "chain"
    return CertificateRejected(f"TLS error: certificate not accepted: {error.verify_message}", part)


@dataclass(frozen=True)
class Certificate:
    """Facts of an accepted certificate; untrusted text like everything that a server sends."""

    protocol: str
    issuer: str
    names: list[str]
    ends_at: datetime


def read_certificate(connection: ssl.SSLSocket) -> Certificate:
    """Return the certificate with which TLS was started."""
    facts: dict[str, Any] = connection.getpeercert() or {}
    issuer = {name: value for part in facts.get("issuer", ()) for name, value in part}
    return Certificate(
        protocol=connection.version() or "TLS",
        issuer=str(issuer.get("organizationName") or issuer.get("commonName") or "an authority without a name"),
        names=[str(value) for _, value in facts.get("subjectAltName", ())],
        ends_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(facts["notAfter"]), UTC),
    )


class DeadlineStream(httpcore.NetworkStream):
    """A stream for httpcore that ends with the deadline or after MAX_BYTES, whatever the other side does."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection, self._deadline, self._room = connection, deadline, MAX_BYTES

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline counts
        """Return what has come. Raises TimeoutError, RequestFailed for too much, or OSError."""
        if self._room <= 0:
            raise RequestFailed("closed", f"The response headers were longer than {MAX_BYTES // 1024} KiB")
        self._set_timeout()
        data = self._connection.recv(min(max_bytes, self._room))
        self._room -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline counts
        """Send all of ``buffer``. A server that hangs up early may still have answered, so that is httpcore's error."""
        self._set_timeout()
        try:
            self._connection.sendall(buffer)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _set_timeout(self) -> None:
        if self._deadline.passed():
            raise TimeoutError("the total time is used up")
        self._connection.settimeout(self._deadline.remaining())
