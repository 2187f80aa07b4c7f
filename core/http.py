"""How views answer: whole pages to browsers, parts to htmx, and where to go next."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect


def is_htmx(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part of a page."""
    return bool(getattr(request, "htmx", False))


def wants_partial(request: HttpRequest) -> bool:
    """Return whether htmx asks for the part of the page that changes; never a client parameter."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def redirect_to(request: HttpRequest, url: str, done: str = "") -> HttpResponse:
    """Lead to ``url`` after a command, with ``done`` as a notice there."""
    if done:
        messages.success(request, done)
    return HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseRedirect(url)


def render_page(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render ``template``, or only its ``part`` where htmx asks, so that what was typed stays in the browser."""
    name = f"{template}#{part}" if is_htmx(request) else template
    response = render(request, name, context, status=status)
    response.headers["Vary"] = "HX-Request"
    return response


def referrer_or(request: HttpRequest, otherwise: str) -> str:
    """Return the page of this console that the person came from, or ``otherwise``."""
    origin = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(origin, {request.get_host()}, require_https=request.is_secure())
    return origin if own else otherwise
