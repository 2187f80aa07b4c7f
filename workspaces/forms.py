"""Forms for workspaces. Entered secrets become ``Secret`` here and are never rendered again."""

from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from cleanlist import Secret, checked_base_url, describe_key_format
from core.form_messages import CleanedData
from core.sanitize import validate_single_line
from workspaces.credentials.clients import AddressNotAllowed, check_api_origin
from workspaces.models import User, Workspace
from workspaces.services import Credentials
from workspaces.time_zone_field import TimeZoneField

LONGEST_SECRET = 8000
NO_CREDENTIAL = "Enter an API key, a management session, or both."
# These attributes keep password managers from offering to save credentials of a server.
SECRET_ATTRS = {
    "class": "mono",
    "autocomplete": "off",
    "autocapitalize": "off",
    "spellcheck": "false",
    "data-1p-ignore": "true",
    "data-lpignore": "true",
}


class SecretField(forms.CharField):
    """A field for a credential. It cleans to a ``Secret``, or None if empty."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs=SECRET_ATTRS, render_value=False)
        super().__init__(widget=widget, max_length=LONGEST_SECRET, **options)

    def problem_with(self, text: str) -> str | None:
        """Return what is wrong with the format of ``text``, without repeating it, or None."""
        if text.lower().startswith("bearer "):
            return "Remove the word “Bearer”; paste only the token."
        if set(text) & set("\"'`“”"):
            return "Remove the quotes."
        if not (text.isascii() and text.isprintable()) or " " in text:
            return "It contains a space, a line break or another stray character. Paste it again, complete and alone."
        return None

    def clean(self, value: object) -> object:
        """Return a ``Secret`` or None. Raises ValidationError if the format is wrong."""
        text = super().clean(value)
        if not text:
            return None
        if problem := self.problem_with(text):
            raise ValidationError(problem)
        return Secret(text)


class ApiKeyField(SecretField):
    """A field for a complete ``clapi_`` key."""

    def problem_with(self, text: str) -> str | None:
        return describe_key_format(text)


class SessionTokenField(SecretField):
    """A field for a session token (JWT)."""

    def problem_with(self, text: str) -> str | None:
        """Detect API keys and incomplete tokens too."""
        if text.startswith("clapi_"):
            return "That is an API key. A session token starts with “eyJ” and comes from a signed-in browser."
        if problem := super().problem_with(text):
            return problem
        if text.count(".") != 2:
            return "A session token has three parts separated by dots. Is part of it missing?"
        return None


class ClientTokenField(SecretField):
    """A field for the value of Clerk's ``__client`` cookie."""

    def problem_with(self, text: str) -> str | None:
        """Detect a whole cookie too."""
        if text.startswith("__client="):
            return "Paste only the cookie's value, without “__client=”."
        return super().problem_with(text)


class AddressField(forms.CharField):
    """A field for a URL that credentials may be sent to: http(s), with its origin in CLEANLIST_API_ORIGINS."""

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "url", "autocomplete": "off", "spellcheck": "false", "list": "api-origins"}
        super().__init__(widget=forms.TextInput(attrs=attrs), max_length=200, **options)

    def clean(self, value: object) -> object:
        """Return the URL without its trailing slash."""
        text = super().clean(value)
        if not text:
            return ""
        try:
            address = checked_base_url(text)
            # urlsplit validates the port only when the attribute is read.
            _ = urlsplit(address).port
            check_api_origin(address)
        except (ValueError, AddressNotAllowed) as error:
            raise ValidationError(str(error)) from None
        return address


def first_address() -> str:
    """Return the most likely API URL of a new workspace."""
    return settings.CLEANLIST_API_ORIGINS[0] if settings.CLEANLIST_API_ORIGINS else ""


class DetailsForm(forms.Form):
    """Name and API URL of a workspace."""

    name = forms.CharField(
        max_length=80, validators=[validate_single_line], help_text="What your team calls this organization."
    )
    base_url = AddressField(label="API address", initial=first_address)


class ApiKeyForm(forms.Form):
    """An API key."""

    api_key = ApiKeyField(label="API key", help_text="Starts with <code>clapi_</code>. Stored encrypted.")
    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def credentials(self) -> Credentials:
        return Credentials(api_key=self.cleaned_data["api_key"])


