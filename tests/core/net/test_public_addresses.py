"""Which addresses count as public: where upstream delivers to, and, more strictly, where the console itself calls."""

import ipaddress

import pytest

from core.net.public_addresses import is_public, parse_ip_address, why_not_public
from sandbox.webhooks import guarded_post

PRIVATE = "10.0.0.8"
BOTH = [
    ("8.8.8.8", True),
    ("2606:4700:4700::1111", True),
    (PRIVATE, False),
    ("127.0.0.1", False),
    ("0.0.0.0", False),  # noqa: S104 - not bound to
    ("169.254.169.254", False),
    ("100.64.0.1", False),
    ("224.0.0.1", False),
    ("255.255.255.255", False),
    ("::", False),
    ("::1", False),
    ("fe80::1", False),
    ("fd00::1", False),
    ("ff02::1", False),
    ("2001:db8::1", False),
    ("::ffff:8.8.8.8", True),
    (f"::ffff:{PRIVATE}", False),
    ("64:ff9b::808:808", True),
    ("64:ff9b::a00:8", False),
    ("2002:a00:8::", False),
    ("2001:0:ffff:ffff::f5ff:fff7", False),
]
# What upstream may deliver to and the console does not call all the same.
STRICTER = ["168.63.129.16", "192.88.99.1", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"]


@pytest.mark.parametrize(("text", "public"), BOTH)
def test_an_address_is_public_if_the_one_it_wraps_is(text, public):
    address = ipaddress.ip_address(text)
    assert (is_public(address), why_not_public(address) == "") == (public, public)
    assert guarded_post.is_public(address) == public


@pytest.mark.parametrize("text", STRICTER)
def test_the_console_calls_fewer_addresses_than_upstream(text):
    address = ipaddress.ip_address(text)
    assert is_public(address)
    assert guarded_post.is_public(address)
    assert why_not_public(address)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("a.example", None)],
)
def test_a_host_is_an_address_where_connecting_takes_it_for_one(host, address):
    expected = address and ipaddress.ip_address(address)
    assert (parse_ip_address(host), guarded_post._parse_ip_address(host)) == (expected, expected)
