"""Headers that no browser sends for our pages reach no parser that reads them slowly, or in ways of its own."""

import pytest

from config.front import RequestRefused
from config.front.limits import PARTS, page_headers, probe_headers
from tests.config.front.sockets import HEAD, get, send_request

HOSTILE_TYPES = [
    "a/b; c*=bogus''x",
    "a/b; c*=idna''xn--a",
    "a/b; c*0=a; c*2=b",
    "a/b; c=" + '"' + ";" * 8000,
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded; charset=idna",
    "application/x-www-form-urlencoded; charset=punycode",
    "application/x-www-form-urlencoded; charset=utf-7",
    "application/x-www-form-urlencoded; charset=zlib",
    "application/x-www-form-urlencoded, multipart/form-data; boundary=x",
    "multipart/form-data",
    'multipart/form-data; boundary="x"',
    "multipart/form-data; boundary=" + "x" * 71,
    "multipart/form-data; boundary=x; charset=zlib",
    "multipart/form-data; boundary=\xe9",
    "multipart/mixed; boundary=x",
]
FORMS = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded;charset=UTF-8",
    "application/x-www-form-urlencoded; charset=utf-8",
    "multipart/form-data; boundary=----WebKitFormBoundaryAbc123",
    "multipart/form-data; boundary=---------------------------9051914041544843365972754266",
]


def admitted(body, *headers):
    return page_headers({"headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}, body)


@pytest.mark.parametrize("kind", HOSTILE_TYPES)
def test_a_body_that_is_no_form_is_refused(port, kind):
    text = HEAD.format(token="a" * 32) + f"Connection: close\r\nContent-Type: {kind}\r\nContent-Length: 3\r\n\r\na=b"
    assert send_request(port, text)[0] == 415


@pytest.mark.parametrize("kind", HOSTILE_TYPES)
@pytest.mark.parametrize("path", ["/healthz", "/accounts/login/"])
def test_the_type_of_no_body_is_not_looked_at(port, kind, path):
    assert get(port, path, f"Content-Type: {kind}")[0] == 200


@pytest.mark.parametrize("kind", FORMS)
def test_what_browsers_send_for_forms_is_handed_on(kind):
    assert admitted(b"a=b", ("content-type", kind)) == [(b"content-type", kind.encode())]


def test_a_type_that_is_told_twice_is_refused():
    with pytest.raises(RequestRefused) as refused:
        admitted(b"a=b", ("content-type", FORMS[0]), ("content-type", FORMS[0]))
    assert refused.value.status == 415


def test_a_form_of_very_many_parts_is_refused():
    part = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n"
    kind = ("content-type", "multipart/form-data; boundary=x")
    assert admitted(part * PARTS + b"--x--\r\n", kind)
    with pytest.raises(RequestRefused, match="too many fields"):
        admitted(part * (PARTS + 1) + b"--x--\r\n", kind)


def test_cookies_of_ours_are_handed_on_and_quoted_ones_are_not():
    ours = "__Host-sessionid=a1; csrftoken=B2; messages=W1si:1u:x-_; tz=America/Argentina/Buenos_Aires; theme=dark"
    assert admitted(b"", ("cookie", ours)) == [(b"cookie", ours.encode())]
    assert admitted(b"", ("cookie", r'a="\134\""; sessionid=a1; b="')) == [(b"cookie", b" sessionid=a1")]


def test_probes_are_told_nothing_but_who_asks():
    names = ("content-type", "cookie", "host", "authorization", "x-forwarded-for")
    assert probe_headers({"headers": [(name.encode(), b"x") for name in names]}) == [(b"authorization", b"x")]
