"""Filters of the audit trail, as they stand in the query string."""

from collections.abc import Iterator
from datetime import datetime

from django import forms

from core.filters import Chip, FilterForm, Words, search_input
from workspaces.models import Action, Outcome
from workspaces.models.audit import AuditEventQuerySet


class AuditFilterForm(FilterForm):
    """The filters. All are optional; while one is invalid, the page shows no events."""

    search = "actor"
    has_positions = False

    CONSOLE = "the console itself"

    actor = forms.CharField(
        required=False, label="Actor", max_length=254, widget=search_input("Actor: part of an email", list="actors")
    )
    action = forms.ChoiceField(required=False, label="Action", choices=[("", "All actions"), *Action.choices])
    outcome = forms.ChoiceField(required=False, label="Outcome", choices=[("", "All outcomes"), *Outcome.choices])
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def apply(self, events: AuditEventQuerySet, now: datetime) -> AuditEventQuerySet:
        """Return the matching ``events``."""
        data = self.cleaned_data
        events = events.filter(**self.in_time("at", now))
        for name in ("action", "outcome"):
            if data[name]:
                events = events.filter(**{name: data[name]})
        if data["actor"] == self.CONSOLE:
            return events.filter(actor_email="")
        return events.filter(actor_email__icontains=data["actor"]) if data["actor"] else events

    def words(self) -> Iterator[Words]:
        """Yield each filter that is set, in words."""
        yield from super().words()
        raw = self.raw
        if raw["actor"]:
            yield ("actor",), f"by {raw['actor']}"
        if raw["action"]:
            yield ("action",), dict(Action.choices).get(raw["action"], raw["action"])
        if raw["outcome"]:
            yield ("outcome",), dict(Outcome.choices).get(raw["outcome"], raw["outcome"]).lower()

    @property
    def suggestions(self) -> list[Chip]:
        """Return filters to begin with, each with its query string."""
        return [Chip("By the console itself", self.link(actor=self.CONSOLE))]
