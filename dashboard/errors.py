"""Pages for what went wrong before a view was reached."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

log = structlog.get_logger(__name__)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that the form was too old, or came from elsewhere, and what to do."""
    log.warning("csrf_failure", reason=reason, path=request.path)
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
