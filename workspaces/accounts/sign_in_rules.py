"""The operator's rules for signing in: a required second factor, or single sign-on only."""

from collections.abc import Callable
from functools import wraps

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.email_addresses import normalize_email
from workspaces.models import User
from workspaces.models.user import has_second_factor

View = Callable[..., HttpResponseBase]


def is_sso_only(email: str) -> bool:
    """Return whether the account of ``email`` can only use single sign-on: all but the one in SSO_ONLY_EXCEPT."""
    named: str = settings.SSO_ONLY_EXCEPT
    return bool(named) and normalize_email(email) != normalize_email(named)


def came_the_right_way(request: HttpRequest, user: User) -> bool:
    """Return whether the session began by single sign-on, if it has to. Sessions from before the rule may not have."""
    if not is_sso_only(user.email):
        return True
    return any(record["method"] == "socialaccount" for record in get_authentication_records(request, user))


def lacks_second_factor(user: User) -> bool:
    """Return whether ``user`` must set up a second factor before anything else."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and not has_second_factor(user)


def with_password(view: View) -> View:
    """Wrap one of allauth's password pages to refuse accounts that can use single sign-on only."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        if isinstance(request.user, User) and is_sso_only(request.user.email):
            raise PermissionDenied("Passwords are turned off. This console uses single sign-on.")
        return view(request, *args, **options)

    return guarded
