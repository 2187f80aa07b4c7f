"""Signing in by the company's OpenID Connect provider: whom it names, and whether it vouches for their address."""

from typing import Any

import requests
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.socialaccount.providers.openid_connect.views import login as openid_connect_login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from workspaces import account_events
from workspaces.services import people
from workspaces.texts import plain_json, plain_text

log = structlog.get_logger(__name__)


def verified_address(answers: dict[str, Any]) -> str | None:
    """Return the e-mail address that the provider vouches for, in lower case; None where it does not.

    ``answers`` holds what it said: ``userinfo``, ``id_token`` or both. Each that speaks of an address has to name the
    same one and to call it verified, by a boolean or the exact text "true", which some providers send instead. Every
    other form ("false" is one) would have to be guessed at.
    """
    speaking = [said for said in answers.values() if "email" in said or "email_verified" in said]
    addresses = {said["email"].lower() if isinstance(said.get("email"), str) else "" for said in speaking}
    if len(addresses) != 1 or not all(_vouches(said.get("email_verified")) for said in speaking):
        return None
    return addresses.pop() or None


def _vouches(claim: object) -> bool:
    return claim is True or claim == "true"


class SsoAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Signing in by the company's identity provider: accounts that exist, and people who are invited."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        """Return False: an identity alone is not an account."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Link the identity to the account of its verified address. Raises ImmediateHttpResponse otherwise."""
        if sociallogin.is_existing:
            return
        answers = sociallogin.account.extra_data
        address = verified_address(answers)
        if request.user.is_authenticated and request.user.email.lower() != address:
            context = {"other": address is not None, "unverified": address is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        user = people.account_for_identity(address, _name(answers)) if address else None
        if user is None:
            context = {"unverified": address is None}
            raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))
        sociallogin.connect(request, user)
        account_events.sso_linked(request, user)


def _name(answers: dict[str, Any]) -> str:
    names = [said.get("name") for said in answers.values()]
    return next((plain_text(name, 120) for name in names if isinstance(name, str)), "")


class _Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The provider's answers, looked at before django-allauth relies on their shape."""

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        """Return whom the provider names. Raises OAuth2Error where its answers are odd or name two people."""
        try:
            login = super().complete_login(request, app, token, **kwargs)
        except (ValueError, KeyError, TypeError, AttributeError, ImproperlyConfigured) as error:  # too long an id
            raise OAuth2Error("The identity provider's answer cannot be read.") from error
        answers = login.account.extra_data.values()
        subjects = {said.get("sub") for said in answers if isinstance(said, dict)}
        if len(subjects) != 1 or not all(isinstance(said, dict) for said in answers):
            raise OAuth2Error("The identity provider names no one, or more than one person.")
        if login.account.uid != plain_text(login.account.uid, len(login.account.uid)):
            raise OAuth2Error("The identity provider names somebody by characters that cannot be kept.")
        login.account.extra_data = plain_json(login.account.extra_data)
        return login


@login_not_required
def sso_login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Lead to the identity provider; say so where it cannot be reached or does not speak OpenID Connect."""
    try:
        answer: HttpResponseBase = openid_connect_login(request, provider_id)
    except (requests.RequestException, ValueError, KeyError) as error:
        log.warning("identity_provider_unusable", error=str(error))
        return render(request, "socialaccount/authentication_error.html", status=502)
    return answer


@login_not_required
def sso_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take somebody back from the identity provider."""
    try:
        answer: HttpResponseBase = OAuth2CallbackView.adapter_view(_Provider(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404("Single sign-on is not set up.") from None
    return answer
