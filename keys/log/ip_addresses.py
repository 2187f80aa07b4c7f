"""IP addresses in one form each, because one client's may be written in many ways: as text, they would differ."""

import ipaddress
import re
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses as a socket for both families writes them: ::ffff:203.0.113.9.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# As proxies write an address with the port that it called from, or as URLs do: of IPv6 in brackets, which tell the two
# apart. None is longer than this.
_BESIDE_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45}(?:%[^\[\]/]{1,64})?)\]|([0-9.]{7,15})(?=:))(?::([0-9]{1,5}))?")
_LAST_PORT = 65535


@lru_cache(maxsize=4096)
def canonical_ip(text: str) -> str:
    """Return an address in the form that all its forms share, IPv4-mapped ones as IPv4, without zone, brackets or port.

    What is no address, or is several, comes back as it is.
    """
    try:
        return str(parse_network(text).network_address) if "/" not in text else text
    except ValueError:
        return text


def is_canonical_ip(text: str) -> bool:
    """Return whether ``text`` is an address in canonical form."""
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


def parse_network(text: str) -> Network:
    """Read a network (CIDR), or an address as a network of one, of canonical addresses. Raises ValueError."""
    network = ipaddress.ip_network(_without_port(text.strip()), strict=False)
    if isinstance(network, ipaddress.IPv4Network):
        return network
    address, length = int(network.network_address), network.prefixlen  # as a number it has no zone
    if length >= _MAPPED.prefixlen and ipaddress.IPv6Address(address) in _MAPPED:
        return ipaddress.IPv4Network((address & 0xFFFFFFFF, length - _MAPPED.prefixlen))
    return ipaddress.IPv6Network((address, length))


def _without_port(text: str) -> str:
    """Return the address in ``text`` where it stands in brackets or before a port, else ``text``."""
    found = _BESIDE_PORT.fullmatch(text)
    if found is None or int(found[3] or 0) > _LAST_PORT:
        return text
    return found[1] or found[2]
