"""Small stages around every request."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

Handler = Callable[[HttpRequest], HttpResponse]


def _zone(name: str | None) -> zoneinfo.ZoneInfo | None:
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, odd names are ValueError or OSError
        return None
    except KeyError:
        return None


def viewer_time_zone(get_response: Handler) -> Handler:
    """Show times in the viewer's zone: the one they chose, else the one their browser reports in ``tz``."""

    def middleware(request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "time_zone", "") if request.user.is_authenticated else ""
        zone = _zone(chosen) or _zone(request.COOKIES.get("tz"))
        if zone is None:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return middleware


def never_cached(get_response: Handler) -> Handler:
    """Keep signed-in pages out of every cache, the back button's included."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware
