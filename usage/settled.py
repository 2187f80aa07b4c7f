"""Which calls are known to have cost what: finished enrichments that can be laid at the door of one key."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from keys.workflows import asking, named_in
from usage.attribution import Settled
from usage.changes.works import settled_cost
from usage.enrichments import finished_between
from workspaces.models import Workspace

BULK, PERSON = "enrich/bulk", "enrichment/person"
# A key at an endpoint.
Source = tuple[UUID, str]
# Upstream's ids of bulk enrichments begin so.
_BULK_ID = "public_bulk_"
MOST_ASKED = 20_000
# An enrichment takes minutes, so the call that began it is not older than this when it ends.
LONGEST = timedelta(hours=1)


@dataclass(frozen=True)
class Finished:
    """A finished enrichment: what it settled at, and the keys that asked about it, with the first time."""

    workflow_id: str
    contacts: int
    completed_at: datetime
    credits: float
    asked_by: Mapping[UUID, datetime]

    @property
    def endpoint(self) -> str:
        """Return which endpoint began it."""
        return BULK if self.workflow_id.startswith(_BULK_ID) or self.contacts > 1 else PERSON


def settled_of(
    workspace: Workspace, since: datetime, until: datetime, calls: Sequence[tuple[datetime, Source]]
) -> list[Settled[Source]]:
    """Return what is known of ``calls`` (paid ones, oldest first), in two queries at most."""
    known = finished_between(workspace, since, until)
    if not known:
        return []
    asked = _asked(workspace, since - LONGEST, {workflow_id for workflow_id, _, _ in known})
    found = [
        Finished(workflow_id, summary.get("total", 0), at, float(settled_cost(summary)), asked[workflow_id])
        for workflow_id, summary, at in known
    ]
    return match(found, calls)


def _asked(workspace: Workspace, since: datetime, ids: Collection[str]) -> Mapping[str, dict[UUID, datetime]]:
    """Return which keys asked about each workflow, as far as the log names it, and when first."""
    found: dict[str, dict[UUID, datetime]] = defaultdict(dict)
    for path, key, at in asking(workspace, since).values_list("path", "key_id", "created_at")[:MOST_ASKED]:
        if (name := named_in(path)) in ids:
            found[name][key] = at
    return found


def match(found: Iterable[Finished], calls: Sequence[tuple[datetime, Source]]) -> list[Settled[Source]]:
    """Return what can be told of single calls: of an enrichment that one key only has asked about, it began it.

    The latest free call of that key before it asked is the one. Which of several it was matters little: all are of
    one source. Nothing is concluded where the log does not name the enrichment, however few keys were at work:
    the mistakes of that are larger than those of the estimate.
    """
    taken: set[int] = set()
    known: list[Settled[Source]] = []
    for one in sorted(found, key=lambda each: each.completed_at):
        free = [place for place, call in enumerate(calls) if place not in taken and _fits(one, call)]
        if free and len(one.asked_by) == 1:
            taken.add(free[-1])
            at, source = calls[free[-1]]
            known.append(Settled(at.timestamp(), one.completed_at.timestamp(), one.credits, source))
    return known


def _fits(one: Finished, call: tuple[datetime, Source]) -> bool:
    at, (key, endpoint) = call
    asked_at = one.asked_by.get(key)
    return (
        asked_at is not None
        and endpoint == one.endpoint
        and one.completed_at - LONGEST <= at <= min(one.completed_at, asked_at)
    )
