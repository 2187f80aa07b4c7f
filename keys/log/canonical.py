"""What is written in many ways, in one: the IP addresses of the log, which networks hold, and endpoints for paths."""

import ipaddress
import re
from functools import lru_cache
from itertools import takewhile
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import BooleanField, F, Func, Value
from django.db.models.lookups import Exact

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses as a dual-stack socket writes them: ::ffff:203.0.113.9.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# An address with the port that it called from, as proxies write it, or as in URLs, where IPv6 is in brackets to
# separate it from the port. The lengths are upper limits.
_BESIDE_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45}(?:%[^\[\]/]{1,64})?)\]|([0-9.]{7,15})(?=:))(?::([0-9]{1,5}))?")
_LAST_PORT = 65535
# Upstream may send any text, and PostgreSQL raises an error on text that is no IP address. These patterns match every
# canonical address and nothing that PostgreSQL rejects: four numbers up to 255; eight hexadecimal groups, or fewer with
# ``::`` in place of those left out.
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}(\.{_OCTET}){{3}}$"
_GROUPS = "[0-9a-f]{1,4}(:[0-9a-f]{1,4})"
_IPV6 = f"^({_GROUPS}{{7}}|(?!([^:]*:){{8}})({_GROUPS}*)?::({_GROUPS}*)?)$"


@lru_cache(maxsize=4096)
def canonical_ip(text: str) -> str:
    """Return the canonical form of an address: IPv4-mapped ones as IPv4, without zone, brackets or port.

    Anything other than a single address is returned unchanged.
    """
    try:
        return str(parse_network(text).network_address) if "/" not in text else text
    except ValueError:
        return text


def is_canonical_ip(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


def parse_network(text: str) -> Network:
    """Parse a network (CIDR), or an address as a network of one, into canonical addresses. Raises ValueError."""
    network = ipaddress.ip_network(_without_port(text.strip()), strict=False)
    if isinstance(network, ipaddress.IPv4Network):
        return network
    address, length = int(network.network_address), network.prefixlen  # a number has no zone
    if length >= _MAPPED.prefixlen and ipaddress.IPv6Address(address) in _MAPPED:
        return ipaddress.IPv4Network((address & 0xFFFFFFFF, length - _MAPPED.prefixlen))
    return ipaddress.IPv6Network((address, length))


def _without_port(text: str) -> str:
    """Return the address if ``text`` is an address in brackets or with a port, otherwise ``text``."""
    found = _BESIDE_PORT.fullmatch(text)
    if found is None or int(found[3] or 0) > _LAST_PORT:
        return text
    return found[1] or found[2]


class _InNetwork(Func):
    """Whether ``column`` is an IP address in a network; false if it is no IP address."""

    function = "in_network"
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, *_: object, **__: object) -> tuple[str, list[object]]:
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        network, value = compiler.compile(self.get_source_expressions()[1])
        valid = _IPV6 if ":" in value[0] else _IPV4
        sql = f"CASE WHEN {column} ~ %s THEN {column}::inet <<= {network}::inet ELSE false END"
        return sql, [*parameters, valid, *parameters, *value]


def in_network(column: str, network: Network) -> Exact:
    return Exact(_InNetwork(F(column), Value(str(network))), Value(True))


@lru_cache(maxsize=4096)
def _contains(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def teach_sqlite(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Define in_network on a new SQLite connection; PostgreSQL does not need it."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("in_network", 2, _contains, deterministic=True)


connection_created.connect(teach_sqlite, dispatch_uid="keys.log.canonical")


# --- endpoints of paths, which keep rollups small ---------------------------------------------------------------

LONGEST_ENDPOINT = 200
_ID = "{id}"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Generated ids: numbers, hexadecimal digests, long segments with a digit, and very long ones. "v1" is kept.
_LOOKS_GENERATED = re.compile(r"[0-9]+|(?=.*[0-9])[0-9a-f]{12,}|(?=.*[0-9]).{20,}|.{65,}", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def endpoint_of(path: str) -> str:
    """Return ``path`` without its query and with each id as ``{id}``. Always begins with a slash."""
    bare = re.split(r"[?#;]", path, maxsplit=1)[0]
    segments = [_collapsed(segment) for segment in bare.split("/") if segment]
    return ("/" + "/".join(segments))[:LONGEST_ENDPOINT]


@lru_cache(maxsize=4096)
def path_prefix(path: str) -> str | None:
    """Return ``path`` up to its first id or its query; None if it has neither, so that it is its own endpoint."""
    endpoint = endpoint_of(path)
    if endpoint == path:
        return None
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(path, endpoint.split(_ID)[0], strict=False))
    return "".join(letter for letter, _ in alike)


def _collapsed(segment: str) -> str:
    return _ID if _UUID.search(segment) or _LOOKS_GENERATED.fullmatch(segment) else segment
