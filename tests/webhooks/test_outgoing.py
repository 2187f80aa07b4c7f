"""The guarded sender: what it refuses to call, and what it does with servers that behave badly."""

import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address

import pytest

from tests.webhooks.certificates import NOW
from tests.webhooks.receivers import answering, receiver
from webhooks.outgoing import post, sender
from webhooks.reasons import reason_named

HOST = "hooks.receiver.example"
# Each with a part of what the person is told.
HOSTILE = {
    "http://example.com/hook": "Only https",
    "ftp://example.com/hook": "start with https",
    "file:///etc/passwd": "start with https",
    "gopher://127.0.0.1:6379/_PING": "start with https",
    "javascript:alert(1)": "start with https",
    "//example.com/hook": "start with https",
    "example.com/hook": "start with https",
    "": "start with https",
    "https:///hook": "is incomplete",
    "https://": "is incomplete",
    "https:example.com": "is incomplete",
    "https://[::1": "is incomplete",
    "https://127.0.0.1/": "loopback",
    "https://127.255.255.254/": "loopback",
    "https://127.0.0.1:8443/": "loopback",
    "https://localhost/": "internal network",
    "https://LOCALHOST/": "internal network",
    "https://api.localhost/": "internal network",
    "https://redis/": "no dot",
    "https://printer.local/": "internal network",
    "https://metadata.google.internal/computeMetadata/v1/": "internal network",
    "https://kubernetes.default.svc.cluster.local/": "internal network",
    "https://0.0.0.0/": "unspecified",
    "https://0.1.2.3/": "unspecified",
    "https://10.0.0.8/": "private network",
    "https://172.16.0.1/": "private network",
    "https://172.31.255.255/": "private network",
    "https://192.168.1.1/": "private network",
    "https://169.254.169.254/latest/meta-data/": "link-local",
    "https://168.63.129.16/": "metadata",
    "https://100.64.0.1/": "carrier-grade NAT",
    "https://100.100.100.200/": "carrier-grade NAT",
    "https://192.0.0.192/": "reserved",
    "https://192.0.2.1/": "private network",
    "https://198.18.0.1/": "private network",
    "https://192.88.99.1/": "reserved",
    "https://224.0.0.1/": "multicast",
    "https://240.0.0.1/": "reserved",
    "https://255.255.255.255/": "reserved",
    "https://[::1]/": "loopback",
    "https://[::]/": "unspecified",
    "https://[0:0:0:0:0:0:0:1]:8443/": "loopback",
    "https://[::ffff:127.0.0.1]/": "holds 127.0.0.1, which is the console's own machine",
    "https://[::ffff:7f00:1]/": "holds 127.0.0.1",
    "https://[::ffff:169.254.169.254]/": "holds 169.254.169.254",
    "https://[::127.0.0.1]/": "holds an IPv4 address",
    "https://[2002:7f00:1::]/": "holds an IPv4 address",
    "https://[2002:a9fe:a9fe::1]/": "holds an IPv4 address",
    "https://[2001:0:53aa:64c:0:0:80ff:fffe]/": "holds an IPv4 address",
    "https://[64:ff9b::7f00:1]/": "holds 127.0.0.1",
    "https://[64:ff9b::a9fe:a9fe]/": "holds 169.254.169.254",
    "https://[64:ff9b:1::a00:1]/": "holds an IPv4 address",
    "https://[fe80::1]/": "link-local",
    "https://[fe80::1%25eth0]/": "an IPv6 address",
    "https://[fc00::1]/": "private network",
    "https://[fd00:ec2::254]/": "private network",
    "https://[fec0::1]/": "reserved",
    "https://[ff02::1]/": "multicast",
    "https://[2001:db8::1]/": "reserved",
    "https://[100::1]/": "reserved",
    "https://127.1/": "unusual form",
    "https://0x7f.1/": "unusual form",
    "https://0x7f000001/": "unusual form",
    "https://0177.0.0.1/": "unusual form",
    "https://2130706433/": "unusual form",
    "https://017700000001/": "unusual form",
    "https://example.com.2130706433/": "unusual form",
    "https://256.256.256.256/": "unusual form",
    "https://127.0.0.1./": "ends with a dot",
    "https://localhost./": "ends with a dot",
    "https://example.com./": "ends with a dot",
    "https://user@example.com/": "username",
    "https://user:password@127.0.0.1/": "username",
    "https://example.com@127.0.0.1/": "username",
    "https://127.0.0.1@example.com/": "username",
    "https://example.com\\@127.0.0.1/": "backslash",
    "https://127.0.0.1\t.example.com/": "invisible",
    "https://example.com/ HTTP/1.1\r\nHost: x": "invisible",
    "https://exam ple.com/": "space",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/": "letters",  # digits of full width
    "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/": "letters",  # circled
    "https://127\u30020\u30020\u30021/": "letters",  # full stops that are none
    "https://exa_mple..com/": "isn't a host name",
    "https://-example.com/": "isn't a host name",
    "https://%6c%6f%63%61lhost/": "isn't a host name",
    "https://example.com:0/": "Port 0",
    "https://example.com:22/": "Port 22",
    "https://example.com:25/": "Port 25",
    "https://example.com:65536/": "1 to 65535",
    "https://example.com:https/": "1 to 65535",
    "https://example.com/é": "Percent-encode",
    "https://example.com/" + "x" * 2000: "longer than",
}


