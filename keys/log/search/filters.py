"""What is asked of the log: whose, and by which filters. Errors in the query string are explained.

Relative ranges stay relative: ``since=6h`` means the last six hours whenever the URL is opened.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

from core.filters import Chip, FilterForm, Words, example, search_input
from keys.log.canonical import Network, parse_network
from keys.log.models.facet import LogFacetQuerySet
from keys.log.models.gap import LogGapQuerySet
from keys.log.models.request import LoggedRequestQuerySet
from keys.models import ApiKey, LogFacet, LogGap, LoggedRequest, mark_namesakes
from workspaces.models import Workspace

LONGEST_DURATION_MS = 2**31 - 1
MOST_WORDS = 6


@dataclass(frozen=True)
class LogScope:
    """The log of ``key``, or of the whole ``workspace`` if ``key`` is None."""

    workspace: Workspace
    key: ApiKey | None = None

    def narrowed_to(self, key: ApiKey | None) -> "LogScope":
        """Return the log of ``key``, if one was chosen among those of the workspace."""
        return replace(self, key=key) if key else self

    @property
    def rows(self) -> LoggedRequestQuerySet:
        of_all = LoggedRequest.objects.of(self.workspace)
        return LoggedRequest.objects.filter(key=self.key) if self.key else of_all

    @property
    def facets(self) -> LogFacetQuerySet:
        of_all = LogFacet.objects.of(self.workspace)
        return LogFacet.objects.filter(key=self.key) if self.key else of_all

    @property
    def gaps(self) -> LogGapQuerySet:
        return LogGap.objects.of(self.key) if self.key else LogGap.objects.in_workspace(self.workspace)


@dataclass(frozen=True)
class StatusFilter:
    """Status codes and status classes; class 4 stands for 400 to 499."""

    codes: tuple[int, ...]
    classes: tuple[int, ...]


class LogFilterForm(FilterForm):
    """The log's filters, all optional; while one is invalid nothing is shown, and its field says why."""

    search = "q"

    q = forms.CharField(
        required=False,
        label="Search",
        max_length=200,
        widget=search_input("Path, agent, IP, status or request ID"),
    )
    path = forms.CharField(
        required=False, label="Path", max_length=1000, widget=example("/begins-with, part or =/exact")
    )
    status = forms.CharField(required=False, label="Status", max_length=200, widget=example("4xx, 429"))
    ip = forms.CharField(required=False, label="IP or network", max_length=64, widget=example("203.0.113.0/24"))
    key = forms.CharField(required=False, label="Key", max_length=100)
    method = forms.CharField(required=False, label="Method", max_length=100, widget=example("GET, POST"))
    agent = forms.CharField(required=False, label="User agent", max_length=300, widget=example("python-requests"))
    slower = forms.IntegerField(
        required=False, label="Slower than (ms)", min_value=0, max_value=LONGEST_DURATION_MS, widget=example("1000")
    )
    own = forms.ChoiceField(required=False, label="Console calls", choices=[("", "Hidden"), ("1", "Shown")])

    def __init__(self, data: QueryDict, keys: Sequence[ApiKey] | None = None) -> None:
        """``keys`` are the choices for the key filter; None on the page of a single key."""
        super().__init__(data)
        self.keys = {str(key.key_id): key for key in mark_namesakes(keys or ())}
        if keys is None:
            del self.fields["key"]
        else:
            names = [("", "All keys"), *((name, key.label) for name, key in self.keys.items())]
            self.fields["key"].widget = forms.Select(choices=names)

    def clean_q(self) -> tuple[str, ...]:
        """Return the words that a request has to contain."""
        words = tuple(dict.fromkeys(self.cleaned_data["q"].split()))
        if len(words) > MOST_WORDS:
            raise ValidationError(f"Search for at most {MOST_WORDS} words at once.")
        return words

    def clean_key(self) -> ApiKey | None:
        text: str = self.cleaned_data["key"]
        if text and text not in self.keys:
            raise ValidationError("This workspace has no such key. Choose one from the list.")
        return self.keys.get(text)

    def clean_status(self) -> StatusFilter | None:
        """Parse codes and classes: "401,429,5xx"."""
        tokens = [token.strip().lower() for token in self.cleaned_data["status"].split(",") if token.strip()]
        for token in tokens:
            if not re.fullmatch(r"[1-5]xx|[1-9][0-9]{2}", token):
                raise ValidationError(f"“{token[:20]}” is no status. Write 429, 4xx, or several: 401,429,5xx.")
        if not tokens:
            return None
        codes = tuple(int(token) for token in tokens if token.isdigit())
        return StatusFilter(codes, tuple(int(token[0]) for token in tokens if not token.isdigit()))

    def clean_method(self) -> tuple[str, ...]:
        methods = tuple(part.strip().upper() for part in self.cleaned_data["method"].split(",") if part.strip())
        for method in methods:
            if not re.fullmatch(r"[A-Z]{1,16}", method):
                raise ValidationError(f"“{method[:20]}” is no method. Write GET, or several: GET,POST.")
        return methods

    def clean_ip(self) -> Network | None:
        """Parse a network, or an IP address in any form as a network of one."""
        text: str = self.cleaned_data["ip"]
        if not text:
            return None
        try:
            return parse_network(text)
        except ValueError as error:
            raise ValidationError(
                f"“{text[:64]}” is neither an address nor a network. Write 203.0.113.42 or 203.0.113.0/24."
            ) from error

    def apply(self, rows: LoggedRequestQuerySet, now: datetime, without: str = "") -> LoggedRequestQuerySet:
        """Apply every filter except the one on the console's own calls, and on the column ``without``."""
        for condition in self._conditions(now, without):
            rows = rows.filter(**condition)
        data = self.cleaned_data
        for word in () if without == "q" else data["q"]:
            rows = rows.filter(contains_word(word))
        if data["status"] and without != "status_code":
            rows = rows.with_statuses(data["status"].codes, data["status"].classes)
        return rows.from_network(data["ip"]) if data["ip"] and without != "ip_address" else rows

    def _conditions(self, now: datetime, without: str) -> Iterator[Mapping[str, object]]:
        data = self.cleaned_data
        yield self.in_time("created_at", now)
        if data.get("key"):
            yield {"key": data["key"]}
        if data["method"]:
            yield {"method__in": data["method"]}
        if data["path"] and without != "path":
            yield {f"path__{path_lookup(data['path'])}": data["path"].removeprefix("=")}
        if data["agent"] and without != "user_agent":
            yield {"user_agent__icontains": data["agent"]}
        if data["slower"] is not None:
            yield {"duration_ms__gt": data["slower"]}

    @property
    def shows_own(self) -> bool:
        """Return whether the console's own calls are shown."""
        return bool(self.cleaned_data.get("own"))

    @property
    def with_own(self) -> str:
        """Return the query string that shows the console's own calls."""
        return self.link(own="1")

    @property
    def without_own(self) -> str:
        """Return the query string that hides the console's own calls."""
        return self.link(own="")

    @property
    def path_in_words(self) -> str:
        """Return what paths are asked for: "begins with /api"; empty without such a filter."""
        path = self.raw["path"]
        return f"{PATH_WORDS[path_lookup(path)]} {path.removeprefix('=')}" if path else ""

    @property
    def anywhere_in_path(self) -> Chip | None:
        """Return the search for the same text anywhere in the path; None if it is already that."""
        path = self.raw["path"]
        part = path.lstrip("=/")
        return (
            Chip(f"Search for “{part}” anywhere in the path", self.link(path=part)) if part and part != path else None
        )

    @property
    def no_such_path(self) -> str:
        """Return what a log without a match lacks, if paths are asked for."""
        others = " among the requests that the other filters show" if len(list(self.words())) > 1 else ""
        return f"No path {self.path_in_words}{others}." if self.raw["path"] else ""

    @property
    def suggestions(self) -> list[Chip]:
        """Return filters to start with, each with its query string."""
        return [Chip(text, self.link(status=text)) for text in ("401", "429", "4xx", "5xx")]

    def words(self) -> Iterator[Words]:
        """Yield each active filter in words; showing own calls does not count as one."""
        yield from super().words()
        raw = self.raw
        if key := self.cleaned_data.get("key"):
            yield ("key",), f"key {key.label}"
        if raw["path"]:
            yield ("path",), f"path {self.path_in_words}"
        for name, word in SIMPLE_WORDS.items():
            if raw[name]:
                yield (name,), word.format(self._ip_in_words() if name == "ip" else raw[name])

    def _ip_in_words(self) -> str:
        """Return the network in words, without the port if an IP address was entered with one."""
        network: Network | None = self.cleaned_data.get("ip")
        if network is None:
            return self.raw["ip"]
        return str(network.network_address if network.num_addresses == 1 else network)


SIMPLE_WORDS = {
    "q": "with “{}”",
    "status": "status {}",
    "method": "method {}",
    "ip": "from {}",
    "agent": "user agent with “{}”",
    "slower": "slower than {} ms",
}
PATH_WORDS = {"exact": "is", "startswith": "begins with", "contains": "contains"}


def path_lookup(text: str) -> str:
    """Return the lookup for a path: "=/x" is an exact match, "/x" a prefix, anything else a part."""
    return "exact" if text.startswith("=") else "startswith" if text.startswith("/") else "contains"


def contains_word(word: str) -> Q:
    """Return the condition that a request contains ``word`` in a text of it, or has it as its status or method."""
    return reduce(or_, (Q(**{f"{column}__{lookup}": value}) for column, lookup, value in word_lookups(word)))


def word_lookups(word: str) -> Iterator[tuple[str, str, str]]:
    """Yield by column how a request is asked for ``word``: lookup and value."""
    yield "path", "icontains", word
    yield "user_agent", "icontains", word
    yield "ip_address", "icontains", word
    if re.fullmatch("[A-Za-z]{3,16}", word):
        yield "method", "exact", word.upper()
    if re.fullmatch("[1-9][0-9]{2}", word):
        yield "status_code", "exact", word
