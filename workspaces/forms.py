"""What people enter about workspaces. Typed secrets become ``Secret`` here and are never rendered back."""

from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from cleanlist import Secret, checked_base_url, describe_key_format
from core.sanitize import validate_single_line
from workspaces.credentials.clients import AddressNotAllowed, check_api_origin
from workspaces.models import Action, Outcome, User, Workspace
from workspaces.models.audit import AuditEventQuerySet
from workspaces.services import Credentials
from workspaces.time_zone_field import TimeZoneField

LONGEST_SECRET = 8000
NO_CREDENTIAL = "Enter an API key, a management session, or both."
# Password managers would offer to keep what belongs to a server, so they are told to look away.
SECRET_ATTRS = {
    "class": "mono",
    "autocomplete": "off",
    "autocapitalize": "off",
    "spellcheck": "false",
    "data-1p-ignore": "true",
    "data-lpignore": "true",
}


class SecretField(forms.CharField):
    """A credential that is typed or pasted; cleans to a ``Secret``, or None when left empty."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs=SECRET_ATTRS, render_value=False)
        super().__init__(widget=widget, max_length=LONGEST_SECRET, **options)

    def problem_with(self, text: str) -> str | None:
        """Say what is wrong with the form of ``text``, without repeating it."""
        if text.lower().startswith("bearer "):
            return "Leave out the word “Bearer”; paste the token alone."
        if set(text) & set("\"'`“”"):
            return "Leave out the quotes."
        if not (text.isascii() and text.isprintable()) or " " in text:
            return "There is a space, a line break or another stray character in it; paste it whole and alone."
        return None

    def clean(self, value: Any) -> Any:
        """Return a ``Secret`` or None. Raises ValidationError when it cannot be what was asked for."""
        text = super().clean(value)
        if not text:
            return None
        if problem := self.problem_with(text):
            raise ValidationError(problem)
        return Secret(text)


class ApiKeyField(SecretField):
    """A whole ``clapi_`` key."""

    def problem_with(self, text: str) -> str | None:
        """Ask the client, which knows the form of a key."""
        return describe_key_format(text)


class SessionTokenField(SecretField):
    """A session token (JWT)."""

    def problem_with(self, text: str) -> str | None:
        """Tell a key or half a token from a whole one."""
        if text.startswith("clapi_"):
            return "That is an API key. A session token starts with “eyJ” and comes from a signed-in browser."
        if problem := super().problem_with(text):
            return problem
        if text.count(".") != 2:
            return "A session token has three parts with a dot between them. Was a part left out?"
        return None


class ClientTokenField(SecretField):
    """The value of Clerk's ``__client`` cookie."""

    def problem_with(self, text: str) -> str | None:
        """Tell the whole cookie from its value."""
        if text.startswith("__client="):
            return "Paste the cookie's value alone, without “__client=”."
        return super().problem_with(text)


class AddressField(forms.CharField):
    """An address that credentials may be sent to: http(s), and listed in CLEANLIST_API_ORIGINS."""

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "url", "autocomplete": "off", "spellcheck": "false", "list": "api-origins"}
        super().__init__(widget=forms.TextInput(attrs=attrs), max_length=200, **options)

    def clean(self, value: Any) -> Any:
        """Return the address without its trailing slash."""
        text = super().clean(value)
        if not text:
            return ""
        try:
            address = checked_base_url(text)
            # A port that is no number is found out only when it is read.
            _ = urlsplit(address).port
            check_api_origin(address)
        except (ValueError, AddressNotAllowed) as error:
            raise ValidationError(str(error)) from None
        return address


def first_address() -> str:
    """Return the API address that a new workspace most likely has."""
    return settings.CLEANLIST_API_ORIGINS[0] if settings.CLEANLIST_API_ORIGINS else ""


class DetailsForm(forms.Form):
    """Name and API address of a workspace."""

    name = forms.CharField(
        max_length=80, validators=[validate_single_line], help_text="As your team calls this organization."
    )
    base_url = AddressField(label="API address", initial=first_address)


class ApiKeyForm(forms.Form):
    """One API key."""

    api_key = ApiKeyField(label="API key", help_text="Starts with <code>clapi_</code>. It is stored encrypted.")
    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def credentials(self) -> Credentials:
        """Return what was entered."""
        return Credentials(api_key=self.cleaned_data["api_key"])


