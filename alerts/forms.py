"""Forms of rules, snoozes and recipients."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from alerts.engine.rule_kinds import RuleKind
from alerts.engine.state_machine import Levels
from alerts.models import Alert, QuietHours, Recipient, Rule, Severity, Stream
from core import clock
from core.email_addresses import punycode_domain
from core.form_messages import CleanedData
from core.formatting import format_number, format_quantity
from workspaces.models import Workspace
from workspaces.time_zone_field import TimeZoneField

REPEATS = (
    (0, "Don't repeat"),
    (3600, "Every hour"),
    (21600, "Every 6 hours"),
    (86400, "Every day"),
    (604800, "Every week"),
)
MAX_ADDRESSES = 20
LEVEL: CleanedData = {"max_digits": 14, "decimal_places": 4, "min_value": Decimal(0)}


class AddressesField(forms.CharField):
    """E-mail addresses, one a line or with commas between them; cleans to a list without repetitions."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false", "inputmode": "email"})
        super().__init__(widget=widget, max_length=6000, **options)

    def prepare_value(self, value: object) -> object:
        """Show a list one address a line."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: object) -> object:
        """Return the addresses. Raises ValidationError that names the first that is none."""
        text = super().clean(value).replace(",", "\n").replace(";", "\n")
        addresses: dict[str, None] = {}
        for address in filter(None, map(str.strip, text.splitlines())):
            try:
                validate_email(address)
                addresses[punycode_domain(address).lower()] = None
            except ValidationError:
                raise ValidationError(f"“{address[:80]}” is not an email address.") from None
        if len(addresses) > MAX_ADDRESSES:
            raise ValidationError(f"At most {MAX_ADDRESSES} addresses. Use a mailing list for more.")
        return list(addresses)


class AddressField(forms.EmailField):
    """One e-mail address, with its domain as the DNS has it."""

    def clean(self, value: object) -> Any:
        """Return the address. Raises ValidationError."""
        return punycode_domain(super().clean(value))


class RuleForm(forms.Form):
    """One rule: the fields that all kinds have, and those of its kind."""

    name = forms.CharField(max_length=120, help_text="Shown in emails and lists.")
    severity = forms.ChoiceField(choices=Severity.choices, widget=forms.RadioSelect)
    threshold = forms.DecimalField(**LEVEL)
    recovery = forms.DecimalField(label="Resolve at", **LEVEL)
    pending_minutes = forms.IntegerField(
        label="Wait before alerting (minutes)",
        min_value=0,
        max_value=10_080,
        help_text="How long the condition must last. 0: alert immediately.",
    )
    repeat_seconds = forms.TypedChoiceField(
        label="Remind", choices=REPEATS, coerce=int, help_text="Until resolved or acknowledged."
    )
    to_owners = forms.BooleanField(label="Email the workspace's owners", required=False)
    addresses = AddressesField(label="Also email", required=False, help_text="One address a line.")
    enabled = forms.BooleanField(label="On", required=False)

    def __init__(
        self,
        workspace: Workspace,
        kind: RuleKind,
        rule: Rule,
        data: Any = None,
        typed: dict[str, object] | None = None,
        *,
        others: Sequence[Rule] | None = None,
    ) -> None:
        """``others`` are the workspace's rules as they will be, where that differs from how they are stored."""
        self.workspace, self.kind, self.rule, self.others = workspace, kind, rule, others
        # A box that was not ticked is not among what was typed.
        boxes = {"to_owners": False, "enabled": False} if typed else {}
        super().__init__(data, initial=_initial(rule) | boxes | (typed or {}))
        self.fields |= {name: make() for name, make in kind.parameters.items()}
        for name in kind.parameters:
            if name in rule.parameters:
                self.fields[name].initial = rule.parameters[name]
        worse = "below" if kind.direction == "below" else "above"
        self.fields["threshold"].label = (
            f"Fire {worse} ({self.unit})" if not kind.parameters.get("unit") else f"Fire {worse}"
        )
        side = "At least" if kind.direction == "below" else "At most"
        self.fields[
            "recovery"
        ].help_text = f"{side} the alert level. The gap prevents repeated alerts when the value hovers."
        if kind.is_flag:
            del self.fields["threshold"], self.fields["recovery"]

    @property
    def unit(self) -> str:
        """Return what the levels are counted in."""
        return self.kind.unit

    def parameter_fields(self) -> Iterator[forms.BoundField]:
        """Yield the fields of this kind alone."""
        return (self[name] for name in self.kind.parameters)

    def clean(self) -> CleanedData:
        """Check the levels against each other and against the kind's other rules."""
        data = super().clean() or {}
        if not data.get("to_owners") and not data.get("addresses") and "addresses" not in self.errors:
            self.add_error("addresses", "This rule would notify no one. Enter an address, or choose the owners.")
        if self.kind.required_because and not data.get("enabled"):
            self.add_error("enabled", f"This rule stays on: {self.kind.required_because}.")
        if self.kind.is_flag or "threshold" not in data:
            return data
        if problem := self._out_of_range(data):
            self.add_error("threshold", problem)
            return data
        self._check_recovery(data)
        if self.kind.descending and data.get("enabled"):
            self._check_order(data)
        return data

    def _out_of_range(self, data: CleanedData) -> str:
        level, end = data["threshold"], self.kind.end
        if data.get("unit") == "percent" and level > 100:
            return "More than 100% of the highest balance would always fire."
        if data.get("unit") == "percent" and not level:
            return "At 0% it would never fire. For no credits left, choose a level in credits, and 0."
        if end is not None and not Levels(self.kind.direction, level, level).crossed(Decimal(end)):
            side = "more" if self.kind.direction == "below" else "less"
            return f"Choose {side} than {format_quantity(Decimal(end), self.unit)}."
        return ""

    def _check_recovery(self, data: CleanedData) -> None:
        threshold, recovery = data["threshold"], data.get("recovery")
        if recovery is None:
            return
        if self.kind.direction == "below" and recovery < threshold:
            self.add_error(
                "recovery",
                f"It must not be below {format_number(threshold)}, or it resolves while it still fires.",
            )
        if self.kind.direction == "above" and recovery > threshold:
            self.add_error(
                "recovery",
                f"It must not be above {format_number(threshold)}, or it resolves while it still fires.",
            )

    def _check_order(self, data: CleanedData) -> None:
        """Refuse a level that is out of line: a worse one must be lower (for "below"), a milder one higher."""
        if "severity" not in data:
            return
        mine = Severity(data["severity"])
        for other in self._others():
            if other.severity == mine or other.parameters.get("unit") != data.get("unit"):
                continue  # credits and per cent cannot be held against each other
            milder, worse = (
                (other.threshold, data["threshold"])
                if mine.rank > other.level.rank
                else (data["threshold"], other.threshold)
            )
            if not Levels(self.kind.direction, milder, milder).crossed(worse):
                side = "below" if (mine.rank > other.level.rank) == (self.kind.direction == "below") else "above"
                unit = "%" if data.get("unit") == "percent" else self.unit
                self.add_error(
                    "threshold",
                    f"Levels must descend: this must be {side} {format_quantity(other.threshold, unit)}, "
                    f"the level of “{other.name}” ({other.level.label.lower()}).",
                )
                return

    def _others(self) -> Iterable[Rule]:
        """Return the other rules of this kind that are on."""
        if self.others is None:
            rows = Rule.objects.filter(workspace=self.workspace, kind=self.kind.name, enabled=True)
            return rows.exclude(pk=self.rule.pk or 0)
        return [one for one in self.others if one is not self.rule and one.kind == self.kind.name and one.enabled]

    def apply(self) -> Rule:
        """Return the rule with what was entered, not stored."""
        data, rule = self.cleaned_data, self.rule
        for name in ("name", "severity", "repeat_seconds", "to_owners", "addresses", "enabled"):
            setattr(rule, name, data[name])
        rule.threshold, rule.recovery = data.get("threshold", Decimal(0)), data.get("recovery", Decimal(0))
        rule.pending_seconds = data["pending_minutes"] * 60
        rule.parameters = {name: data[name] for name in self.kind.parameters}
        return rule


