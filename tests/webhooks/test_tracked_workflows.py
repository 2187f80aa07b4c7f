"""Workflows that the customer's own requests name are followed, where upstream lists deliveries one by one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.log.workflows import workflows_in_log
from tests.keys.conftest import log_request, make_key
from webhooks import tracked_workflows
from webhooks.models import Workflow

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/public/enrichment/status/public_bulk_1", ["public_bulk_1"]),
        ("/api/v2/enrichment/status/enrich-2?x=1", ["enrich-2"]),
        ("/api/v1/public/enrich/status?task_id=t&workflow_id=public_bulk_3", ["public_bulk_3"]),
        ("/api/v1/public/webhooks/deliveries?workflow_id=public_bulk_4", ["public_bulk_4"]),
        ("/api/v2/enrichment/status/cl-task_5", []),
        ("/api/v1/public/enrich/status", []),
        ("/api/v1/public/credits/balance", []),
    ],
)
def test_a_path_may_name_a_workflow(workspace, path, found):
    log_request(make_key(workspace), path=path)
    assert list(workflows_in_log(workspace, timezone.now() - timedelta(hours=1))) == found


def test_the_console_learns_of_them(workspace):
    key = make_key(workspace)
    log_request(key, path="/api/v2/enrichment/status/public_bulk_1")
    log_request(key, path="/api/v2/enrichment/status/old", created_at=timezone.now() - timedelta(hours=3))
    log_request(key, path="/api/v2/enrichment/status/own", is_own_call=True)

    tracked_workflows.record_workflows_from_log(workspace, timezone.now())

    assert [(one.workflow_id, one.source) for one in Workflow.objects.all()] == [("public_bulk_1", "request_log")]
