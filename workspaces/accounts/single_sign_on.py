"""Signing in by the company's OpenID Connect provider: whom it names, and whether it vouches for their address."""

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

from core.email_addresses import normalize_email
from core.sanitize import sanitize_json, sanitize_text
from workspaces.accounts import events
from workspaces.services import people

log = structlog.get_logger(__name__)

# What every provider's description of itself has to hold (OpenID Connect Discovery 1.0, and userinfo, which is asked).
ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


def verified_address(answers: dict[str, Any]) -> str | None:
    """Return the e-mail address that the provider vouches for, in lower case; None where it does not.

    ``answers`` holds what it said: ``userinfo``, ``id_token`` or both. Each that speaks of an address has to name the
    same one and to call it verified, by a boolean or the exact text "true", which some providers send instead. Every
    other form ("false" is one) would have to be guessed at.
    """
    speaking = [said for said in answers.values() if "email" in said or "email_verified" in said]
    addresses = {normalize_email(said["email"]) if isinstance(said.get("email"), str) else "" for said in speaking}
    if len(addresses) != 1 or not all(_vouches(said.get("email_verified")) for said in speaking):
        return None
    return addresses.pop() or None


def _vouches(claim: object) -> bool:
    return claim is True or claim == "true"


def authentication_time(answers: dict[str, Any]) -> float | None:
    """Return when, in seconds since 1970, the provider had the person prove who they are; None where it does not say.

    Only the id token counts: OpenID Connect requires it there of whoever is asked for ``max_age``.
    """
    said = answers.get("id_token", {}).get("auth_time")
    is_time = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 2**53
    return said if is_time else None


def is_recent(proved_at: float | None) -> bool:
    """Return whether that was recently enough to count as a confirmation."""
    return proved_at is not None and proved_at > time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


class SsoAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Signing in by the company's identity provider: accounts that exist, and people who are invited."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        """Return False: an identity alone is not an account."""
        return False

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """Return the provider, whose answers are looked at before anything relies on their shape."""
        found = super().get_provider(request, provider, client_id=client_id)
        found.oauth2_adapter_class = _Provider
        return found

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Link the identity to the account of its verified address. Raises ImmediateHttpResponse otherwise."""
        answers = sociallogin.account.extra_data
        signed_in_at = authentication_time(answers)
        if request.user.is_authenticated and not is_recent(signed_in_at):
            context = {"stale": True, "unknown": signed_in_at is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        request.identity_proved_at = signed_in_at  # type: ignore[attr-defined]  # for workspaces.accounts.events
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


def _name(answers: dict[str, Any]) -> str:
    names = [said.get("name") for said in answers.values()]
    return next((sanitize_text(name, 120) for name in names if isinstance(name, str)), "")


class _Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The provider's answers, looked at before django-allauth relies on their shape.

    Each method raises OAuth2Error where an answer is odd.
    """

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return what the provider says of itself."""
        with _reading("The identity provider's description of itself cannot be read."):
            found: dict[str, Any] = super().openid_config
            addresses = [found[name] for name in ADDRESSES]
            methods = found.get("token_endpoint_auth_methods_supported", [])
            if not all(_is_web_address(one) for one in addresses) or not isinstance(found["issuer"], str):
                raise ValueError("one of its addresses is none")
            if not isinstance(methods, list):
                raise TypeError("its ways to authenticate are no list")
        return found

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return what it gives for the code that the person's browser brought."""
        with _reading("The identity provider's answer to the code cannot be read."):
            return dict(super().get_access_token_data(*args, **kwargs))

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return the token that opens the person's data."""
        with _reading("The identity provider's token cannot be read."):
            return super().parse_token(data)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        """Return whom the provider names. Raises OAuth2Error where it names two people, too."""
        with _reading("The identity provider's answer cannot be read."):  # too long an id, for example
            login = super().complete_login(request, app, token, **kwargs)
        answers = login.account.extra_data.values()
        subjects = {said.get("sub") for said in answers if isinstance(said, dict)}
        if len(subjects) != 1 or not all(isinstance(said, dict) for said in answers):
            raise OAuth2Error("The identity provider names no one, or more than one person.")
        if login.account.uid != sanitize_text(login.account.uid, len(login.account.uid)):
            raise OAuth2Error("The identity provider names somebody by characters that cannot be kept.")
        login.account.extra_data = sanitize_json(login.account.extra_data)
        return login


@contextmanager
def _reading(problem: str) -> Iterator[None]:
    """Raise OAuth2Error with ``problem`` for whatever a parser trips over."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ImproperlyConfigured) as error:
        raise OAuth2Error(problem) from error


def _is_web_address(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in {"http", "https"} and bool(urlsplit(value).netloc)


@login_not_required
def sso_login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Lead to the identity provider; say so where it cannot be reached or does not speak OpenID Connect.

    Who is signed in already comes here to confirm that it is they: the provider is asked to have them sign in anew,
    even where it still knows them, and to say when they did. Nothing else of what it is asked is up to the address.
    """
    query = request.GET.copy()
    query.pop("auth_params", None)
    if request.user.is_authenticated:
        query["auth_params"] = f"prompt=login&max_age={settings.ACCOUNT_REAUTHENTICATION_TIMEOUT}"
    request.GET = query  # type: ignore[assignment]  # nobody changes it from here on
    try:
        answer: HttpResponseBase = openid_connect_login(request, provider_id)
    except (requests.RequestException, OAuth2Error) as error:
        return _unusable(request, error)
    return answer


@login_not_required
def sso_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take somebody back from the identity provider."""
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
