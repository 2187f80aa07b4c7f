"""Filters in a query string: parses them, explains invalid ones, and describes them in words.

Relative ranges stay relative: ``since=6h`` means the last six hours whenever the URL is opened.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from core.formatting import format_day, format_time
from core.redaction import redact_text
from core.sanitize import sanitize_text

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
WORDS = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
# Query parameters for the position in a table and the open row, which are no filters.
CURSOR_PARAMETERS = ("older", "newer", "before", "at", "row", "seen", "shown", "day")
TIME_PARAMETERS = ("since", "start", "end")
FIRST_YEAR, LAST_YEAR = 2000, 2100

# More of a key than the beginning that is shown stays in the browser.
_NO_KEY = r"(?!.*cl(?:api|ext)_\S{5}).*"
NOT_SEARCHED = "This looks like a secret, so it isn't searched for. Ctrl+K finds a key by its secret in your browser."

# The query parameters of a filter, and the filter in words.
Words = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Chip:
    """A filter in words, and the query string without it."""

    text: str
    url: str
    is_current: bool = False


def choice_field(form: forms.BaseForm, name: str) -> forms.ChoiceField:
    """Return a field of ``form`` as what it is, so that its choices can be set."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - the form declares it
    return field


def parse_time(text: str, *, end: bool = False) -> datetime:
    """Parse an ISO 8601 date or time, by default in the viewer's time zone. The ``end`` of a day is the next midnight.

    A local time that occurs twice or never, because of daylight saving, means the earliest possible time, or as an
    ``end`` the latest, so that nothing is left out. Raises ValidationError.
    """
    has_time = False  # a date starts at the first midnight
    try:
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        parsed = datetime.combine(day, time.min)
    except (ValueError, OverflowError):
        has_time = True
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(f"“{text[:40]}” isn't a time. Enter 2026-04-06T17:42 or a date.") from error
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise ValidationError(f"The year must be between {FIRST_YEAR} and {LAST_YEAR}.")
    if timezone.is_aware(parsed):
        return parsed
    # In UTC, because Python ignores ``fold`` when it compares times of the same zone.
    can_mean = {timezone.make_aware(parsed.replace(fold=fold)).astimezone(UTC) for fold in (0, 1 if has_time else 0)}
    return max(can_mean) if end else min(can_mean)


def span_of(text: str) -> timedelta:
    """Parse a span such as "6h". Raises ValidationError."""
    match = re.fullmatch(r"([1-9][0-9]{0,3})([mhdw])", text)
    if match is None:
        raise ValidationError(f"“{text[:40]}” isn't a time range. Enter 30m, 6h, 7d or 4w.")
    return int(match[1]) * UNITS[match[2]]


class LocalDateTimeInput(forms.TextInput):
    """A date and time in the viewer's time zone, whatever zone the query string uses."""

    input_type = "datetime-local"

    def format_value(self, value: object) -> str | None:
        """Return the time in the format of the browser's field."""
        try:
            return f"{timezone.localtime(parse_time(str(value or ''))):%Y-%m-%dT%H:%M:%S}".removesuffix(":00")
        except ValidationError:
            return str(value) if value else None


def example(text: str) -> forms.TextInput:
    """Return a text input with ``text`` as its placeholder."""
    return forms.TextInput(attrs={"placeholder": text, "autocomplete": "off", "spellcheck": "false"})


def search_input(text: str, **attributes: str) -> forms.TextInput:
    """Return the search field of a filter bar, with ``text`` as its placeholder and HTML ``attributes``."""
    widget = example(text)
    widget.input_type = "search"
    widget.attrs |= {"data-shortcut": "/", "pattern": _NO_KEY, "title": NOT_SEARCHED} | attributes
    return widget


