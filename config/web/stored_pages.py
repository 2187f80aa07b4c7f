"""What browsers may store of pages for signed-in people, and which pages are compressed."""

import re
import secrets
from collections.abc import Callable

import brotli
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

Handler = Callable[[HttpRequest], HttpResponseBase]

NEVER_STORED = "private, no-store"
ASKED_ANEW = "private, no-cache"  # only the back button may show it without asking; see static/js/signed_out.js
_SECURITY_PAGES = "/accounts/"  # recovery codes, secrets of authenticator apps, links to set passwords
_WITHOUT_SECRETS = {"/accounts/security/", "/accounts/sessions/"}  # only lists, which grow
_COMPRESSED = ("text/html", "application/json")
# A seventh smaller than gzip at its default, in the same time.
_BROTLI_QUALITY = 5
_LEAST, _MOST_PADDING = 200, 100  # bytes; both as in Django's GZipMiddleware
# Indentation between two tags, a twentieth of a compressed page. One break means the same there, and neither values of
# attributes nor texts can look like it, because their angle brackets are escaped.
_BETWEEN_TAGS = re.compile(rb">\n\s+<")


def stored_pages(get_response: Handler) -> Handler:
    """Keep pages for signed-in people out of every cache, except for the back button.

    What answers a command (a new key's secret, contact data, recovery codes), files, and pages about the person's own
    account are not stored at all.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers["Cache-Control"] = ASKED_ANEW if _may_be_shown_again(request, response) else NEVER_STORED
        return response

    return middleware


def _may_be_shown_again(request: HttpRequest, response: HttpResponseBase) -> bool:
    is_file = response.streaming or "Content-Disposition" in response.headers
    is_secret = request.path.startswith(_SECURITY_PAGES) or "no-store" in response.headers.get("Cache-Control", "")
    return request.method in {"GET", "HEAD"} and not is_file and not is_secret


class Compression(GZipMiddleware):
    """Compresses pages and their parts, but nothing that may hold a secret.

    The size of a compressed page tells whoever can add to it what else it holds (BREACH). So what is never stored is
    never compressed either, but for two lists; elsewhere the only secret is the CSRF token, which is masked anew each
    time, and a page has up to a hundred random bytes more than it needs. Downloads are streamed, and stay as they are.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress ``response`` if the browser takes it and nothing secret can be in it."""
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        is_secret = "no-store" in response.headers.get("Cache-Control", "") and request.path not in _WITHOUT_SECRETS
        if not isinstance(response, HttpResponse) or kind not in _COMPRESSED or is_secret:
            return response
        if not _takes_brotli(request) or response.has_header("Content-Encoding") or len(response.content) < _LEAST:
            return super().process_response(request, response)
        patch_vary_headers(response, ("Accept-Encoding",))
        content = _BETWEEN_TAGS.sub(b">\n<", response.content) if kind == "text/html" else response.content
        response.content = _brotli(content)
        response.headers["Content-Length"] = str(len(response.content))
        response.headers["Content-Encoding"] = "br"
        return response


def _takes_brotli(request: HttpRequest) -> bool:
    offers = (one.partition(";") for one in request.headers.get("Accept-Encoding", "").split(","))
    return any(name.strip() == "br" and quality.strip() not in {"q=0", "q=0.0"} for name, _, quality in offers)


def _brotli(content: bytes) -> bytes:
    """Return ``content`` compressed, with a metadata block (RFC 7932, 9.2) of a random length, which readers skip."""
    compressor = brotli.Compressor(quality=_BROTLI_QUALITY)
    packed = compressor.process(content) + compressor.flush()  # a flush ends at a whole byte
    length = 1 + secrets.randbelow(_MOST_PADDING)
    # Not the last block (1 bit), no data (2), reserved (1), one byte has the length (2), the length less 1 (8).
    header = (0b01_0_11_0 | (length - 1) << 6).to_bytes(2, "little")
    return bytes(packed + header + bytes(length) + compressor.finish())
