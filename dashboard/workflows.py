"""Which workflows the customer's own requests name: for the delivery inspector, which knows no request log."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from keys.models import LoggedRequest
from workspaces.models import Workspace

# The newer surfaces name the workflow in the path; the older one does in the query, which the log may leave out.
_PATHS = ("/api/v1/public/enrichment/status/", "/api/v2/enrichment/status/", "/api/v1/public/enrich/status?")
_NAMED = re.compile(r"(?:/status/|[?&]workflow_id=)([^/?&#]{1,200})")
MOST_READ = 500


def workflows_in_log(workspace: Workspace, since: datetime) -> Iterator[str]:
    """Yield ids of workflows that were asked about since then, newest first; one query over a bounded stretch."""
    named = Q()
    for path in _PATHS:
        named |= Q(path__startswith=path)
    rows = LoggedRequest.objects.of(workspace).by_customer().filter(named, created_at__gte=since).newest_first()
    for path in rows.values_list("path", flat=True)[:MOST_READ]:
        if found := _NAMED.search(path):
            yield found[1]
