"""Middleware for every request."""

import zoneinfo
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from core import clock
from core.http import is_htmx, redirect_to, referrer_or
from workspaces.access import RedirectRequired
from workspaces.accounts.sessions import session_of
from workspaces.accounts.sign_in_rules import came_the_right_way, lacks_second_factor
from workspaces.models import User

Handler = Callable[[HttpRequest], HttpResponseBase]


class SignInRequired(LoginRequiredMiddleware):
    """Redirects people who are not signed in to the sign-in form, and from there back to where they were."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseBase:  # type: ignore[override]  # htmx is led by another kind
        """Redirect to the sign-in form; a submitted form is discarded, with a message that says so."""
        is_read = request.method in {"GET", "HEAD"}
        if is_read and request.get_full_path() == reverse("home"):
            return redirect_to(request, reverse("account_login"))  # which knows best where a person starts
        if is_read and not is_htmx(request):
            return super().handle_no_permission(request, view_func)
        if not is_read:
            messages.warning(request, "You were signed out, so nothing was changed. Sign in and try again.")
        # Return to the page itself, not to a partial or to a form's URL.
        back = urlsplit(referrer_or(request, "/"))._replace(scheme="", netloc="").geturl()
        return redirect_to(request, f"{reverse('account_login')}?{urlencode({'next': back})}")


AUTOMATIC = "Console-Automatic"  # sent by static/js/refresh.js


def activity(get_response: Handler) -> Handler:
    """Reset the session's idle time on people's requests, but not on a page's automatic ones."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated and AUTOMATIC not in request.headers:
            session_of(request).touch()
        return get_response(request)

    return middleware


def one_time_per_request(get_response: Handler) -> Handler:
    """Read the clock once per request, so that a page is consistent."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with clock.cache_now():
            return get_response(request)

    return middleware


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    # The name is checked against a list, and never used as a path: the cookie is untrusted input.
    return zoneinfo.ZoneInfo(name) if name in _ZONES else None


_UTC = zoneinfo.ZoneInfo("UTC")
_ZONES = frozenset(zoneinfo.available_timezones())


def wants_utc(request: HttpRequest) -> bool:
    """Return whether the switch in the account menu is on."""
    return request.COOKIES.get("times") == "utc"


def follows_browser_zone(request: HttpRequest) -> bool:
    """Return whether the times of pages for ``request`` are in the zone that the browser reports."""
    chosen = getattr(request.user, "time_zone", "") if request.user.is_authenticated else ""
    return not (wants_utc(request) or _zone(chosen))


def viewer_time_zone(get_response: Handler) -> Handler:
    """Show times in the zone that the viewer chose, or else the one that their browser reports in cookie ``tz``.

    The switch in the account menu, whose cookie is ``times``, has all times in UTC.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        chosen = getattr(request.user, "time_zone", "") if request.user.is_authenticated else ""
        zone = _UTC if wants_utc(request) else _zone(chosen) or _zone(unquote(request.COOKIES.get("tz", "")))
        if zone is None:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return middleware


def acts_in_place(get_response: Handler) -> Handler:
    """Let ``static/js/in_place.js`` follow redirects to the page that it is on, and have the browser open any other."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        htmx: Any = getattr(request, "htmx", None)
        if not (htmx and htmx.boosted and isinstance(response, HttpResponseRedirect)):
            return response
        if urljoin(request.path, urlsplit(response.url).path) == urlsplit(htmx.current_url or "").path:
            return response
        elsewhere = HttpResponseClientRedirect(response.url)
        elsewhere.cookies = response.cookies
        return elsewhere

    return middleware


class _Middleware:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class SignInRules(_Middleware):
    """Enforces the operator's rules for signing in: single sign-on only, or a second factor."""

    def process_view(self, request: HttpRequest, view: object, *_: object) -> HttpResponseBase | None:
        """Redirect where a rule is not met."""
        user = request.user
        if not isinstance(user, User):
            return None
        if not came_the_right_way(request, user):
            logout(request)
            messages.warning(request, "This console uses single sign-on. Sign in with it.")
            return redirect_to(request, reverse("account_login"))
        is_open = not getattr(view, "login_required", True)
        if is_open or request.path.startswith(_OWN_ACCOUNT) or not lacks_second_factor(user):
            return None
        messages.warning(request, "This console requires a second factor. Set one up to continue.")
        return redirect_to(request, reverse("mfa_index"))


_OWN_ACCOUNT = "/accounts/"  # for setting up a second factor and signing out


class RequiredRedirects(_Middleware):
    """Redirects to a required step: reauthentication, or setting up a second factor."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Redirect if a view asked for it."""
        return redirect_to(request, exception.url) if isinstance(exception, RedirectRequired) else None
