"""The rows of the polling page: polls one by one, and those of a resource with many subjects in one line."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock
from core.formatting import format_short
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import Resource, all_resources

# The order on the page, and the pill of each state.
STATES = {
    "failing": ("danger", "Failing"),
    "running": ("ok", "Running"),
    "due": ("ok", "Due"),
    "scheduled": ("neutral", "Scheduled"),
    "paused": ("warning", "Paused"),
    "spare": ("neutral", "Not needed"),
}

# Due polls start within seconds, unless no worker or no clock is running.
LONGEST_DUE = timedelta(minutes=1)
# A resource with more polls than this is summarized; what fails of it still has a row of its own, up to as many.
MOST_SINGLE = 10

Tally = tuple[str, str, int]  # of polls in one state: level and label of its pill, and how many


@dataclass(frozen=True)
class Row:
    """One poll on the page."""

    poll: Poll
    resource: Resource
    subject: str
    state: str
    note: str = ""

    @property
    def label(self) -> str:
        return self.resource.label

    @property
    def pill(self) -> tuple[str, str]:
        """Return the level and the label of the state."""
        return STATES[self.state]

    @property
    def every(self) -> str:
        return format_short(self.poll.interval_seconds)

    @property
    def needs_attention(self) -> bool:
        return self.state == "failing" or self.poll.odd_count > 0


@dataclass(frozen=True)
class Summary:
    """All polls of one resource, at least one, in one line."""

    resource: Resource
    rows: Sequence[Row]

    @property
    def tallies(self) -> list[Tally]:
        return tallies(self.rows)

    @property
    def last_success_at(self) -> datetime | None:
        return max((at for row in self.rows if (at := row.poll.last_success_at)), default=None)

    @property
    def next_run_at(self) -> datetime | None:
        return min((row.poll.next_run_at for row in self.rows if not row.poll.paused_reason), default=None)

    @property
    def every(self) -> str:
        """Return the interval, or the shortest and the longest one."""
        seconds = [row.poll.interval_seconds for row in self.rows]
        shortest, longest = format_short(min(seconds)), format_short(max(seconds))
        return shortest if shortest == longest else f"{shortest} to {longest}"


def rows_of(workspace: Workspace) -> list[Row]:
    """Return all polls, those that need attention first."""
    resources = {resource.name: resource for resource in all_resources()}
    names = {name: resource.subject_names(workspace) for name, resource in resources.items() if resource.has_subjects}
    rows = [
        Row(
            poll,
            resources[poll.resource],
            names.get(poll.resource, {}).get(poll.subject, poll.subject),
            _state(poll, wanted=resources[poll.resource].wanted(workspace)),
            # No note for resources with subjects: they have many polls, and a note may cost a query.
            "" if resources[poll.resource].has_subjects else resources[poll.resource].note(workspace),
        )
        for poll in workspace.polls.all()
        if poll.resource in resources
    ]
    order = list(STATES)
    return sorted(rows, key=lambda row: (order.index(row.state), row.label, row.subject.lower(), row.poll.pk))


def summarized(rows: Sequence[Row]) -> tuple[list[Row], list[Summary]]:
    """Return the rows to show one by one, and the summaries of resources with many polls."""
    of_resource: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_resource[row.resource.name].append(row)
    many = [Summary(found[0].resource, found) for found in of_resource.values() if len(found) > MOST_SINGLE]
    urgent = [row for summary in many for row in [row for row in summary.rows if row.needs_attention][:MOST_SINGLE]]
    names = {summary.resource.name for summary in many}
    single = [row for row in rows if row.resource.name not in names or row in urgent]
    return single, sorted(many, key=lambda summary: summary.resource.label)


def tallies(rows: Sequence[Row]) -> list[Tally]:
    """Return how many rows are in each state that occurs."""
    counted = [(level, text, sum(row.state == name for row in rows)) for name, (level, text) in STATES.items()]
    return [one for one in counted if one[2]]


def overdue_since(rows: Sequence[Row]) -> datetime | None:
    """Return since when the oldest due poll has waited for a worker, if that is longer than LONGEST_DUE."""
    oldest = min((row.poll.next_run_at for row in rows if row.state in {"due", "failing"}), default=None)
    return oldest if oldest is not None and clock.cached_now() - oldest > LONGEST_DUE else None


def _state(poll: Poll, *, wanted: bool) -> str:
    now = clock.cached_now()
    if poll.paused_reason:
        return "paused" if wanted else "spare"
    if poll.leased_until is not None and poll.leased_until > now:
        return "running"
    if poll.consecutive_failures:
        return "failing"
    return "due" if poll.next_run_at <= now else "scheduled"