class SessionFields(forms.Form):
    """The two sources of session tokens and the choice between them."""

    PASTED, CLERK = "pasted", "clerk"
    needed_by_choice = ("session_token", "frontend_api_url", "session_id", "client_token")
    KINDS = ((PASTED, "Paste a session token"), (CLERK, "Save a Clerk client session"))

    session_kind = forms.ChoiceField(label="Management session", choices=KINDS, initial=CLERK, widget=forms.RadioSelect)
    session_token = SessionTokenField(
        label="Session token",
        required=False,
        help_text="Valid for about a minute: enough for a few commands.",
    )
    frontend_api_url = AddressField(
        label="Clerk front-end API",
        required=False,
        help_text="The address where a signed-in browser renews its session. Find it in your browser's network tab.",
    )
    session_id = forms.RegexField(
        r"^[A-Za-z0-9_-]+$",
        label="Session ID",
        max_length=200,
        required=False,
        help_text="Starts with <code>sess_</code>.",
        error_messages={"invalid": "A session ID contains only letters, digits, _ and -."},
    )
    client_token = ClientTokenField(
        label="Client token",
        required=False,
        help_text="The value of the cookie <code>__client</code>. Stored encrypted.",
    )

    def clean(self) -> dict[str, object]:
        """Require the fields of the chosen kind."""
        data = super().clean() or {}
        needed = {
            self.PASTED: ("session_token",),
            self.CLERK: ("frontend_api_url", "session_id", "client_token"),
        }
        for name in needed.get(data.get("session_kind", ""), ()):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "Required for the type of session you chose.")
        return data

    def session_parts(self) -> CleanedData:
        """Return the values of the chosen kind's fields, without those of the other kind."""
        data = self.cleaned_data
        if data["session_kind"] == self.PASTED:
            return {"session_token": data["session_token"]}
        if data["session_kind"] == self.CLERK:
            return {name: data[name] for name in ("frontend_api_url", "session_id", "client_token")}
        return {}


class SessionForm(SessionFields):
    """A source of session tokens."""

    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def credentials(self) -> Credentials:
        return Credentials(**self.session_parts())


class ConnectForm(DetailsForm, SessionFields):
    """A new workspace: name, API URL, and at least one credential."""

    NONE = "none"

    api_key = ApiKeyField(
        label="API key",
        required=False,
        help_text="Starts with <code>clapi_</code>. Stored encrypted and never shown again.",
    )
    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind = self.fields["session_kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101 - narrows the type
        kind.choices, kind.initial = ((self.NONE, "None for now"), *self.KINDS), self.NONE
        self.order_fields(["name", "base_url", "api_key", "session_kind"])

    def clean(self) -> dict[str, object]:
        """Require a credential, because the workspace could not read anything without one."""
        data = super().clean()
        if data.get("session_kind") == self.NONE and not data.get("api_key") and "api_key" not in self.errors:
            self.add_error("api_key", NO_CREDENTIAL)
        return data

    def credentials(self) -> Credentials:
        return Credentials(api_key=self.cleaned_data["api_key"], **self.session_parts())


class RemoveWorkspaceForm(forms.Form):
    """The workspace's name, typed to confirm its removal."""

    phrase = forms.CharField(max_length=80, strip=True)

    def __init__(self, workspace: Workspace, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.workspace = workspace

    def clean_phrase(self) -> str:
        phrase: str = self.cleaned_data["phrase"]
        if phrase != self.workspace.name:
            raise ValidationError(f"That doesn't match the workspace's name. Type “{self.workspace.name}”.")
        return phrase


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A person's own name and time zone."""

    class Meta:
        model = User
        fields = ("name", "time_zone")
        field_classes = {"time_zone": TimeZoneField}
        widgets = {"time_zone": forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"})}
        help_texts = {
            "name": "Shown next to your email address in member lists.",
            "time_zone": "Times are shown in this zone. Leave empty to use your browser's.",
        }

    def clean_name(self) -> str:
        """Reject characters that would affect the pages and emails that show the name."""
        name: str = self.cleaned_data["name"]
        validate_single_line(name)
        return name

    @staticmethod
    def zones() -> list[str]:
        """Return the names of all time zones."""
        return sorted(available_timezones())
