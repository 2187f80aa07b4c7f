"""Polls for keys: the full list, the light list if there is no session, and each key's request log."""

from collections import Counter
from datetime import datetime

from django.conf import settings

from cleanlist import ApiKey as UpstreamKey
from cleanlist import AsyncClient, Listing, PublicApiKey, RequestLogEntry
from core.sanitize import sanitize_text
from keys import sync
from keys.log.canonical import endpoint_of
from keys.log.ingest import pages as log_ingest
from keys.log.ingest.gaps import PAGE_ROWS, longest_seconds
from keys.models import ApiKey, LoggedRequest, mark_namesakes
from workspaces.models import Poll, Workspace
from workspaces.polling import Resource, register
from workspaces.polling.quota import count_traffic_with
from workspaces.polling.registry import KEYS, LIGHT_KEYS, REQUEST_LOG

# No plan allows more requests per minute, so there is no need to count more.
MOST_COUNTED = 10_000
ADMIN_SCOPE = "admin:api_keys"
_LONGEST_ID = 200  # the column's length


async def fetch_keys(client: AsyncClient, _: Poll) -> Listing[UpstreamKey]:
    """Return all keys of the session's user, active and inactive."""
    return (await client.api_keys.list()).without(lambda key: _problem_of_id(key.id))


def ingest_keys(poll: Poll, listed: Listing[UpstreamKey], read_at: datetime) -> None:
    sync.ingest_full_list(poll.workspace, listed, read_at, is_complete=listed.is_complete)


async def fetch_public_keys(client: AsyncClient, _: Poll) -> Listing[PublicApiKey]:
    return (await client.public_keys.list()).without(lambda key: _problem_of_id(key.key_id))


def _problem_of_id(text: str) -> str:
    """Return why a key cannot be stored. Keys are revoked by id, so the id must not be altered for storage."""
    if not text:
        return "id is missing"
    if sanitize_text(text, _LONGEST_ID) != text or text in {".", ".."}:
        return f"id: longer than {_LONGEST_ID} characters, or with some that cannot stand in one"
    return ""


def ingest_public_keys(poll: Poll, listed: Listing[PublicApiKey], read_at: datetime) -> None:
    sync.ingest_light_list(poll.workspace, listed, read_at, is_complete=listed.is_complete)


def wants_light_list(workspace: Workspace) -> bool:
    """Return whether only the light list is available: no usable session, but an API key that may list keys."""
    return not workspace.has_session and ADMIN_SCOPE in workspace.scopes


async def fetch_requests(client: AsyncClient, poll: Poll) -> Listing[RequestLogEntry]:
    """Return the latest rows of one key's request log."""
    rows = await client.api_keys.requests(poll.subject, limit=PAGE_ROWS)
    return rows.without(lambda row: "" if row.id else "id is missing")


def ingest_requests(poll: Poll, rows: Listing[RequestLogEntry], read_at: datetime) -> None:
    """Ingest a page of the log of the poll's key, and adapt the poll's interval to the key's rate."""
    result = log_ingest.ingest_page(poll.workspace, poll.subject, rows, read_at, sent=rows.total)
    log_ingest.reschedule(poll, [row.created_at for row in rows], read_at, found_gap=result.found_gap)


def names_of_keys(workspace: Workspace) -> dict[str, str]:
    """Return a label for each key that has its log read."""
    return {key.upstream_id: key.label for key in mark_namesakes(ApiKey.objects.of(workspace))}


def customer_traffic(workspace: Workspace, since: datetime) -> dict[str, int]:
    """Count the customer's requests since ``since`` by endpoint, according to the mirrored log."""
    rows = LoggedRequest.objects.of(workspace).by_customer().filter(created_at__gte=since)
    return Counter(_rate_limited_as(path) for path in rows.values_list("path", flat=True)[:MOST_COUNTED])


def _rate_limited_as(path: str) -> str:
    """Return the rate limiter's name of the endpoint."""
    endpoint = endpoint_of(path).removeprefix("/api/v1/").removeprefix("/api/v2/")
    return endpoint if endpoint == "public/api-keys" else endpoint.removeprefix("public/")


count_traffic_with(customer_traffic)
register(
    Resource(
        name=KEYS,
        label="API keys",
        credential="session",
        endpoint="api-keys",
        interval_seconds=lambda: settings.POLL_KEYS_SECONDS,
        fetch=fetch_keys,
        ingest=ingest_keys,
    )
)
register(
    Resource(
        name=LIGHT_KEYS,
        label="API keys (light list)",
        credential="api_key",
        endpoint="public/api-keys",
        interval_seconds=lambda: settings.POLL_KEYS_SECONDS,
        fetch=fetch_public_keys,
        ingest=ingest_public_keys,
        wanted=wants_light_list,
    )
)
register(
    Resource(
        name=REQUEST_LOG,
        label="Request log",
        credential="session",
        endpoint="api-keys/requests",
        interval_seconds=lambda: settings.POLL_REQUESTS_SECONDS,
        fetch=fetch_requests,
        ingest=ingest_requests,
        has_subjects=True,
        subject="key",
        subject_names=names_of_keys,
        # However long upstream has failed, the log is retried before a full page can pass by.
        longest_wait_seconds=lambda: longest_seconds(settings.RATE_LIMIT_PER_MINUTE),
    )
)
