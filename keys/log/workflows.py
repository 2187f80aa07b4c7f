"""Finds workflow ids in the request log: requests for a workflow's status contain its id."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Q

from keys.log.models.request import LoggedRequestQuerySet
from keys.models import LoggedRequest
from workspaces.models import Workspace

# Newer APIs have the id in the path; the older one has it in the query, which the log may leave out.
_PATHS = (
    "/api/v1/public/enrichment/status/",
    "/api/v2/enrichment/status/",
    "/api/v1/public/enrich/status?",
    "/api/v1/public/webhooks/deliveries?",
)
MOST_REQUESTS = 500
# Search handles (``cl-task_``) are excluded: their workflow has its own id.
_NAMED = re.compile(r"(?:/status/|[?&]workflow_id=)(?!cl-task_)([^/?&#]{1,200})")


def workflow_status_requests(workspace: Workspace, since: datetime) -> LoggedRequestQuerySet:
    """Return the customer's requests that contain a workflow id, newest first."""
    return _naming_workflows(since).of(workspace).newest_first()


def _naming_workflows(since: datetime) -> LoggedRequestQuerySet:
    named = Q()
    for path in _PATHS:
        named |= Q(path__startswith=path)
    return LoggedRequest.objects.by_customer().filter(named, created_at__gte=since)


def workflow_id_in(path: str) -> str:
    """Return the workflow id in ``path``, or ""."""
    found = _NAMED.search(path)
    return found[1] if found else ""


def workflows_in_log(workspace: Workspace, since: datetime) -> Iterator[str]:
    """Yield the ids of workflows requested since then, newest first, in one query over a bounded time."""
    for path in workflow_status_requests(workspace, since).values_list("path", flat=True)[:MOST_REQUESTS]:
        if name := workflow_id_in(path):
            yield name


def workflows_in_logs(workspaces: Collection[int], since: datetime) -> set[tuple[int, str]] | None:
    """Return the ids of workflows requested since then, each with its workspace; None if there are too many to tell."""
    rows = _naming_workflows(since).filter(workspace__in=workspaces).order_by().values_list("workspace_id", "path")
    found = list(rows.distinct()[: MOST_REQUESTS + 1])
    if len(found) > MOST_REQUESTS:
        return None
    return {(workspace, name) for workspace, path in found if (name := workflow_id_in(path))}
