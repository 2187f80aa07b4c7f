"""Exports: a link to a CSV file, and pages of JSON."""

import datetime as dt
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from sandbox.bodies import Body, Text, at_most
from sandbox.db.column_types import utc_now
from sandbox.db.lead_tables import LeadList
from sandbox.envelope import Envelope, iso
from sandbox.errors import ApiError, not_found
from sandbox.exports import rows
from sandbox.http.downloads import Download
from sandbox.lists import lead_lists, leads
from sandbox.routes.dependencies import Exporter, Sandbox

from .lead_lists import Cursor
from .shared import SharedRoutes

Column = Annotated[Text, Field(max_length=100)]


class ExportCsv(Body):
    """Body of `POST /export/csv/signed-url`."""

    list_id: Annotated[Text, Field(max_length=200)]
    columns: Annotated[list[Column] | None, at_most(60)] = Field(None, max_length=60)
    include_smart_agents: bool = True


class ExportedCsv(BaseModel):
    """Answer of `POST /export/csv/signed-url`."""

    list_id: str
    download_url: str
    expires_at: str
    row_count: int
    file_size_bytes: int


class ExportedJson(Envelope):
    """A page of an export as JSON."""

    list_id: str
    leads: list[dict[str, object]]
    total: int
    cursor: str | None


LIFETIME = dt.timedelta(hours=24)
PATH = "/exports/"


def signature(secret: str, list_id: str, columns: Sequence[str], expires: int) -> str:
    """Return the signature of a link."""
    message = json.dumps(["export", list_id, list(columns), expires]).encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def link(base_url: str, secret: str, list_id: str, columns: Sequence[str], expires: int) -> str:
    """Return the address of a file."""
    signed = signature(secret, list_id, columns, expires)
    query = urlencode({"columns": list(columns), "exp": expires, "sig": signed}, doseq=True)
    return f"{base_url}{PATH}{list_id}.csv?{query}"


shared, files = SharedRoutes(), APIRouter(include_in_schema=False)

# Making a file takes a second for this many; lists that fill by themselves can be longer.
MAX_ROWS = 50_000


@shared.post("/export/csv/signed-url")
def export_csv(caller: Exporter, sandbox: Sandbox, body: ExportCsv) -> ExportedCsv:
    """Return a link to a list as CSV; it needs no credential and works for 24 hours."""
    expires = (utc_now() + LIFETIME).replace(microsecond=0)
    with sandbox.store.reading() as session:
        lead_list = lead_lists.find_list(session, caller, body.list_id)
        total = lead_lists.count_leads(session, lead_list.id)
        if total > MAX_ROWS:
            raise ApiError(400, "validation_error", "The list is too long for a file.", "Export it as JSON.")
        columns = rows.choose_columns(session, lead_list.id, body.columns, agents=body.include_smart_agents)
    size = sum(len(part.encode()) for part in rows.csv_lines(sandbox.store, lead_list.id, columns))
    seconds = int(expires.timestamp())
    secret = sandbox.data_dir.quote_secret
    return ExportedCsv(
        list_id=lead_list.id,
        download_url=link(sandbox.settings.public_url, secret, lead_list.id, columns, seconds),
        expires_at=iso(expires.astimezone(dt.UTC)) or "",
        row_count=total,
        file_size_bytes=size,
    )


@shared.get("/export/json")
def export_json(  # noqa: PLR0917 - each is a parameter of the call
    caller: Exporter,
    sandbox: Sandbox,
    list_id: Annotated[str, Query(max_length=200)],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Cursor = None,
    columns: Annotated[list[Column] | None, Query(max_length=60)] = None,
) -> ExportedJson:
    """Return a page of a list with the chosen columns."""
    with sandbox.store.reading() as session:
        lead_list = lead_lists.find_list(session, caller, list_id)
        chosen = rows.choose_columns(session, lead_list.id, columns, agents=False)
        page, following = leads.page_of_leads(session, lead_list.id, limit, cursor)
        return ExportedJson(
            list_id=lead_list.id,
            leads=rows.project(session, lead_list.id, page, chosen),
            total=lead_lists.count_leads(session, lead_list.id),
            cursor=following,
        )


@files.get("/exports/{list_id}.csv")
def download_csv(
    sandbox: Sandbox,
    list_id: str,
    exp: Annotated[int, Query(ge=0, le=10**11)] = 0,
    sig: Annotated[str, Query(max_length=200)] = "",
    columns: Annotated[list[Column], Query(max_length=200)] = [],  # noqa: B006 - FastAPI copies it
) -> Download:
    """Serve the file of a link that is signed and has not expired."""
    expected = signature(sandbox.data_dir.quote_secret, list_id, columns, exp)
    if not hmac.compare_digest(expected.encode(), sig.encode()):
        raise ApiError(403, "invalid_signature", "The signature of this link is not valid.")
    if exp <= time.time():
        raise ApiError(403, "link_expired", "This link has expired.")
    with sandbox.store.reading() as session:
        lead_list = session.get(LeadList, list_id)
    if lead_list is None or lead_list.deleted_at is not None:
        raise not_found("The list of this link is deleted.")
    headers = {"Content-Disposition": f'attachment; filename="leads-{list_id}.csv"'}
    lines = rows.csv_lines(sandbox.store, list_id, columns)
    return Download(lines, sandbox.downloads, media_type="text/csv", headers=headers)
