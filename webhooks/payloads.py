"""The payload of a webhook as upstream sends it, built from ``enrich/status``; and a sample for tests.

Fields and limit are those of ``docs/cleanlist-api.md``, "Webhooks".
"""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from cleanlist import EnrichmentStatus
from cleanlist.models import JsonObject
from webhooks.ingest.enrichment_status import COUNTS, counts_of

EVENT = "enrichment.completed"
RESULTS_LIMIT = 250
# These tell a receiver that the console sends, not upstream.
REDELIVERY_HEADER = "X-Cleanlist-Console-Redelivery"
TEST_HEADER = "X-Cleanlist-Console-Test"
_STATUS = "/api/v1/public/enrich/status"


def build_payload(workflow_id: str, status: EnrichmentStatus) -> JsonObject:
    """Return the body that upstream sends once ``workflow_id`` is finished; more than 250 results are cut, and say so.

    Results are passed on as they came.
    """
    results = list(status.results or ([status.result] if status.result else ()))
    counts = counts_of(status)
    return {
        "event": EVENT,
        "workflow_id": workflow_id,
        "lead_list_id": status.lead_list_id,
        "enrichment_type": status.enrichment_type,
        "status": status.status,
        "summary": {name: counts.get(name, 0) for name in COUNTS},
        "results": results[:RESULTS_LIMIT],
        "results_limit": RESULTS_LIMIT,
        "results_truncated": len(results) > RESULTS_LIMIT,
        "results_endpoint": f"{_STATUS}?{urlencode({'workflow_id': workflow_id})}",
        "completed_at": status.completed_at,
    }


def build_sample(check_id: UUID | str) -> JsonObject:
    """Return a payload with a person who does not exist, for trying an endpoint; ``test`` says that it is one."""
    workflow_id = f"test_{check_id}"
    result = {
        "task_id": f"{workflow_id}_1",
        "status": "completed",
        "primary_email": "sample.person@example.com",
        "primary_email_status": "valid",
        "personal_phone_numbers": [],
        "prospect": {"first_name": "Sample", "last_name": "Person"},
        "company": {"name": "Example", "domain": "example.com"},
    }
    status = EnrichmentStatus(
        status="completed", enrichment_type="partial", results=(result,), completed_at="2026-01-01T00:00:00Z"
    )
    return {**build_payload(workflow_id, status), "test": True}


def encode(body: dict[str, object]) -> bytes:
    return msgspec.json.encode(body)