@pytest.fixture
def nothing_is_asked(monkeypatch):
    """Fail when anything goes out, be it a look-up or a connection."""

    def forbidden(*_, **__):
        raise AssertionError("something went out")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: url[:40])
def test_what_must_not_be_called_is_refused_in_words_before_anything_goes_out(url, no_local_targets, nothing_is_asked):
    answer = post(url, b"{}", {})

    assert not answer.acknowledged
    assert not answer.may_have_arrived
    assert HOSTILE[url] in answer.error
    assert reason_named(answer.reason)


INSIDE = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.3.4", "::1", "::ffff:10.0.0.1", "fd00::5", "fe80::9"]


@pytest.mark.parametrize("address", INSIDE)
def test_a_public_name_that_leads_inside_is_refused(address, no_local_targets, names):
    names.known[HOST] = [address]

    answer = post(f"https://{HOST}/hook", b"{}", {})

    assert (answer.reason, answer.may_have_arrived) == ("not_public", False)
    assert f"{HOST} resolves to {ip_address(address)}" in answer.error


def test_one_bad_address_among_good_ones_is_enough(no_local_targets, names, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was called"))
    names.known[HOST] = ["8.8.8.8", "192.168.0.1"]

    assert post(f"https://{HOST}/", b"{}", {}).reason == "not_public"


def test_a_name_that_changes_its_mind_is_asked_once_and_that_answer_is_called(no_local_targets, names, monkeypatch):
    called = []

    def connect(_, address):
        called.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    names.known[HOST] = [["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]

    answer = post(f"https://{HOST}/", b"{}", {})

    assert (called, names.asked) == (["93.184.215.14"], [HOST])
    assert (answer.reason, answer.error) == ("refused", "Connection refused by 93.184.215.14")


def test_an_international_name_is_looked_up_as_dns_has_it(no_local_targets, names):
    assert post("https://bücher.example/hook", b"{}", {}).reason == "dns"
    assert names.asked == ["xn--bcher-kva.example"]


def test_allowing_local_targets_opens_loopback_and_nothing_else(local_targets, names):
    names.known[HOST] = ["10.0.0.8"]
    assert post(f"https://{HOST}/", b"{}", {}).reason == "not_public"
    assert post("http://192.168.0.1:8080/", b"{}", {}).reason == "not_public"
    names.known[HOST] = ["93.184.215.14"]
    assert post(f"http://{HOST}/", b"{}", {}).reason == "not_https"
    with receiver(answering(200)) as url:
        assert post(url, b"{}", {}).acknowledged


# --- real servers ---------------------------------------------------------------------------------------------


@contextmanager
def raw_server(behave):
    """A TCP server that hands each connection to ``behave``."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the sender hangs up, as it should
                behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def saying(text, seen=None):
    def behave(connection):
        got = connection.recv(65536)
        if seen is not None:
            seen.append(got)
        connection.sendall(text)

    return behave


def dripping(first):
    def behave(connection):
        connection.recv(65536)
        connection.sendall(first)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.02)

    return behave


def flooding(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"y" * 200_000 + b"\r\n\r\n")


def informing(connection):
    connection.recv(65536)
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")


BAD = {
    "it drips a byte at a time": (dripping(b"HTTP/1.1 200 OK\r\nX: "), "timeout", "no response within"),
    "it floods with headers": (flooding, "closed", "KiB"),
    "it announces without end": (informing, "closed", "KiB"),
    "it hangs up": (saying(b""), "closed", "without a valid"),
    "it is no HTTP server": (saying(b"220 mail.example ESMTP\r\n"), "closed", "without a valid"),
    "it switches protocols": (saying(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n"), "closed", "without a valid"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_server_that_misbehaves_is_a_failed_attempt_within_the_time(name, local_targets, monkeypatch):
    monkeypatch.setattr(sender, "RESPONSE_TIMEOUT_SECONDS", 0.5)
    behave, reason, words = BAD[name]
    started = time.monotonic()
    with raw_server(behave) as url:
        answer = post(url, b"{}", {})

    assert (answer.acknowledged, answer.reason, answer.may_have_arrived) == (False, reason, True)
    assert words in answer.error
    assert time.monotonic() - started < 3


def test_a_body_that_never_ends_does_not_matter_once_the_status_is_known(local_targets, monkeypatch):
    monkeypatch.setattr(sender, "RESPONSE_TIMEOUT_SECONDS", 2)
    started = time.monotonic()
    with raw_server(dripping(b"HTTP/1.1 202 Accepted\r\nContent-Length: 999999999\r\n\r\n")) as url:
        assert post(url, b"{}", {}).status_code == 202
    assert time.monotonic() - started < 5.5  # the server's own pace


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, ""), (204, ""), (301, "redirect"), (307, "redirect"), (404, "client_error"), (503, "server_error")],
)
def test_a_status_is_read_as_upstream_reads_it_and_redirects_are_not_followed(status, reason, local_targets):
    with receiver(answering(200)) as elsewhere, receiver(answering(status, elsewhere)) as url:
        answer = post(url, b"{}", {})

    assert (answer.status_code, answer.reason) == (status, reason)


def test_what_is_sent_is_the_webhook_and_nothing_of_this_machine(local_targets, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    seen = []
    with raw_server(saying(b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n", seen)) as url:
        assert post(f"{url}?x=1", b'{"a": 1}', {"X-Mark": "yes"}).acknowledged
        assert post(url, b"{}", {}).acknowledged

    first, second = (each.decode() for each in seen)
    assert first.startswith("POST /hook?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert {"X-Mark: yes", "Content-Type: application/json", "Content-Length: 8"} <= set(first.split("\r\n"))
    assert "cookie" not in second.lower()
    assert "authorization" not in second.lower()


CERTIFICATES = {
    "good": ({}, "", ""),
    "of another name": ({"host": "other.example"}, "tls", "not valid for"),
    "expired": ({"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=1)}, "tls", "expired"),
    "of tomorrow": ({"start": NOW + timedelta(days=1)}, "tls", "not yet valid"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_is_checked_for_name_and_date(name, local_targets, names, trusted):
    facts, reason, words = CERTIFICATES[name]
    names.known[HOST] = ["127.0.0.1"]
    with receiver(answering(200), trusted.certify(**{"host": HOST, **facts})) as url:
        answer = post(url.replace("127.0.0.1", HOST), b"{}", {})

    assert (answer.reason, answer.may_have_arrived) == (reason, not reason)
    assert words in answer.error


def test_a_certificate_that_nobody_vouches_for_is_refused(local_targets, certificate):
    with receiver(answering(200), certificate) as url:
        answer = post(url, b"{}", {})

    assert (answer.reason, answer.status_code) == ("tls", None)
    assert "self" in answer.error


def test_a_resolver_that_does_not_answer_is_left_behind(no_local_targets, monkeypatch):
    monkeypatch.setattr(sender, "CONNECT_TIMEOUT_SECONDS", 0.1)
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) or [])

    answer = post("https://slow.example/", b"{}", {})
    answered.set()

    assert (answer.reason, answer.duration_ms < 2000) == ("dns", True)
    assert "no answer" in answer.error
