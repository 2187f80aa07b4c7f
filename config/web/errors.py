"""Error pages for failures outside of views."""

import sys

import redis
import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.defaults import server_error as default_server_error

from config.log.rate_limit import unavailable_service
from core.encryption import DecryptionError

# How long a browser or a load balancer should wait before it retries.
RETRY_SECONDS = 10
log = structlog.get_logger(__name__)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain that the form was too old or came from elsewhere, and what to do."""
    log.warning("csrf_failure", reason=reason, path=request.path)
    return render(request, "403_csrf.html", {"reason": reason}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to a failed request: 503 if Redis, the database or an encryption key is unavailable, otherwise 500.

    Without the request's context, which may need what is unavailable. Django calls this while handling the exception.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DecryptionError):
        return HttpResponse(render_to_string("503_encryption_keys.html"), status=503)
    missing = _missing_service(error)
    if not missing:
        return default_server_error(request)
    page = render_to_string("503.html", {"missing": missing})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


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