class SessionFields(forms.Form):
    """The two ways to session tokens, of which one is chosen."""

    PASTED, CLERK = "pasted", "clerk"
    KINDS = ((PASTED, "Paste a session token"), (CLERK, "Store a Clerk client session"))

    session_kind = forms.ChoiceField(label="Management session", choices=KINDS, initial=CLERK, widget=forms.RadioSelect)
    session_token = SessionTokenField(
        label="Session token",
        required=False,
        help_text="Lives about a minute: good for a few commands, then it is over.",
    )
    frontend_api_url = AddressField(
        label="Clerk front-end API",
        required=False,
        help_text="The address that a signed-in browser renews its session at; see the network tab.",
    )
    session_id = forms.RegexField(
        r"^[A-Za-z0-9_-]+$",
        label="Session id",
        max_length=200,
        required=False,
        help_text="Starts with <code>sess_</code>.",
        error_messages={"invalid": "A session id has letters, digits, _ and - only."},
    )
    client_token = ClientTokenField(
        label="Client token",
        required=False,
        help_text="The value of the cookie <code>__client</code>. It is stored encrypted.",
    )

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen kind needs."""
        data = super().clean() or {}
        needed = {
            self.PASTED: ("session_token",),
            self.CLERK: ("frontend_api_url", "session_id", "client_token"),
        }
        for name in needed.get(data.get("session_kind", ""), ()):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "This is needed for the kind of session that you chose.")
        return data

    def session_parts(self) -> dict[str, Any]:
        """Return what the chosen kind needs, and nothing that was typed for the other one."""
        data = self.cleaned_data
        if data["session_kind"] == self.PASTED:
            return {"session_token": data["session_token"]}
        if data["session_kind"] == self.CLERK:
            return {name: data[name] for name in ("frontend_api_url", "session_id", "client_token")}
        return {}


class SessionForm(SessionFields):
    """One source of session tokens."""

    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def credentials(self) -> Credentials:
        """Return what was entered."""
        return Credentials(**self.session_parts())


class ConnectForm(DetailsForm, SessionFields):
    """A new workspace: name, address, and at least one credential."""

    NONE = "none"

    api_key = ApiKeyField(
        label="API key",
        required=False,
        help_text="Starts with <code>clapi_</code>. It is stored encrypted and never shown again.",
    )
    save_anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind = self.fields["session_kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101 - narrows the type
        kind.choices, kind.initial = ((self.NONE, "None for now"), *self.KINDS), self.NONE
        self.order_fields(["name", "base_url", "api_key", "session_kind"])

    def clean(self) -> dict[str, Any]:
        """Refuse a workspace that could not read anything."""
        data = super().clean()
        if data.get("session_kind") == self.NONE and not data.get("api_key") and "api_key" not in self.errors:
            self.add_error("api_key", NO_CREDENTIAL)
        return data

    def credentials(self) -> Credentials:
        """Return what was entered."""
        return Credentials(api_key=self.cleaned_data["api_key"], **self.session_parts())


class RemoveWorkspaceForm(forms.Form):
    """The typed name that confirms a removal."""

    phrase = forms.CharField(max_length=80, strip=True)

    def __init__(self, workspace: Workspace, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.workspace = workspace

    def clean_phrase(self) -> str:
        """Compare with the workspace's name."""
        phrase: str = self.cleaned_data["phrase"]
        if phrase != self.workspace.name:
            raise ValidationError(f"This is not the workspace's name. Type “{self.workspace.name}”.")
        return phrase


class DateInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"


def _is_this_age(value: date) -> None:
    """Refuse years that no event has and that date arithmetic trips over."""
    if not 2000 <= value.year <= 2999:
        raise ValidationError("Choose a date from 2000 on.")


class AuditFilterForm(forms.Form):
    """Which events of the audit trail to show. Every field may be left out; a bad one is left out, and said."""

    action = forms.ChoiceField(required=False, choices=[("", "Every action"), *Action.choices])
    outcome = forms.ChoiceField(required=False, choices=[("", "Every outcome"), *Outcome.choices])
    actor = forms.CharField(
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"placeholder": "Part of an e-mail", "list": "actors", "autocomplete": "off"}),
    )
    since = forms.DateField(required=False, label="From", widget=DateInput, validators=[_is_this_age])
    until = forms.DateField(required=False, label="Until", widget=DateInput, validators=[_is_this_age])
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    CONSOLE = "the console itself"

    @property
    def narrows(self) -> bool:
        """Return whether any filter is set, the page's place aside."""
        return any(value for name, value in self.cleaned_data.items() if name != "before")

    def apply(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        """Return ``events`` narrowed down to what was asked for; dates are days in the viewer's zone."""
        data = self.cleaned_data
        for name in ("action", "outcome"):
            if data.get(name):
                events = events.filter(**{name: data[name]})
        if data.get("actor") == self.CONSOLE:
            events = events.filter(actor_email="")
        elif data.get("actor"):
            events = events.filter(actor_email__icontains=data["actor"])
        if data.get("since"):
            events = events.filter(at__gte=_edge_of_day(datetime.combine(data["since"], time.min)))
        if data.get("until"):
            events = events.filter(at__lte=_edge_of_day(datetime.combine(data["until"], time.max)))
        return events


def _edge_of_day(moment: datetime) -> datetime:
    """Return ``moment`` in the viewer's zone."""
    return timezone.make_aware(moment)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """What a person may say about themselves."""

    class Meta:
        model = User
        fields = ("name", "time_zone")
        field_classes = {"time_zone": TimeZoneField}
        widgets = {"time_zone": forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"})}
        help_texts = {
            "name": "Shown beside your e-mail address in lists of members.",
            "time_zone": "Times are shown in this zone. Left empty, they follow the browser.",
        }

    def clean_name(self) -> str:
        """Refuse what would act on the pages and e-mails that show the name."""
        name: str = self.cleaned_data["name"]
        validate_single_line(name)
        return name

    @staticmethod
    def zones() -> list[str]:
        """Return the names to choose from."""
        return sorted(available_timezones())
