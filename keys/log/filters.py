"""What a reader of the log asks for, as it stands in the address: parsed, explained where it is wrong, applied.

Relative ranges stay relative: ``since=6h`` means the last six hours whenever the address is opened.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from keys.log.networks import Network
from keys.models import ApiKey
from keys.models.request_log import LoggedRequestQuerySet, Place

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
WORDS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Where in the log one is, and which row is open: no filters.
PLACES = ("older", "newer", "at", "row", "seen")
FIRST_YEAR, LAST_YEAR = 2000, 2100
LONGEST_DURATION_MS = 2**31 - 1


@dataclass(frozen=True)
class Statuses:
    """Status codes, and classes of them: 4 for 400 to 499."""

    codes: tuple[int, ...]
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Chip:
    """A filter in words, and the query string that a click on it leads to."""

    text: str
    url: str


def parse_moment(text: str, *, end: bool = False) -> datetime:
    """Read an ISO 8601 date or time, in the viewer's zone where it names none; a day's ``end`` is the next midnight.

    Raises ValidationError.
    """
    try:
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        moment = datetime.combine(day, time.min)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(f"“{text[:40]}” is no time. Write 2026-04-06T17:42, or a date.") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValidationError(f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


class MomentInput(forms.TextInput):
    """A date and time in the viewer's zone, whatever zone the address names."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        """Return the time as the browser's field takes it."""
        try:
            return f"{timezone.localtime(parse_moment(str(value or ''))):%Y-%m-%dT%H:%M:%S}".removesuffix(":00")
        except ValidationError:
            return str(value) if value else None


def _example(text: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": text, "autocomplete": "off", "spellcheck": "false"})


# What is looked for most.
FIRST = ("path", "status", "ip", "since", "key")


class LogFilterForm(forms.Form):
    """The filters. Every one may be left out; while one is wrong nothing is shown, and its field says why."""

    path = forms.CharField(
        required=False, label="Path", max_length=1000, widget=_example("/begins-with, part, or =/exactly")
    )
    status = forms.CharField(required=False, label="Status", max_length=200, widget=_example("4xx, 429"))
    ip = forms.CharField(required=False, label="IP or network", max_length=64, widget=_example("203.0.113.0/24"))
    since = forms.CharField(required=False, label="Last", max_length=100, widget=_example("6h, 30m, 7d"))
    key = forms.CharField(required=False, label="Key", max_length=100)
    start = forms.CharField(required=False, label="From", max_length=100, widget=MomentInput)
    end = forms.CharField(required=False, label="Until", max_length=100, widget=MomentInput)
    method = forms.CharField(required=False, label="Method", max_length=100, widget=_example("GET, POST"))
    agent = forms.CharField(required=False, label="User agent", max_length=300, widget=_example("python-requests"))
    slower = forms.IntegerField(
        required=False, label="Slower than (ms)", min_value=0, max_value=LONGEST_DURATION_MS, widget=_example("1000")
    )
    own = forms.ChoiceField(
        required=False, label="The console's own calls", choices=[("", "Hidden"), ("1", "Shown among the others")]
    )

    def __init__(self, data: QueryDict, keys: Sequence[ApiKey] | None = None) -> None:
        """Read ``data``; ``keys`` are those to choose from, None on the page of a single one."""
        super().__init__(data)
        self.query = data
        self.keys = {str(key.key_id): key for key in keys or ()}
        if keys is None:
            del self.fields["key"]
        else:
            names = [("", "All keys"), *((name, key.label) for name, key in self.keys.items())]
            self.fields["key"].widget = forms.Select(choices=names)

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """Return the fields that are always in sight."""
        return [self[name] for name in FIRST if name in self.fields]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """Return the others."""
        return [bound for bound in self if bound.name not in FIRST]

    @property
    def uses_more(self) -> bool:
        """Say whether one of the others is on, or wrong."""
        return any(bound.errors or self.query.get(bound.name) for bound in self.more_fields)

    def clean_since(self) -> timedelta | None:
        """Read a span: "6h"."""
        text: str = self.cleaned_data["since"]
        if not text:
            return None
        match = re.fullmatch(r"([1-9][0-9]{0,3})([mhdw])", text)
        if match is None:
            raise ValidationError(f"“{text[:40]}” is no span of time. Write 30m, 6h, 7d or 4w.")
        return int(match[1]) * UNITS[match[2]]

    def clean_start(self) -> datetime | None:
        """Read the first moment."""
        text: str = self.cleaned_data["start"]
        return parse_moment(text) if text else None

    def clean_end(self) -> datetime | None:
        """Read the moment before which it ends."""
        text: str = self.cleaned_data["end"]
        return parse_moment(text, end=True) if text else None

    def clean_key(self) -> ApiKey | None:
        """Return the key of that id."""
        text: str = self.cleaned_data["key"]
        if text and text not in self.keys:
            raise ValidationError("This workspace has no such key. Choose one from the list.")
        return self.keys.get(text)

    def clean_status(self) -> Statuses | None:
        """Read codes and classes: "401,429,5xx"."""
        tokens = [token.strip().lower() for token in self.cleaned_data["status"].split(",") if token.strip()]
        for token in tokens:
            if not re.fullmatch(r"[1-5]xx|[1-9][0-9]{2}", token):
                raise ValidationError(f"“{token[:20]}” is no status. Write 429, 4xx, or several: 401,429,5xx.")
        if not tokens:
            return None
        codes = tuple(int(token) for token in tokens if token.isdigit())
        return Statuses(codes, tuple(int(token[0]) for token in tokens if not token.isdigit()))

    def clean_method(self) -> tuple[str, ...]:
        """Read methods, in capitals."""
        methods = tuple(part.strip().upper() for part in self.cleaned_data["method"].split(",") if part.strip())
        for method in methods:
            if not re.fullmatch(r"[A-Z]{1,16}", method):
                raise ValidationError(f"“{method[:20]}” is no method. Write GET, or several: GET,POST.")
        return methods

    def clean_ip(self) -> Network | None:
        """Read an address as a network of one, or a network."""
        text: str = self.cleaned_data["ip"]
        if not text:
            return None
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise ValidationError(
                f"“{text[:64]}” is neither an address nor a network. Write 203.0.113.42 or 203.0.113.0/24."
            ) from error

    def clean(self) -> dict[str, Any]:
        """Refuse what no filter is called, and times that exclude each other."""
        data = self.cleaned_data
        known = {*self.fields, *PLACES}
        if unknown := sorted(name for name in self.query if name not in known):
            raise ValidationError(f"There is no filter “{unknown[0][:40]}”. Remove it from the address.")
        if data.get("since") and (data.get("start") or data.get("end")):
            self.add_error("since", "Choose either a span that ends now, or fixed times.")
        if data.get("start") and data.get("end") and data["start"] >= data["end"]:
            self.add_error("end", "This lies before the time in “From”.")
        return data

    def apply(self, rows: LoggedRequestQuerySet, now: datetime) -> LoggedRequestQuerySet:
        """Return ``rows`` narrowed down by every filter except the one on own calls."""
        for condition in self._conditions(now):
            rows = rows.filter(**condition)
        data = self.cleaned_data
        if data["status"]:
            rows = rows.with_statuses(data["status"].codes, data["status"].classes)
        return rows.from_network(data["ip"]) if data["ip"] else rows

    def _conditions(self, now: datetime) -> Iterator[Mapping[str, Any]]:
        data = self.cleaned_data
        if start := data["start"] or (data["since"] and now - data["since"]):
            yield {"created_at__gte": start}
        if data["end"]:
            yield {"created_at__lt": data["end"]}
        if data.get("key"):
            yield {"key": data["key"]}
        if data["method"]:
            yield {"method__in": data["method"]}
        if data["path"]:
            yield {f"path__{_path_lookup(data['path'])}": data["path"].removeprefix("=")}
        if data["agent"]:
            yield {"user_agent__icontains": data["agent"]}
        if data["slower"] is not None:
            yield {"duration_ms__gt": data["slower"]}

    @property
    def shows_own(self) -> bool:
        """Say whether the console's own calls are asked for."""
        return bool(self.cleaned_data.get("own"))

    @property
    def narrows(self) -> bool:
        """Say whether any filter is on, showing own calls aside."""
        return any(self._texts())

    def chips(self) -> list[Chip]:
        """Return each filter that is on, in words."""
        return [Chip(text, self.link(**dict.fromkeys(names, ""))) for names, text in self._texts()]

    def link(self, **changes: str) -> str:
        """Return the query string with ``changes`` made to the filters; "" takes one out. It starts at the top."""
        query = self.query.copy()
        for name in (*PLACES, *changes):
            query.pop(name, None)
        query.update({name: value for name, value in changes.items() if value})
        return f"?{query.urlencode()}"

    @property
    def address(self) -> str:
        """Return the query string of these filters."""
        return self.link()

    @property
    def last_day(self) -> str:
        """Return the query string for the last 24 hours of the same."""
        return self.link(since="24h", start="", end="")

    @property
    def suggestions(self) -> list[Chip]:
        """Return filters to begin with, each with its query string."""
        spans = [Chip(f"Last {text}", self.link(since=text)) for text in ("1h", "6h", "24h", "7d")]
        return spans + [Chip(text, self.link(status=text)) for text in ("401", "429", "4xx", "5xx")]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Return the filters as a form carries them along."""
        return [(name, str(value)) for name, value in self.query.items() if name not in PLACES]

    def _texts(self) -> Iterator[tuple[tuple[str, ...], str]]:
        raw = {name: self.query.get(name, "").strip() for name in self.fields}
        if span := raw["since"]:
            yield ("since",), f"last {span[:-1]} {WORDS.get(span[-1], '')}"
        for name, word in (("start", "from"), ("end", "until")):
            if raw[name]:
                yield (name,), f"{word} {_shown(raw[name])}"
        if key := self.cleaned_data.get("key"):
            yield ("key",), f"key {key.label}"
        if path := raw["path"]:
            yield ("path",), f"path {PATH_WORDS[_path_lookup(path)]} {path.removeprefix('=')}"
        for name, word in SIMPLE_WORDS.items():
            if raw[name]:
                yield (name,), word.format(raw[name])


SIMPLE_WORDS = {
    "status": "status {}",
    "method": "method {}",
    "ip": "from {}",
    "agent": "user agent with “{}”",
    "slower": "slower than {} ms",
}
PATH_WORDS = {"exact": "is", "startswith": "begins with", "contains": "contains"}


def _path_lookup(text: str) -> str:
    """Return how a path is compared: "=/x" is exactly /x, "/x" is where it begins, anything else is a part."""
    return "exact" if text.startswith("=") else "startswith" if text.startswith("/") else "contains"


def _shown(text: str) -> str:
    try:
        return f"{timezone.localtime(parse_moment(text)):%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    except ValidationError:
        return text


def parse_place(text: str) -> Place | None:
    """Read a place in the log from an address; None where there is none. Raises ValidationError."""
    if not text:
        return None
    place = Place.parse(text)
    if place is None:
        raise ValidationError("This place in the log does not exist. You see the newest requests.")
    return place
