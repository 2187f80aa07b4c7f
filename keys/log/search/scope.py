"""The log that a page shows: that of one key, or of all keys of a workspace combined."""

from dataclasses import dataclass

from keys.log.models.facet import LogFacetQuerySet
from keys.log.models.gap import LogGapQuerySet
from keys.log.models.request import LoggedRequestQuerySet
from keys.models import ApiKey, LogFacet, LogGap, LoggedRequest
from workspaces.models import Workspace


@dataclass(frozen=True)
class LogScope:
    """The log of ``key``, or of the whole ``workspace`` if ``key`` is None."""

    workspace: Workspace
    key: ApiKey | None = None

    @property
    def rows(self) -> LoggedRequestQuerySet:
        of_all = LoggedRequest.objects.of(self.workspace)
        return LoggedRequest.objects.filter(key=self.key) if self.key else of_all

    @property
    def values(self) -> LogFacetQuerySet:
        of_all = LogFacet.objects.of(self.workspace)
        return LogFacet.objects.filter(key=self.key) if self.key else of_all

    @property
    def gaps(self) -> LogGapQuerySet:
        return LogGap.objects.of(self.key) if self.key else LogGap.objects.in_workspace(self.workspace)
