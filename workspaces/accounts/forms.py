"""Django-allauth's forms with the console's labels and messages, and with checks of malformed input."""

from allauth.account.forms import (
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    UserTokenForm,
)
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.base.forms import AuthenticateForm as CodeAuthenticateForm
from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from core.form_messages import CleanedData
from workspaces.accounts import emails, events, passkeys
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.models import User
from workspaces.services import account_mail

SECOND_FACTOR_ONLY = "The passkey was added as a second factor only."
CODE_USED = "That code was already used. Wait for the app's next code, then enter it."
RECOVERY_CODE_USED = "That recovery code was already used. Enter another one."
NOT_VERIFIED = "That passkey couldn't be verified. Try again, or sign in another way."


def _name(form: forms.Form, **labels: str) -> None:
    """Set the labels of allauth's fields to those of the console, and remove their placeholders."""
    for name, label in labels.items():
        form.fields[name].label = label
        form.fields[name].widget.attrs["placeholder"] = ""


class SignInForm(LoginForm):
    """Email address and password, with the focus on the first field."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        _name(self, login="Email", password="Password")  # noqa: S106 - a label
        self.fields["login"].widget.attrs["autofocus"] = True


class NewPasswordForm(ChangePasswordForm):
    """A new password, confirmed by the current one."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        _name(self, oldpassword="Current password", password1="New password", password2="Confirm new password")


class FirstPasswordForm(SetPasswordForm):
    """The first password of an account that has none."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        _name(self, password1="Password", password2="Confirm password")


class PasswordByLinkForm(ResetPasswordKeyForm):
    """A new password, set by the link in an email."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        _name(self, password1="New password", password2="Confirm new password")


class AskForResetForm(ResetPasswordForm):
    """The email address to send a link for a new password to.

    The worker looks the account up, so neither the response nor its time reveals whether there is one.
    """

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        _name(self, email="Email")
        self.fields["email"].widget.attrs["autofocus"] = True

    def clean_email(self) -> str:
        """Return the email address. Unlike allauth, do not look up its account."""
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **_: object) -> str:  # noqa: ARG002
        """Queue the email and return the email address."""
        address: str = self.cleaned_data["email"]
        account_mail.queue(emails.PASSWORD_RESET, address)
        return address


class ResetTokenForm(UserTokenForm):
    """Validates the link to set a new password. The link of a deactivated account is not valid."""

    def _get_user(self, uidb36: str) -> User | None:
        user = super()._get_user(uidb36)
        return user if user is not None and user.is_active else None


class ConfirmByPasswordForm(ReauthenticateForm):
    """The password again, to confirm; it has the focus, because people came here in the middle of something else."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["password"].widget.attrs["autofocus"] = True


class _CodeForm(BaseAuthenticateForm):
    """A code of the second factor, with the focus on it and a message of its own for a code that was used before."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["code"].widget.attrs["autofocus"] = True

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError if it is wrong or was used before."""
        try:
            return str(super().clean_code())
        except ValidationError as error:
            used = self._used_up() if error.code == "incorrect_code" else ""
            raise ValidationError(used) if used else error from None

    def _used_up(self) -> str:
        code = normalize_user_code(self.cleaned_data["code"])
        for factor in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN):
            kind = factor.wrap()
            if isinstance(kind, TOTP) and cache.get(kind._get_used_cache_key(code)):  # noqa: SLF001 - has no other name
                return CODE_USED
            if isinstance(kind, RecoveryCodes) and code in kind.generate_codes():
                return RECOVERY_CODE_USED
        return ""


class SecondFactorForm(_CodeForm, CodeAuthenticateForm):
    """A code after the password."""


class ConfirmByCodeForm(_CodeForm, CodeReauthenticateForm):
    """A code to confirm who the person is."""


class AddPasskeyForm(AddWebAuthnForm):
    """A new passkey: its name, and whether it signs in without the password."""

    name = forms.CharField(
        label="Name",
        required=False,
        max_length=80,
        help_text="A name you'll recognize, such as “Work laptop”.",
    )
    passwordless = forms.BooleanField(
        label="Sign in without a password",
        required=False,
        initial=True,
        help_text="Your device asks for your fingerprint, face or PIN. If off, the passkey is only a second factor.",
    )

    def clean(self) -> dict[str, object]:
        """Reject malformed responses of authenticators."""
        try:
            cleaned: CleanedData = super().clean()
        except ValidationError:
            raise
        except Exception as error:  # the library lets any exception of its parsers through
            raise ValidationError("That passkey couldn't be added. Try again.") from error
        if credential := cleaned.get("credential"):
            passkeys.allow(credential, alone=bool(cleaned.get("passwordless")))
        return cleaned


class RenamePasskeyForm(EditWebAuthnForm):
    """A new name for a passkey."""

    name = forms.CharField(label="Name", max_length=80)


class _CarefulForm(AuthenticateWebAuthnForm):
    """A passkey's response to a challenge."""

    def clean_credential(self) -> object:
        """Reject malformed and invalid responses, and record the rejection."""
        try:
            return super().clean_credential()
        except Exception as error:  # the library lets any exception of its parsers through
            events.passkey_failed(context.request, self.user)
            raise ValidationError(NOT_VERIFIED) from error


class PasskeySignInForm(_CarefulForm, LoginWebAuthnForm):
    """Sign-in by passkey alone, if its owner allowed that."""

    def clean_credential(self) -> Authenticator:
        """Reject a passkey that was added as a second factor only. Some verify their user even if not asked to."""
        passkey: Authenticator = super().clean_credential()
        if is_sso_only(passkey.user.email):
            events.passkey_failed(context.request, passkey.user, "Only single sign-on is allowed.")
            raise ValidationError("This console uses single sign-on.")
        if not passkeys.signs_in_alone(passkey):
            events.passkey_failed(context.request, passkey.user, SECOND_FACTOR_ONLY)
            raise ValidationError("That passkey is only a second factor. Enter your password first.")
        return passkey


class PasskeySecondFactorForm(_CarefulForm):
    """A passkey after the password."""


class PasskeyConfirmationForm(_CarefulForm, ReauthenticateWebAuthnForm):
    """A passkey to confirm who the person is."""
