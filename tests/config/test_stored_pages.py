"""What browsers may store, and what is compressed."""

import gzip

import brotli
import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from config.web.stored_pages import Compression, stored_pages
from workspaces.models import User

TEXT = "a page of the console " * 100


def answer(response=None, path="/w/a/keys/", method="get", user=None, accepts="gzip, br"):
    request = getattr(RequestFactory(), method)(path, headers={"Accept-Encoding": accepts})
    request.user = user or User(email="viewer@example.test")
    response = response or HttpResponse(TEXT)
    return Compression(stored_pages(lambda _: response))(request)


def test_a_page_is_asked_for_anew_except_by_the_back_button_and_compressed():
    page = answer()
    assert page["Cache-Control"] == "private, no-cache"
    assert page["Content-Encoding"] == "br"
    assert brotli.decompress(page.content).decode() == TEXT
    assert page["Vary"] == "Accept-Encoding"
    assert int(page["Content-Length"]) == len(page.content) < len(TEXT) / 4


def test_indentation_between_tags_is_left_out_and_nothing_else():
    row = '<li>\n      <a title="a &gt;\n   b">one\n  two</a>\n\n   <b>x</b></li>\n<li>\n    three</li>'
    kept = '<li>\n<a title="a &gt;\n   b">one\n  two</a>\n<b>x</b></li>\n<li>\n    three</li>'
    page = answer(HttpResponse(f"{row}<pre>a\n   &lt;b></pre>{TEXT}"))
    assert brotli.decompress(page.content).decode() == f"{kept}<pre>a\n   &lt;b></pre>{TEXT}"
    text = answer(HttpResponse(f"{row}{TEXT}", content_type="application/json"))
    assert brotli.decompress(text.content).decode() == f"{row}{TEXT}"


@pytest.mark.parametrize("accepts", ["gzip", "gzip, br;q=0"])
def test_a_browser_without_brotli_gets_gzip(accepts):
    page = answer(accepts=accepts)
    assert page["Content-Encoding"] == "gzip"
    assert gzip.decompress(page.content).decode() == TEXT


def test_a_short_page_stays_as_it_is():
    page = answer(HttpResponse("short"))
    assert "Content-Encoding" not in page
    assert page.content == b"short"


@pytest.mark.parametrize("accepts", ["br", "gzip"])
def test_the_size_of_a_page_differs_each_time(accepts):
    pages = [answer(accepts=accepts) for _ in range(30)]
    assert len({len(page.content) for page in pages}) > 1


@pytest.mark.parametrize(
    "secret",
    [
        {"method": "post"},
        {"path": "/accounts/2fa/recovery-codes/"},
        {"response": HttpResponse(TEXT, headers={"Cache-Control": "no-store"})},
        {"response": HttpResponse(TEXT, headers={"Content-Disposition": "attachment"})},
    ],
)
def test_what_may_hold_a_secret_is_neither_stored_nor_compressed(secret):
    page = answer(**secret)
    assert page["Cache-Control"] == "private, no-store"
    assert page.content.decode() == TEXT


@pytest.mark.parametrize("path", ["/accounts/security/", "/accounts/sessions/"])
def test_lists_of_the_means_to_sign_in_hold_no_secret_and_are_compressed(client, viewer, path):
    client.force_login(viewer)
    page = client.get(path, headers={"Accept-Encoding": "br"})
    assert page.status_code == 200
    assert page["Content-Encoding"] == "br"
    assert page["Cache-Control"] == "private, no-store"


def test_a_download_stays_a_stream():
    page = answer(StreamingHttpResponse([b"a", b"b"], content_type="text/html"))
    assert page["Cache-Control"] == "private, no-store"
    assert list(page) == [b"a", b"b"]


def test_what_everybody_sees_may_be_cached():
    assert "Cache-Control" not in answer(user=AnonymousUser())
