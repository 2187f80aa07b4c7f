"""Decides which IP addresses are public: as upstream does, and more strictly for what the console calls itself."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_CLOUD = {IPv4Address("168.63.129.16")}  # public by its number, and yet only from inside a machine at Azure
_SHARED = ip_network("100.64.0.0/10")
_THIS_MACHINE = ip_network("0.0.0.0/8")
# Python counts them as global: special addresses of protocols, and the former anycast address of 6to4.
_SPECIAL = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))

# Everything that is routed lies in here (RFC 4291); what is left of other prefixes is reserved.
_GLOBAL_UNICAST = ip_network("2000::/3")
# An IPv4 address inside of an IPv6 one. A network with NAT64 gives such addresses to public hosts as well.
_NAT64 = ip_network("64:ff9b::/96")
_WRAPPING = (ip_network("::/96"), ip_network("2002::/16"), ip_network("2001::/32"), ip_network("64:ff9b:1::/48"))


def parse_ip_address(host: str) -> Address | None:
    """Parse ``host`` as an IP address, as connecting would: also ``127.1`` and ``2130706433``. None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Return whether ``address`` is routed on the public internet; one wrapped in another decides."""
    if isinstance(address, IPv6Address):
        teredo = address.teredo
        address = _embedded_ipv4(address) or address.sixtofour or (teredo[1] if teredo else address)
    return address.is_global and not address.is_multicast


def why_not_public(address: Address) -> str:
    """Return what keeps ``address`` from being called, to go after "it"; empty for a public one.

    Of addresses that wrap another only those of NAT64 and IPv4-mapped ones may be called.
    """
    if isinstance(address, IPv4Address):
        return next((words for is_so, words in _V4 if is_so(address)), "")
    inner = _embedded_ipv4(address)
    if inner is not None:
        problem = why_not_public(inner)
        return f"holds {inner}, which {problem}" if problem else ""
    return next((words for is_so, words in _V6 if is_so(address)), "")


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    return address.ipv4_mapped or (IPv4Address(address.packed[-4:]) if address in _NAT64 else None)


_LOOPBACK = "is the console's own machine (loopback)"
_UNSPECIFIED = "stands for the console's own machine (unspecified)"
_LINK_LOCAL = "is link-local, where clouds keep a machine's metadata and credentials"
_MULTICAST = "is a multicast address"
# The first that is true is the most specific.
_V4: tuple[tuple[Callable[[IPv4Address], bool], str], ...] = (
    (lambda address: address.is_loopback, _LOOPBACK),
    (lambda address: address in _THIS_MACHINE, _UNSPECIFIED),
    (lambda address: address.is_link_local or address in _CLOUD, _LINK_LOCAL),
    (lambda address: address in _SHARED, "is shared among a provider's customers (carrier-grade NAT)"),
    (lambda address: address.is_multicast, _MULTICAST),
    (lambda address: address.is_reserved or any(address in network for network in _SPECIAL), "is reserved"),
    (lambda address: not address.is_global, "belongs to a private network"),
)
_V6: tuple[tuple[Callable[[IPv6Address], bool], str], ...] = (
    (lambda address: address.is_loopback, _LOOPBACK),
    (lambda address: address.is_unspecified, _UNSPECIFIED),
    (
        lambda address: any(address in network for network in _WRAPPING),
        "holds an IPv4 address, by which a private one could be reached",
    ),
    (lambda address: address.is_link_local, _LINK_LOCAL),
    (lambda address: address.is_multicast, _MULTICAST),
    (
        lambda address: address not in _GLOBAL_UNICAST or not address.is_global,
        "belongs to a private network or is reserved",
    ),
)
