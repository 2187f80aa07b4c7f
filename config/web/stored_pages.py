"""What browsers may store of pages for signed-in people, and which pages are compressed."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

Handler = Callable[[HttpRequest], HttpResponseBase]

NEVER_STORED = "private, no-store"
ASKED_ANEW = "private, no-cache"  # only the back button may show it without asking; see static/js/signed_out.js
_SECURITY_PAGES = "/accounts/"  # recovery codes, secrets of authenticator apps, links to set passwords
_COMPRESSED = ("text/html", "application/json")


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
    is_secret = "no-store" in response.headers.get("Cache-Control", "") or request.path.startswith(_SECURITY_PAGES)
    return request.method in {"GET", "HEAD"} and not is_file and not is_secret


class Compression(GZipMiddleware):
    """Compresses pages and their parts, but nothing that may hold a secret.

    The size of a compressed page tells whoever can add to it what else it holds (BREACH). So what is never stored is
    never compressed either; elsewhere the only secret is the CSRF token, which is masked anew each time, and Django
    adds up to a hundred random bytes. Downloads are streamed, and stay as they are.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress ``response`` if the browser takes it and nothing secret can be in it."""
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in _COMPRESSED or "no-store" in response.headers.get("Cache-Control", ""):
            return response
        return super().process_response(request, response)
