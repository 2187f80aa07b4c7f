"""The log that a page shows: that of one key, or of all keys of a workspace combined."""

from dataclasses import dataclass

from keys.log.models.facet import LogValueQuerySet
from keys.log.models.gap import LogGapQuerySet
from keys.log.models.request import LoggedRequestQuerySet
from keys.models import ApiKey, LogGap, LoggedRequest, LogValue
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
    def values(self) -> LogValueQuerySet:
        of_all = LogValue.objects.of(self.workspace)
        return LogValue.objects.filter(key=self.key) if self.key else of_all

    @property
    def gaps(self) -> LogGapQuerySet:
        return LogGap.objects.of(self.key) if self.key else LogGap.objects.in_workspace(self.workspace)
