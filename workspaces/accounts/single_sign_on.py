"""Single sign-on by the company's OpenID Connect provider, with checks of its responses and the email address."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.socialaccount.providers.openid_connect.views import login as openid_connect_login
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from cleanlist.models import JsonObject
from core.email_addresses import normalize_email
from core.sanitize import sanitize_json, sanitize_text
from workspaces.accounts import events
from workspaces.request_state import state_of
from workspaces.services import people

log = structlog.get_logger(__name__)

# The URLs that a provider's configuration must have: those of OpenID Connect Discovery 1.0, and userinfo.
ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


def verified_address(answers: JsonObject) -> str | None:
    """Return the email address that the provider has verified, in lower case; None without one.

    ``answers`` holds ``userinfo``, ``id_token`` or both. All that mention an email address must have the same one and
    mark it as verified, by true or by the string "true", which some providers send instead. Anything else, such as
    the string "false", counts as not verified.
    """
    speaking = [said for said in answers.values() if "email" in said or "email_verified" in said]
    addresses = {normalize_email(said["email"]) if isinstance(said.get("email"), str) else "" for said in speaking}
    if len(addresses) != 1 or not all(_vouches(said.get("email_verified")) for said in speaking):
        return None
    return addresses.pop() or None


def _vouches(claim: object) -> bool:
    return claim is True or claim == "true"


def authentication_time(answers: JsonObject) -> float | None:
    """Return the Unix time at which the provider authenticated the person; None if it does not report it.

    Only the id token counts: OpenID Connect requires ``auth_time`` there if the request has ``max_age``.
    """
    said = answers.get("id_token", {}).get("auth_time")
    is_time = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 2**53
    return said if is_time else None


def is_recent(proved_at: float | None) -> bool:
    """Return whether the time is recent enough to count as a confirmation."""
    return proved_at is not None and proved_at > time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


class SsoAdapter(DefaultSocialAccountAdapter):
    """Lets people with an account or an invitation sign in by the company's identity provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        """Return False, because an identity alone does not create an account."""
        return False

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> object:
        """Return the provider with an adapter that validates its responses."""
        found = super().get_provider(request, provider, client_id=client_id)
        found.oauth2_adapter_class = _Provider
        return found

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Link the identity to the account with its verified email. Raises ImmediateHttpResponse on failure."""
        answers = sociallogin.account.extra_data
        signed_in_at = authentication_time(answers)
        if request.user.is_authenticated and not is_recent(signed_in_at):
            context = {"stale": True, "unknown": signed_in_at is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        state_of(request).identity_proved_at = signed_in_at  # for workspaces.accounts.events
        if sociallogin.is_existing:
            return
        address = verified_address(answers)
        if request.user.is_authenticated and normalize_email(request.user.email) != address:
            context = {"other": address is not None, "unverified": address is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        user = people.account_for_identity(address, _name(answers)) if address else None
        if user is None:
            context = {"unverified": address is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        sociallogin.connect(request, user)
        events.sso_linked(request, user)


def _name(answers: JsonObject) -> str:
    names = [said.get("name") for said in answers.values()]
    return next((sanitize_text(name, 120) for name in names if isinstance(name, str)), "")


class _Provider(OpenIDConnectOAuth2Adapter):
    """Validates the provider's responses before django-allauth relies on their format.

    Each method raises OAuth2Error for an invalid response.
    """

    @property
    def openid_config(self) -> dict[str, object]:
        """Return the provider's configuration."""
        with _reading("The identity provider's configuration can't be parsed."):
            found: dict[str, object] = super().openid_config
            addresses = [found[name] for name in ADDRESSES]
            methods = found.get("token_endpoint_auth_methods_supported", [])
            if not all(_is_web_address(one) for one in addresses) or not isinstance(found["issuer"], str):
                raise ValueError("one of its addresses is none")
            if not isinstance(methods, list):
                raise TypeError("its ways to authenticate are no list")
        return found

    def get_access_token_data(self, *args: object, **kwargs: object) -> dict[str, object]:
        """Return the token response for the authorization code."""
        with _reading("The identity provider's token response can't be parsed."):
            return dict(super().get_access_token_data(*args, **kwargs))

    def parse_token(self, data: dict[str, object]) -> SocialToken:
        with _reading("The identity provider's token can't be parsed."):
            return super().parse_token(data)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: object, **kwargs: object) -> SocialLogin:
        """Return the login. Raises OAuth2Error also if the responses are about different people."""
        with _reading("The identity provider's response can't be parsed."):  # for example, if the id is too long
            login = super().complete_login(request, app, token, **kwargs)
            answers = login.account.extra_data.values()
            subjects = {said.get("sub") for said in answers if isinstance(said, dict)}
        if len(subjects) != 1 or not all(isinstance(said, dict) for said in answers):
            raise OAuth2Error("The identity provider names no one or several people.")
        if login.account.uid != sanitize_text(login.account.uid, len(login.account.uid)):
            raise OAuth2Error("The identity provider sent a name with unsupported characters.")
        login.account.extra_data = sanitize_json(login.account.extra_data)
        return login


@contextmanager
def _reading(problem: str) -> Iterator[None]:
    """Turn any exception of a parser into an OAuth2Error with the message ``problem``."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ImproperlyConfigured) as error:
        raise OAuth2Error(problem) from error


def _is_web_address(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in {"http", "https"} and bool(urlsplit(value).netloc)


@login_not_required
def sso_login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Redirect to the identity provider; show an error page if it is unreachable or its responses are invalid.

    People who are signed in come here to confirm who they are, so the provider is asked to authenticate them again, and
    to report when it did. ``auth_params`` in the URL is dropped, so that nobody else can set what is asked.
    """
    query: Any = request.GET.copy()
    query.pop("auth_params", None)
    if request.user.is_authenticated:
        query["auth_params"] = f"prompt=login&max_age={settings.ACCOUNT_REAUTHENTICATION_TIMEOUT}"
    request.GET = query
    try:
        answer: HttpResponseBase = openid_connect_login(request, provider_id)
    except (requests.RequestException, OAuth2Error) as error:
        return _unusable(request, error)
    return answer


@login_not_required
def sso_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Handle the return from the identity provider."""
    try:
        answer: HttpResponseBase = OAuth2CallbackView.adapter_view(_Provider(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404("Single sign-on is not set up.") from None
    except (requests.RequestException, OAuth2Error) as error:
        return _unusable(request, error)
    return answer


def _unusable(request: HttpRequest, error: Exception) -> HttpResponseBase:
    log.warning("identity_provider_unusable", error=str(error), cause=str(error.__cause__ or ""))
    return render(request, "socialaccount/authentication_error.html", status=502)
