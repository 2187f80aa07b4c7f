"""Quotes: signed cost estimates, valid for five minutes, for one use and for exactly what was estimated."""

import datetime as dt
import hashlib
import hmac
import json
import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from sandbox.auth.authentication import Principal
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.tables import Quote
from sandbox.errors import ApiError
from sandbox.schemas import Estimate, EstimateRequest

from . import ledger, pricing

LIFETIME = dt.timedelta(minutes=5)
# Used and expired quotes are kept for a while, so that using one again says why it fails.
KEPT_FOR = dt.timedelta(days=1)
MAX_QUOTES = 10_000


def create_quote(session: Session, caller: Principal, request: EstimateRequest, secret: str) -> Estimate:
    """Price a request. Raises `ApiError` 400 or 404 if there is no price."""
    pricing.check_tool(request)
    rows = pricing.count_rows(session, caller, request)
    terms = _terms(request)
    now = utc_now()
    quote = Quote(
        organization_id=caller.organization_id,
        tool=request.tool,
        scope=terms["scope"],
        row_count=rows,
        estimated_cost=pricing.estimated_cost(request, rows),
        filter_hash=_hash(terms["selection"]) if terms["selection"] else "none",
        terms=terms,
        issued_at=now,
        expires_at=now + LIFETIME,
    )
    quote.id = _sign(quote, secret)
    session.add(quote)
    session.flush()
    _forget_old(session, caller.organization_id, now)
    available = ledger.balance(session, caller.organization_id)
    return Estimate(
        quote_id=quote.id,
        expires_at=int(quote.expires_at.timestamp()),
        estimated_cost=quote.estimated_cost,
        tool=quote.tool,
        row_count=rows,
        filter_hash=quote.filter_hash,
        available_credits=int(available),
        sufficient=available >= quote.estimated_cost,
    )


def redeem(session: Session, organization_id: str, quote_id: str, tool: str, cost: int, **terms: object) -> None:
    """Redeem a quote for a call of `tool` that can cost `cost`, with these terms.

    Raises `ApiError`: 409 for a used quote, else 400. The caller's transaction holds the write lock, so of two calls
    with one quote the second sees it used.
    """
    quote = session.get(Quote, quote_id)
    if quote is None or quote.organization_id != organization_id or quote.terms is None:
        raise _refused("quote_invalid", "The quote is unknown.")
    if quote.redeemed_at is not None:
        raise _refused("quote_already_used", "The quote is already used.", 409)
    if quote.expires_at <= utc_now():
        raise _refused("quote_expired", "The quote has expired.")
    if quote.tool != tool:
        raise _refused("quote_invalid", f"The quote is for {quote.tool}, not for {tool}.")
    if cost > quote.estimated_cost:
        raise _refused(
            "spend_cap_exceeded", f"This call can cost {cost} credits; the quote covers {quote.estimated_cost}."
        )
    different = sorted(name for name, value in terms.items() if quote.terms.get(name) != value)
    if different:
        raise _refused("quote_invalid", f"The quote was made for another {', '.join(different)}.")
    session.execute(update(Quote).where(Quote.id == quote_id).values(redeemed_at=utc_now()))


def quote_required(tool: str) -> ApiError:
    """Return the 400 for a call without the quote that it needs."""
    problem = "This call needs a quote_id."
    return ApiError(400, "quote_required", problem, f"Call /credits/estimate with tool {tool} first.")


def terms_of(quote_id: str, session: Session) -> JsonObject:
    """Return what a quote was made for; empty for an unknown one."""
    quote = session.get(Quote, quote_id)
    return (quote.terms or {}) if quote is not None else {}


def _terms(request: EstimateRequest) -> JsonObject:
    extra = request.extra or {}
    selection = {"list_id": request.list_id, "task_id": request.task_id}
    chosen = {name: value for name, value in selection.items() if value is not None}
    return {
        **selection,
        "scope": pricing.enrichment_type(request) or ("partial" if request.tool in pricing.ENRICHMENT_TOOLS else None),
        "agent_type": request.agent_type,
        "provider": request.provider,
        "sub_action": request.sub_action,
        "column_name": extra.get("column_name"),
        "data_points": sorted(set(request.data_points)) if request.data_points else None,
        "entity_ids": sorted(set(request.entity_ids)) if request.entity_ids is not None else None,
        "selection": chosen or _hash(request.filters) if request.filters or chosen else None,
    }


def _refused(code: str, problem: str, status: int = 400) -> ApiError:
    return ApiError(status, code, problem, "Estimate again for this request.")


def _forget_old(session: Session, organization_id: str, now: dt.datetime) -> None:
    mine = select(Quote.id).where(Quote.organization_id == organization_id)
    excess = mine.order_by(Quote.issued_at.desc()).offset(MAX_QUOTES)
    session.execute(delete(Quote).where(Quote.id.in_(excess)))
    session.execute(delete(Quote).where(Quote.organization_id == organization_id, Quote.expires_at < now - KEPT_FOR))


def _hash(selection: object) -> str:
    return hashlib.sha256(json.dumps(selection, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _sign(quote: Quote, secret: str) -> str:
    issued = int(quote.issued_at.timestamp())
    bound = [quote.organization_id, quote.tool, quote.row_count, quote.estimated_cost, quote.terms, issued]
    message = json.dumps([*bound, secrets.token_hex(8)], default=str).encode()
    return f"qte_v1_{issued}_{hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"