class FilterForm(forms.Form):
    """Filters by time; subclasses add others. All are optional. While one is invalid, pages show no rows."""

    # The field that is always visible; the others unfold, and those of time are the time-range picker.
    search: ClassVar[str] = ""
    spans: ClassVar[tuple[str, ...]] = ("1h", "24h", "7d", "30d")
    has_positions: ClassVar[bool] = True  # whether ``at`` in the query string goes to a time

    since = forms.CharField(required=False, label="Time range", max_length=100)
    start = forms.CharField(
        required=False, label="From", max_length=100, widget=LocalDateTimeInput(attrs={"form": "range"})
    )
    end = forms.CharField(
        required=False, label="Until", max_length=100, widget=LocalDateTimeInput(attrs={"form": "range"})
    )

    def __init__(self, data: QueryDict) -> None:
        text = data.get(self.search, "")
        self._is_secret = redact_text(text) != text
        if self._is_secret:  # it goes into no link and no field
            data = data.copy()
            data[self.search] = redact_text(text)
        super().__init__(data)
        self.query = data

    @property
    def search_field(self) -> forms.BoundField:
        return self[self.search]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """Return the fields under “Filter”."""
        apart = (self.search, *TIME_PARAMETERS, *CURSOR_PARAMETERS)
        return [bound for bound in self if bound.name not in apart]

    @property
    def has_error_in_more(self) -> bool:
        return any(bound.errors for bound in self.more_fields)

    @property
    def has_error_in_time(self) -> bool:
        return any(self[name].errors for name in TIME_PARAMETERS)

    def clean_since(self) -> timedelta | None:
        """Parse a span such as "6h"."""
        text: str = self.cleaned_data["since"]
        if not text:
            return None
        return span_of(text)

    def clean_start(self) -> datetime | None:
        text: str = self.cleaned_data["start"]
        return parse_time(text) if text else None

    def clean_end(self) -> datetime | None:
        """Parse the end of the range, which is exclusive."""
        text: str = self.cleaned_data["end"]
        return parse_time(text, end=True) if text else None

    def clean(self) -> dict[str, object]:
        """Reject unknown query parameters and contradictory times."""
        data = self.cleaned_data
        if self._is_secret:
            self.add_error(self.search, NOT_SEARCHED)
        known = {*self.fields, *CURSOR_PARAMETERS}
        if unknown := sorted(name for name in self.query if name not in known):
            raise ValidationError(f"Unknown filter “{unknown[0][:40]}”. Remove it from the URL.")
        if data.get("since") and (data.get("start") or data.get("end")):
            self.add_error("since", "Choose either a relative time range or fixed times.")
        start, end = data.get("start"), data.get("end")
        if start and end and start == end:
            self.add_error("end", "This is the same time as in “From”. Choose a later one.")
        elif start and end and start > end:
            self.add_error("end", "This is before the time in “From”.")
        return data

    def in_time(self, field: str, now: datetime) -> dict[str, datetime]:
        """Return the time range as keyword arguments for ``filter``, on ``field``."""
        data, found = self.cleaned_data, {}
        if start := data["start"] or (data["since"] and now - data["since"]):
            found[f"{field}__gte"] = start
        if data["end"]:
            found[f"{field}__lt"] = data["end"]
        return found

    @property
    def narrows(self) -> bool:
        """Return whether any filter is set."""
        return any(self.words())

    def chips(self) -> list[Chip]:
        """Return the filters that are set, except the time range, which its picker shows."""
        return [
            Chip(text, self.link(**dict.fromkeys(names, "")))
            for names, text in self.words()
            if not set(names) & set(TIME_PARAMETERS)
        ]

    @property
    def range_label(self) -> str:
        """Return the time range in words: "Last 6 hours", "All time"."""
        found = ", ".join(text for names, text in self.words() if set(names) & set(TIME_PARAMETERS))
        return found[:1].upper() + found[1:] or "All time"

    @property
    def range_presets(self) -> list[Chip]:
        """Return the usual time ranges, each with its query string."""
        raw = self.raw
        fixed = raw["start"] or raw["end"]
        spans = [
            Chip(f"Last {span_in_words(text)}", self._link_to(text), not fixed and raw["since"] == text)
            for text in self.spans
        ]
        return [*spans, Chip("All time", self._link_to(""), not fixed and not raw["since"])]

    def _link_to(self, since: str) -> str:
        return self.link(since=since, start="", end="")

    def link(self, **changes: str) -> str:
        """Return the query string of the first page with ``changes`` to the filters; "" removes one."""
        query = self.query.copy()
        for name in (*CURSOR_PARAMETERS, *changes):
            query.pop(name, None)
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        query.update({name: value for name, value in changes.items() if value})
        return f"?{query.urlencode()}" if query else ""

    @property
    def query_string(self) -> str:
        """Return the query string of the filters."""
        return self.link()

    @property
    def position(self) -> str:
        """Return the time that the page went to, as the query string has it."""
        return self.query.get("at", "")

    @property
    def last_day(self) -> str:
        """Return the query string of the same filters for the last 24 hours."""
        return self._link_to("24h")

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the filters as names and values, for hidden fields."""
        return [(name, str(value)) for name, value in self.query.items() if value and name not in CURSOR_PARAMETERS]

    @property
    def parameters_but_time(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.parameters if name not in TIME_PARAMETERS]

    @property
    def time_parameters(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.parameters if name in TIME_PARAMETERS]

    @property
    def for_audit(self) -> dict[str, str]:
        """Return the filters that are set, for the audit trail."""
        return {name: sanitize_text(value, 300) for name, value in self.parameters}

    @property
    def raw(self) -> dict[str, str]:
        """Return the unparsed value of each field."""
        return {name: self.query.get(name, "").strip() for name in self.fields}

    def words(self) -> Iterator[Words]:
        """Yield each filter that is set, in words. Subclasses extend it."""
        raw = self.raw
        if span := raw["since"]:
            yield ("since",), f"last {span_in_words(span)}"
        for name, word in (("start", "from"), ("end", "until")):
            if raw[name]:
                yield (name,), f"{word} {_shown(raw[name])}"


def span_in_words(text: str) -> str:
    """Return a span such as "6h" in words: "6 hours", "hour"; anything else as it is."""
    if text[-1:] not in WORDS or not text[:-1].isdigit():
        return text
    unit = WORDS[text[-1]]
    return unit if text[:-1] == "1" else f"{text[:-1]} {unit}s"


def _shown(text: str) -> str:
    try:
        at = parse_time(text)
    except ValidationError:
        return text
    if re.fullmatch(r"[0-9-]+", text):
        return format_day(at)
    return format_time(at, seconds=bool(at.second))
