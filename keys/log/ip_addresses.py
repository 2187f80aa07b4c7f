"""Canonical IP addresses: one address can be written in many ways, which would differ when compared as text."""

import ipaddress
import re
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses as a dual-stack socket writes them: ::ffff:203.0.113.9.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# An address with the port that it called from, as proxies write it, or as in URLs, where IPv6 is in brackets to
# separate it from the port. The lengths are upper limits.
_BESIDE_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45}(?:%[^\[\]/]{1,64})?)\]|([0-9.]{7,15})(?=:))(?::([0-9]{1,5}))?")
_LAST_PORT = 65535


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
