"""Adapts django-allauth: no sign-up, our own messages, encrypted secrets."""

from io import BytesIO
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from qrcode.image.svg import SvgPathImage

from cleanlist import Secret
from core import clock
from core.encryption import EncryptedValue
from core.http import Context
from workspaces.access import is_confirmed_or_resumed
from workspaces.accounts import events, sign_in_limits
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.credentials.encryption_keys import check_encryption_keys
from workspaces.models import User, Workspace
from workspaces.models.user import SECOND_FACTORS
from workspaces.services import account_mail

INCORRECT_CODE = "Wrong code. Codes change every 30 seconds: enter the current one."


class PasswordBackend(AuthenticationBackend):
    """Checks passwords. If single sign-on is the only way in, it rejects them, and takes as long as for a wrong one.

    The right password of a deactivated account counts as wrong, so that guessing reveals nothing and is counted and
    recorded.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        # Otherwise django-allauth would find the stashed deactivated user and redirect to a page that says so.
        self.unstash_authenticated_user()
        return None if user is None or is_sso_only(user.email) else user


class AccountAdapter(DefaultAccountAdapter):
    """Disables sign-up, applies the console's rule of confirmation, and counts and records failed attempts."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "Wrong email address or password.",
        "email_password_mismatch": "Wrong email address or password.",
        "incorrect_password": "Wrong password.",
        "incorrect_code": INCORRECT_CODE,
        "enter_current_password": "Wrong current password.",
        "too_many_login_attempts": "Too many attempts. Wait 5 minutes, then try again.",
        "rate_limited": "Too many attempts. Wait 1 minute, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Return False, because this is a company's own console."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """Count the attempt. Raises ValidationError after too many."""
        self._login_failed_rl_usage = sign_in_limits.consume(request, str(credentials.get("email", "")))
        if self._login_failed_rl_usage is None:
            raise self.validation_error("too_many_login_attempts")

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: object) -> None:
        sign_in_limits.clear(request, str(credentials.get("email", "")))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead to the overview of the person's only workspace, or to the list."""
        visible = list(Workspace.objects.visible_to(request.user)[:2])
        return visible[0].get_absolute_url() if len(visible) == 1 else super().get_login_redirect_url(request)

    def post_login(self, request: HttpRequest, user: User, **facts: object) -> HttpResponse:
        """Remember the browser, so that somebody who guesses passwords elsewhere cannot lock its owner out."""
        response: HttpResponse = super().post_login(request, user, **facts)
        sign_in_limits.remember(response, user)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: object) -> None:
        events.password_failed(request, str(credentials.get("email", "")))

    def is_reauthentication_required(self, *, app: str, **_: object) -> bool:  # noqa: ARG002
        """Apply the console's rule to allauth's own pages: signing in counts as a confirmation."""
        return not is_confirmed_or_resumed(self.request)

    def get_reauthentication_methods(self, user: object) -> list[dict[str, object]]:
        """Return how ``user`` can confirm who they are, the easiest way first: by second factors if there are any."""
        found = {method["id"]: method for method in super().get_reauthentication_methods(user)}
        if not isinstance(user, User):
            return []
        if is_sso_only(user.email):
            found.pop("reauthenticate", None)
        factors = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        if factors.isdisjoint(SECOND_FACTORS):
            found = {name: method for name, method in found.items() if name == "reauthenticate"}
        else:
            found.pop("reauthenticate", None)
        if not found and _can_use_single_sign_on(user):
            url = reverse("openid_connect_login", args=["sso"])
            return [{"id": "sso", "description": "Sign in once more", "url": url}]
        words = {
            "reauthenticate": "Use your password",
            "mfa_reauthenticate": "Use a code",
            "mfa_reauthenticate:webauthn": "Use a passkey",
        }
        # Without an app, a code would be a recovery code, which is not for everyday use, so the passkey comes first.
        order = list(words) if Authenticator.Type.TOTP in factors else list(reversed(words))
        return [{**found[name], "description": words[name]} for name in order if name in found]

    def send_mail(self, template_prefix: str, email: str, context: Context) -> None:
        """Queue the email with the time of its event, so that no request waits for the mail server."""
        facts = {name: str(context[name]) for name in ("ip", "user_agent") if name in context}
        when = context.get("timestamp", clock.cached_now()).isoformat()
        account_mail.queue(template_prefix, email, timestamp=when, **facts)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        """Return to the security page."""
        return reverse("mfa_index")


def _can_use_single_sign_on(user: User) -> bool:
    is_on = bool(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"])
    return is_on and bool(SocialAccount.objects.filter(user=user).exists())


class MfaAdapter(DefaultMFAAdapter):
    """Encrypts the secrets of second factors like all other credentials."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": INCORRECT_CODE}

    def encrypt(self, text: str) -> str:
        """Encrypt with the first of ENCRYPTION_KEYS. Raises DecryptionError if they decrypt no stored credential."""
        check_encryption_keys()
        return EncryptedValue.encrypt(Secret(text)).ciphertext

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt. Raises DecryptionError if no key fits."""
        return EncryptedValue(encrypted_text).decrypt().reveal()

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as an <svg> that the Content-Security-Policy allows: no style, XML header or image."""
        drawn = BytesIO()
        qrcode.make(url, image_factory=SvgPathImage, border=2).save(drawn)
        return drawn.getvalue().decode().partition("?>")[2].strip()

    def generate_authenticator_name(self, user: Any, type: object) -> str:  # noqa: A002 - allauth's name
        """Return a default name; the browser does not reveal the name of the device."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "Passkey" if count == 0 else f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Set the name of this console that devices show beside a passkey."""
        return {**super().get_public_key_credential_rp_entity(), "name": "Cleanlist Console"}
