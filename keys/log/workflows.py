"""Workflows that the request log names: a request that asks for a workflow's state holds its id."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from keys.log.models.request import LoggedRequestQuerySet
from keys.models import LoggedRequest
from workspaces.models import Workspace

# The newer surfaces name the workflow in the path; the older one does in the query, which the log may leave out.
_PATHS = (
    "/api/v1/public/enrichment/status/",
    "/api/v2/enrichment/status/",
    "/api/v1/public/enrich/status?",
    "/api/v1/public/webhooks/deliveries?",
)
# Handles of searches stand for a workflow that has an id of its own.
MOST_REQUESTS = 500
_NAMED = re.compile(r"(?:/status/|[?&]workflow_id=)(?!cl-task_)([^/?&#]{1,200})")


def workflow_status_requests(workspace: Workspace, since: datetime) -> LoggedRequestQuerySet:
    """Return the customer's requests that name a workflow, newest first."""
    named = Q()
    for path in _PATHS:
        named |= Q(path__startswith=path)
    return LoggedRequest.objects.of(workspace).by_customer().filter(named, created_at__gte=since).newest_first()


def workflow_id_in(path: str) -> str:
    """Return the id of the workflow that a path names, or nothing."""
    found = _NAMED.search(path)
    return found[1] if found else ""


def workflows_in_log(workspace: Workspace, since: datetime) -> Iterator[str]:
    """Yield ids of workflows that were asked about since then, newest first; one query over a bounded time."""
    for path in workflow_status_requests(workspace, since).values_list("path", flat=True)[:MOST_REQUESTS]:
        if name := workflow_id_in(path):
            yield name