def entries_at_level(rule: Rule, threshold: str, recovery: str = "") -> dict[str, object]:
    """Return what the form of ``rule`` holds, with another level; without a ``recovery`` the gap to it stays."""
    entries = _initial(rule) | dict(rule.parameters) | {"threshold": threshold}
    try:
        moved = rule.recovery + Decimal(threshold) - rule.threshold
        entries["recovery"] = recovery or _plain(max(moved, Decimal(0)))
    except ArithmeticError:  # not a number, which the field says
        entries["recovery"] = recovery or _plain(rule.recovery)
    entries["addresses"] = "\n".join(rule.addresses)
    return {name: value for name, value in entries.items() if value is not False}


def _initial(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "severity": rule.severity,
        "threshold": _plain(rule.threshold),
        "recovery": _plain(rule.recovery),
        "pending_minutes": rule.pending_seconds // 60,
        "repeat_seconds": rule.repeat_seconds,
        "to_owners": rule.to_owners,
        "addresses": rule.addresses,
        "enabled": rule.enabled,
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{Decimal(value).normalize():f}"


class AcknowledgeForm(forms.Form):
    """What somebody does about an alert."""

    note = forms.CharField(label="Note", max_length=300, required=False, help_text="For example: top-up ordered.")


class SnoozeForm(forms.Form):
    """Until when, or down to which level, no e-mails are sent."""

    until = forms.DateTimeField(
        required=False,
        label="Until",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        help_text="In your time zone.",
    )
    level = forms.DecimalField(required=False, **LEVEL)

    def __init__(self, alert: Alert, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.alert = alert
        kind = alert.rule.kind_of if alert.rule else None
        self.kind = kind
        if kind is None or kind.is_flag:
            del self.fields["level"]
            return
        word = "below" if kind.direction == "below" else "above"
        self.fields["level"].label = f"Or until it is {word} ({kind.unit})"

    def clean_until(self) -> object:
        """Refuse a time in the past, or so far ahead that it must be a mistake."""
        until = self.cleaned_data["until"]
        if until is not None and until <= clock.cached_now():
            raise ValidationError("Choose a time in the future.")
        if until is not None and until.year > clock.cached_now().year + 1:
            raise ValidationError("Choose a time within the next year.")
        return until

    def clean_level(self) -> object:
        """Refuse a level that is passed already."""
        level, alert = self.cleaned_data["level"], self.alert
        if level is None or alert.rule is None or alert.value is None or self.kind is None:
            return level
        if Levels(self.kind.direction, level, level).crossed(alert.value):
            raise ValidationError(f"Already past that, at {format_number(alert.value)}.")
        return level

    def clean(self) -> dict[str, object]:
        """Ask for one of the two at least."""
        data = super().clean() or {}
        if not self.errors and data.get("until") is None and data.get("level") is None:
            raise ValidationError("Choose a date or a level.")
        return data


class RecipientForm(forms.Form):
    """What one recipient gets."""

    critical = forms.BooleanField(required=False)
    warnings = forms.BooleanField(required=False)
    summary = forms.ChoiceField(label="Summary", choices=Recipient.Summary.choices, required=False)

    def gives_more_than(self, recipient: Recipient) -> bool:
        """Return whether ``recipient`` would get something that they do not get now."""
        data, now_gets = self.cleaned_data, "" if recipient.summary_off_at else recipient.summary
        more = (data[stream.value] and not recipient.wants(stream) for stream in (Stream.CRITICAL, Stream.WARNINGS))
        return any(more) or data["summary"] not in {"", now_gets}


class NewRecipientForm(forms.Form):
    """A new recipient of a summary."""

    address = AddressField(label="Address", max_length=254)
    summary = forms.ChoiceField(label="Summary", choices=Recipient.Summary.choices[1:])


class TestForm(forms.Form):
    """Where a test e-mail goes."""

    address = AddressField(label="Send a test to", max_length=254)

    def __init__(self, *args: Any, **options: Any) -> None:
        # Its page has another field of that name, and an id is of one field.
        super().__init__(*args, **{"auto_id": "id_test_%s", **options})


class QuietHoursForm(forms.Form):
    """From when until when e-mails that are not critical wait; empty for never."""

    begin = forms.TimeField(
        label="From", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    end = forms.TimeField(label="Until", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    time_zone = TimeZoneField(
        label="Time zone", help_text="For example Europe/Vienna. Leave empty for the console's time zone."
    )

    def clean(self) -> dict[str, object]:
        """Ask for both ends or none."""
        data = super().clean() or {}
        if not self.errors and (data.get("begin") is None) != (data.get("end") is None):
            raise ValidationError("Enter both times, or leave both empty.")
        if data.get("begin") is not None and data.get("begin") == data.get("end"):
            raise ValidationError("Choose two different times.")
        return data

    def hours(self) -> QuietHours | None:
        """Return what was entered, not stored; None for no quiet hours."""
        data = self.cleaned_data
        if data["begin"] is None:
            return None
        return QuietHours(begin=data["begin"], end=data["end"], time_zone=data["time_zone"])
