"""Cost estimates: signed quotes, valid for five minutes and one use.

The price of an enrichment is documented; those of the other tools are made up by the sandbox.
"""

import datetime as dt
import hashlib
import hmac
import json
import secrets
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.tables import Lead, LeadList, Quote
from sandbox.errors import ApiError, not_found
from sandbox.schemas import EstimateRequest

from . import ledger

QUOTE_LIFETIME = dt.timedelta(minutes=5)
MAX_ROWS = 1_000_000
ENRICHMENT_COST = {"none": 0, "partial": 1, "phone_only": 10, "full": 11}
ENRICHMENT_TOOLS = frozenset({"enrich_person", "enrich_list", "bulk_import_csv"})
FLAT_COST = {"enrich_company": 1, "run_smart_agent": 1, "sync_to_crm": 0, "sync_to_sequencer": 0}
DATA_POINT_COST = {"LinkedIn": 0, "Email": 1, "Phone": 10}
COHORT_TOOLS = frozenset({"add_person_enrichments", "add_company_enrichments"})


def create_quote(session: Session, organization_id: str, request: EstimateRequest, secret: str) -> JsonObject:
    """Price a request and return `EstimateCostResponse`. Raises `ApiError` 400 or 404 if there is no price."""
    unit_cost = _cost_per_row(request)
    rows = _row_count(session, organization_id, request)
    selection = request.filters or ({"list_id": request.list_id} if request.list_id else None)
    filter_hash = _hash_filters(selection) if selection else "none"
    now = utc_now()
    quote = Quote(
        organization_id=organization_id,
        tool=request.tool,
        scope=_enrichment_type(request),
        row_count=rows,
        estimated_cost=unit_cost * rows,
        filter_hash=filter_hash,
        issued_at=now,
        expires_at=now + QUOTE_LIFETIME,
    )
    quote.id = _sign(quote, secret)
    session.add(quote)
    available = ledger.balance(session, organization_id)
    return {
        "quote_id": quote.id,
        "expires_at": int(quote.expires_at.timestamp()),
        "estimated_cost": quote.estimated_cost,
        "tool": quote.tool,
        "row_count": rows,
        "filter_hash": filter_hash,
        "available_credits": int(available),
        "sufficient": available >= quote.estimated_cost,
    }


def redeem_quote(session: Session, organization_id: str, quote_id: str, cost: Decimal) -> None:
    """Redeem a quote. Raises a 400 `ApiError` if it is unknown, used, expired or too small."""
    quote = session.get(Quote, quote_id)
    if quote is None or quote.organization_id != organization_id or quote.redeemed_at is not None:
        raise ApiError(400, "validation_error", "The quote is unknown or already used.", "Estimate again.")
    now = utc_now()
    if quote.expires_at <= now:
        raise ApiError(400, "validation_error", "The quote has expired.", "Estimate again.")
    if cost > quote.estimated_cost:
        problem = f"This call can cost {cost} credits; the quote covers {quote.estimated_cost}."
        raise ApiError(400, "spend_cap_exceeded", problem, "Estimate again for this request.")
    session.execute(update(Quote).where(Quote.id == quote_id).values(redeemed_at=now))


def _cost_per_row(request: EstimateRequest) -> int:
    if request.tool in ENRICHMENT_TOOLS:
        return ENRICHMENT_COST[_enrichment_type(request) or "partial"]
    if request.tool in FLAT_COST:
        return FLAT_COST[request.tool]
    if request.tool in COHORT_TOOLS:
        return sum(DATA_POINT_COST.get(point, 1) for point in set(request.data_points or ["Email"]))
    raise ApiError(400, "validation_error", "Unknown tool.", f"Use one of {', '.join(_tools())}.")


def _tools() -> list[str]:
    return sorted(ENRICHMENT_TOOLS | COHORT_TOOLS | FLAT_COST.keys())


def _enrichment_type(request: EstimateRequest) -> str | None:
    named = request.enrichment_type or request.scope
    if named is None:
        return "phone_only" if request.include_phone else None
    kind = named.replace("-", "_")
    if kind not in ENRICHMENT_COST:
        raise ApiError(400, "validation_error", "Unknown scope.", "Use partial, phone_only or full.")
    return kind


def _row_count(session: Session, organization_id: str, request: EstimateRequest) -> int:
    if request.task_id is not None:
        raise not_found("No search cohort has this task_id.")
    if request.list_id is not None:
        return _rows_of_list(session, organization_id, request.list_id)
    if request.row_count is None and request.tool == "enrich_person":
        return 1
    if request.row_count is None or not 1 <= request.row_count <= MAX_ROWS:
        raise ApiError(
            400, "validation_error", "The number of rows is missing or out of range.", "Send list_id or row_count."
        )
    return request.row_count


def _rows_of_list(session: Session, organization_id: str, list_id: str) -> int:
    lead_list = session.get(LeadList, list_id)
    if lead_list is None or lead_list.organization_id != organization_id:
        raise not_found("No lead list has this id.")
    return session.scalar(select(func.count()).where(Lead.lead_list_id == list_id)) or 0


def _hash_filters(selection: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(selection, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _sign(quote: Quote, secret: str) -> str:
    issued = int(quote.issued_at.timestamp())
    bound = [quote.organization_id, quote.tool, quote.scope, quote.row_count, quote.filter_hash, issued]
    message = json.dumps([*bound, secrets.token_hex(8)]).encode()
    return f"qte_v1_{issued}_{hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"
