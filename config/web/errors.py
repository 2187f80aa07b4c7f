"""Error pages for failures outside of views."""

import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import redis
import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import is_valid_path

from config.log.rate_limit import unavailable_service
from core.encryption import DecryptionError
from core.http import is_htmx, referrer_or

# How long a browser or a load balancer should wait before it retries.
RETRY_SECONDS = 10
Handler = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger(__name__)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain that the form was too old or came from elsewhere, and what to do."""
    log.warning("csrf_failure", reason=reason, path=request.path)
    return render(request, "403_csrf.html", {"reason": reason}, status=403)


def server_error(_: HttpRequest) -> HttpResponse:
    """Respond to a failed request: 503 if Redis, the database or an encryption key is unavailable, otherwise 500.

    Without the request's context, which may need what is unavailable. Django calls this while handling the exception.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DecryptionError):
        return HttpResponse(render_to_string("503_encryption_keys.html"), status=503)
    missing = _missing_service(error)
    if not missing:
        known = structlog.contextvars.get_contextvars()
        page = render_to_string("500.html", {"request_id": known.get("request_id", "")})
        return HttpResponse(page, status=500)
    page = render_to_string("503.html", {"missing": missing})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


def explain_wrong_method(get_response: Handler) -> Handler:
    """Answer a browser that opens an address that only takes forms with a page, and the way to the form.

    So it is after an error page that answered a form was reloaded, or its address kept.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_opened = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code != 405 or not is_opened or is_htmx(request):
            return response
        origin = referrer_or(request, "")  # a page that is reloaded has the one that it came from
        back_url = _page_above(request.path) if urlsplit(origin).path in {"", request.path} else origin
        page = render(request, "405.html", {"back_url": back_url}, status=405)
        page.headers["Allow"] = response.headers["Allow"]
        return page

    return middleware


def _page_above(path: str) -> str:
    """Return the nearest address above ``path`` that there is."""
    parts = path.strip("/").split("/")
    above = ("/".join(["", *parts[:length], ""]) for length in range(len(parts) - 1, 0, -1))
    return next((url for url in above if is_valid_path(url)), "/")


def shorten_outage_log(exception: Exception, log_kwargs: dict[str, object], **_: object) -> None:
    """Log a request that failed because of Redis, the database or an encryption key in one line.

    A traceback would add nothing.
    """
    if isinstance(exception, DecryptionError):
        log_kwargs |= {"code": 503, "exc_info": False, "reason": str(exception)}
    elif away := unavailable_service(exception):
        name = "Redis" if away == "redis" else "The database"
        log_kwargs |= {"code": 503, "exc_info": False, "reason": f"{name} does not answer: {exception}"}


def _missing_service(error: BaseException | None) -> str:
    if isinstance(error, redis.RedisError):
        return "Redis"
    if isinstance(error, OperationalError | InterfaceError) or unavailable_service(error) == "database":
        return "The database"
    return ""
