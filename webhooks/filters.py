"""Filters of the list of deliveries, as they stand in the query string."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from core.filters import Chip, FilterForm, Words, example, search_input
from webhooks.models import Delivery, DeliveryState, Endpoint
from webhooks.models.delivery import DeliveryQuerySet
from webhooks.reasons import all_reasons, reason_named
from workspaces.models import Workspace

# In a query string: deliveries without a URL.
NO_HOST = "-"
NO_HOST_LABEL = "unknown address"
# With more endpoints than that the name is typed instead of chosen.
MAX_CHOICES = 50


def link_to(**filters: str) -> str:
    """Return the query string of the list with these filters; a ``host`` may be empty."""
    if "host" in filters:
        filters["host"] = filters["host"] or NO_HOST
    return f"?{urlencode(filters)}"


class DeliveryFilterForm(FilterForm):
    """The filters. Every one may be left out; while one is wrong nothing is shown, and its field says why."""

    search = "workflow"

    workflow = forms.CharField(
        required=False, label="Workflow ID", max_length=200, widget=search_input("Workflow ID or its beginning")
    )
    state = forms.ChoiceField(required=False, label="State", choices=[("", "All states"), *DeliveryState.choices])
    host = forms.CharField(required=False, label="Endpoint", max_length=255, widget=example("hooks.example.com"))
    reason = forms.ChoiceField(
        required=False,
        label="Reason",
        choices=[("", "All reasons"), *((reason.name, reason.label) for reason in all_reasons())],
    )

    def __init__(self, data: QueryDict, workspace: Workspace) -> None:
        """Read ``data``. One query, for the endpoints to choose from."""
        super().__init__(data)
        self.workspace = workspace
        found = Endpoint.objects.filter(workspace=workspace).order_by("-last_attempt_at")
        # The latest used ones, each with the time.
        self.endpoints = list(found.values_list("host", "last_attempt_at")[: MAX_CHOICES + 1])
        known = [host or NO_HOST for host, _ in self.endpoints]
        if len(known) <= MAX_CHOICES:
            chosen = [self.raw["host"]] if self.raw["host"] not in {"", *known} else []
            names = [(host, NO_HOST_LABEL if host == NO_HOST else host) for host in [*known, *chosen]]
            self.fields["host"].widget = forms.Select(choices=[("", "All endpoints"), *names])

    def clean_host(self) -> str:
        """Return the host as the mirror has it, in lower case."""
        text: str = self.cleaned_data["host"]
        return text.lower()

    def apply(self, rows: DeliveryQuerySet, now: datetime) -> DeliveryQuerySet:
        """Return ``rows`` that match every filter; one query more if a workflow is given."""
        for condition in self._conditions(now):
            rows = rows.filter(**condition)
        prefix = self.cleaned_data["workflow"]
        return rows.of_workflows(self.workspace, prefix) if prefix else rows

    def _conditions(self, now: datetime) -> Iterator[Mapping[str, object]]:
        data = self.cleaned_data
        yield self.in_time("last_attempt_at", now)
        if data["state"]:
            yield {"state": data["state"]}
        if data["host"]:
            yield {"host": "" if data["host"] == NO_HOST else data["host"]}
        if data["reason"]:
            yield {"reason": data["reason"]}

    def words(self) -> Iterator[Words]:
        """Yield each filter that is on, in words."""
        raw = self.raw
        if raw["workflow"]:
            yield ("workflow",), f"workflow {raw['workflow']}"
        if raw["state"]:
            yield ("state",), dict(DeliveryState.choices).get(raw["state"], raw["state"]).lower()
        if raw["host"]:
            yield ("host",), NO_HOST_LABEL if raw["host"] == NO_HOST else f"to {raw['host']}"
        if raw["reason"]:
            reason = reason_named(raw["reason"])
            yield ("reason",), reason.label if reason else raw["reason"]
        yield from super().words()

    @property
    def suggestions(self) -> list[Chip]:
        """Return filters to begin with, each with its query string."""
        troubled = (DeliveryState.FAILED, DeliveryState.RETRYING)
        return [Chip(state.label, self.link(state=state.value)) for state in troubled]


def filtered_deliveries(form: DeliveryFilterForm, now: datetime) -> DeliveryQuerySet:
    """Return the deliveries of the form's workspace that match a valid ``form``."""
    return form.apply(Delivery.objects.of(form.workspace), now)
