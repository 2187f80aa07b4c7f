"""Forms for members and accounts."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator

from core.email_addresses import INVALID_EMAIL, punycode_domain
from core.form_messages import CleanedData
from core.sanitize import validate_single_line
from workspaces.models import Limits, Role, SessionLimits, User

ROLE_CHOICES = [
    (Role.VIEWER, "Viewer: can view"),
    (Role.OPERATOR, "Operator: can also create and revoke keys"),
    (Role.OWNER, "Owner: can also change credentials, members and settings"),
]


class InvitationForm(forms.Form):
    """The email address and role of somebody to invite."""

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": INVALID_EMAIL},
    )
    role = forms.ChoiceField(choices=ROLE_CHOICES, initial=Role.VIEWER)

    def clean_email(self) -> str:
        """Return the email address. Raises ValidationError for letters that Django takes for ASCII (Kelvin sign)."""
        return punycode_domain(self.cleaned_data["email"])


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(choices=Role.choices)
    confirmed = forms.BooleanField(required=False)


class MfaForm(forms.Form):
    """Whether a workspace requires a second factor."""

    required = forms.BooleanField(required=False)


class SessionLimitsForm(forms.Form):
    """Session limits, at most those of the settings."""

    idle_minutes = forms.IntegerField(label="Minutes without activity", min_value=5)
    hours = forms.IntegerField(label="Hours after signing in", min_value=1)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        most = SessionLimits.most()
        for name, limit in (("idle_minutes", most.idle_minutes), ("hours", most.hours)):
            field = self.fields[name]
            field.validators.append(MaxValueValidator(limit))
            field.widget.attrs["max"] = limit
            field.help_text = f"At most {limit:,} (set by the console's operator)."

    def limits(self) -> Limits:
        return Limits(self.cleaned_data["idle_minutes"], self.cleaned_data["hours"])


class NewAccountForm(forms.Form):
    """The account of an invited person: their name, and how they will sign in."""

    PASSWORD, PASSKEY = "password", "passkey"
    WAYS = ((PASSWORD, "With a password"), (PASSKEY, "With a passkey (your device's fingerprint, face or PIN)"))

    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        validators=[validate_single_line],
        help_text="Shown next to your email address in member lists.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    way = forms.ChoiceField(label="Sign in", choices=WAYS, initial=PASSWORD, widget=forms.RadioSelect)
    password = forms.CharField(
        error_messages={"required": "Choose a password."},
        strip=False,
        max_length=256,
        help_text="At least 12 characters. A few unrelated words are easy to remember and hard to guess.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Confirm password",
        error_messages={"required": "Enter the same password again."},
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, email: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email
        if self.is_bound and self.data.get("way") == self.PASSKEY:
            self.fields["password"].required = self.fields["password_again"].required = False

    def clean(self) -> dict[str, object]:
        """Validate the password, if the person chose to sign in with one."""
        data = super().clean() or {}
        if data.get("way") == self.PASSWORD:
            self._check_password(data)
        return data

    def _check_password(self, data: CleanedData) -> None:
        password, again = data.get("password"), data.get("password_again")
        if not password:
            return
        try:
            password_validation.validate_password(password, User(email=self.email, name=data.get("name", "")))
        except ValidationError as error:
            self.add_error("password", error)
        if again and password != again:
            self.add_error("password_again", "The passwords don't match.")

    def chosen_password(self) -> str | None:
        """Return the password, or None if the person will add a passkey."""
        return self.cleaned_data["password"] if self.cleaned_data["way"] == self.PASSWORD else None
