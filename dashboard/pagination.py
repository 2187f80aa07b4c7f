"""Which workspaces the start page shows: a page of them, those with alerts first, found by name."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Window
from django.db.models.functions import Lower, RowNumber

from alerts.models import Alert
from dashboard.summaries import WorkspaceSummary
from workspaces.models.workspace import WorkspaceQuerySet

PAGE_SIZE = 24


@dataclass
class WorkspacePage:
    """A page of workspaces and the first of the next page.

    ``after`` is the slug of the workspace that the page begins after, ``more`` that of its last if others follow.
    """

    workspaces: WorkspaceQuerySet
    searched: str
    after: str
    more: str = field(default="", init=False)

    @property
    def are_many(self) -> bool:
        """Return whether there is more to see than this page."""
        return bool(self.searched or self.after or self.more)

    def page(self, summaries: list[WorkspaceSummary]) -> list[WorkspaceSummary]:
        """Return ``summaries`` of ``workspaces`` without that of the next page; record whether there is one."""
        if len(summaries) <= PAGE_SIZE:
            return summaries
        in_order = sorted(summaries, key=lambda one: vars(one.workspace)["place"])
        self.more = in_order[PAGE_SIZE - 1].workspace.slug
        return [one for one in summaries if one is not in_order[-1]]


def select_page(visible: WorkspaceQuerySet, searched: str, after: str) -> WorkspacePage:
    """Return the page of ``visible`` after the workspace with the slug ``after``, whose names hold ``searched``."""
    firing = Alert.objects.current().filter(workspace=OuterRef("pk"), acknowledged_at__isnull=True)
    found = visible.annotate(fires=Exists(firing), folded=Lower("name"))
    if searched:
        found = found.filter(Q(name__icontains=searched) | Q(organization_name__icontains=searched))
    last: Any = found.filter(slug=after).first() if after else None
    if last:
        fires, folded, pk = last.fires, last.folded, last.pk
        later = Q(fires=fires, folded__gt=folded) | Q(fires=fires, folded=folded, pk__gt=pk)
        found = found.filter(later | Q(fires=False) if fires else later)
    order = (F("fires").desc(), "folded", "pk")
    found = found.annotate(place=Window(RowNumber(), order_by=order)).order_by(*order)
    return WorkspacePage(found[: PAGE_SIZE + 1], searched, after if last else "")
