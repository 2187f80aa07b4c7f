"""Responses of views: whole pages for browsers, partials for htmx, and redirects for both."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

Context = dict[str, Any]  # of a template
P = ParamSpec("P")
# The partials of a page with a list, by the ids of the elements that htmx fills with them.
LOG_PARTS = {"results": "results", "drawer": "drawer", "drawer-box": "drawer"}


def is_htmx(request: HttpRequest) -> bool:
    """Return whether htmx sent the request."""
    return bool(getattr(request, "htmx", False))


def wants_partial(request: HttpRequest) -> bool:
    """Return whether htmx wants a partial. Boosted links and history restores need a whole page."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


@dataclass(frozen=True)
class Undo:
    """What a notice's button "Undo" sends: a POST of ``fields`` to ``url``."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return it as the tags of a message, which ``{{ message.extra_tags|undo }}`` reads."""
        return json.dumps({"url": self.url, "fields": dict(self.fields)})


def redirect_to(request: HttpRequest, url: str, done: str = "", undo: Undo | None = None) -> HttpResponse:
    """Redirect to ``url`` after a command and show the message ``done`` there, with a button for ``undo``."""
    if done:
        messages.success(request, done, extra_tags=undo.as_json() if undo else "")
    return HttpResponseClientRedirect(url) if wants_partial(request) else HttpResponseRedirect(url)


def render_page(request: HttpRequest, template: str, part: str, context: Context, status: int = 200) -> HttpResponse:
    """Render ``template``, or only its partial ``part`` where htmx asks for one; there ``is_part`` is true."""
    is_part = wants_partial(request)
    name = f"{template}#{part}" if is_part else template
    response = render(request, name, context | {"is_part": is_part}, status=status)
    response.headers["Vary"] = "HX-Request"
    return response


def without_empty_parameters(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Redirect a URL with empty parameters, as browsers make them of forms without a script, to the one without."""

    @wraps(view)
    def tidied(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        query = request.GET.copy()
        empty = [name for name, values in query.lists() if not any(values)]
        if not empty:
            return view(request, *args, **kwargs)
        for name in empty:
            del query[name]
        return HttpResponseRedirect(f"{request.path}?{query.urlencode()}" if query else request.path)

    return tidied


def requested_part(request: HttpRequest, parts: Mapping[str, str], otherwise: str) -> str:
    """Return the partial for the element that htmx is going to fill, by the ids in ``parts``."""
    htmx: Any = getattr(request, "htmx", None)
    return parts.get(htmx.target or "", otherwise) if htmx else otherwise


def referrer_or(request: HttpRequest, otherwise: str) -> str:
    """Return the URL that the person came from if it belongs to this console, else ``otherwise``."""
    origin = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(origin, {request.get_host()}, require_https=request.is_secure())
    return origin if own else otherwise
