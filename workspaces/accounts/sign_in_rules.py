"""What the operator asks of everybody who signs in: a second factor, or single sign-on alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from workspaces.models import User
from workspaces.models.user import has_second_factor

View = Callable[..., HttpResponseBase]


def is_sso_only(email: str) -> bool:
    """Return whether the account of ``email`` is signed in to by the identity provider alone: all but the named one."""
    named: str = settings.SSO_ONLY_EXCEPT
    return bool(named) and email.lower() != named.lower()


def came_the_right_way(request: HttpRequest, user: User) -> bool:
    """Return whether the session began as it has to; one from before the rule, or by another way, did not."""
    if not is_sso_only(user.email):
        return True
    return any(record["method"] == "socialaccount" for record in get_authentication_records(request, user))


def lacks_second_factor(user: User) -> bool:
    """Return whether ``user`` has to set up a second factor before anything else."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and not has_second_factor(user)


def with_password(view: View) -> View:
    """Refuse one of allauth's pages of passwords to accounts that have no use for one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if isinstance(request.user, User) and is_sso_only(request.user.email):
            raise PermissionDenied("Passwords are switched off: this console is signed in to by single sign-on.")
        return view(request, *args, **options)

    return guarded
