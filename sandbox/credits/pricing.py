"""What calls cost, and how many rows of it there are. What the service does not document is marked."""

import math
from decimal import Decimal
from typing import Literal

from sqlalchemy.orm import Session

from sandbox.auth.authentication import Principal
from sandbox.errors import ApiError
from sandbox.lists import cohorts, lead_lists
from sandbox.schemas import EstimateRequest
from sandbox.sync.destinations import CRMS, SEQUENCERS

MAX_ROWS = 1_000_000
ENRICHMENT_COST = {"none": 0, "partial": 1, "phone_only": 10, "full": 11}
ENRICHMENT_TOOLS = frozenset({"enrich_person", "enrich_list", "bulk_import_csv"})
DESTINATIONS = {"sync_to_crm": CRMS, "sync_to_sequencer": SEQUENCERS}
FREE_TOOLS = frozenset(DESTINATIONS)  # not documented
COHORT_TOOLS = frozenset({"add_person_enrichments", "add_company_enrichments"})
TOOLS = ENRICHMENT_TOOLS | COHORT_TOOLS | FREE_TOOLS | {"enrich_company", "run_smart_agent"}
SINGLE_ROW = frozenset({"enrich_person", "enrich_company"})
# Those of custom_ai and cold_intro_email are documented, those of the presets are not.
AGENT_COST = {
    "custom_ai": Decimal(1),
    "cold_intro_email": Decimal(3),
    "title_normalizer": Decimal("0.5"),
    "company_intel": Decimal(1),
    "pain_point_hypothesis": Decimal(1),
}
COMPANIES_PER_CREDIT = 10
PERSON_POINTS = ("Email", "Phone", "LinkedIn")
COMPANY_POINTS = ("Industry", "Employees", "Revenue", "Funding", "TechStack", "Domain")
# What a tool's estimate may have in `extra`.
EXTRAS = {"run_smart_agent": frozenset({"column_name", "max_rows", "lead_scope"})}

CohortEnrichment = Literal["partial", "phone_only", "full"]
SCOPES: dict[str, CohortEnrichment] = {"partial": "partial", "full": "full", "phone-only": "phone_only"}


def check_tool(request: EstimateRequest) -> None:
    """Raise a 400 `ApiError` for an unknown tool, a provider of another one, or an `extra` that it does not have."""
    if request.tool not in TOOLS:
        raise ApiError(400, "validation_error", "Unknown tool.", f"Use one of {', '.join(sorted(TOOLS))}.")
    destinations = DESTINATIONS.get(request.tool)
    if destinations is not None and request.provider not in destinations:
        problem = f"{request.tool} has no such provider."
        raise ApiError(400, "validation_error", problem, f"Send provider: {', '.join(destinations)}.")
    undeclared = sorted(set(request.extra or {}) - EXTRAS.get(request.tool, frozenset()))
    if undeclared:
        problem = f"{request.tool} has no {', '.join(undeclared[:5])}."[:500]
        raise ApiError(400, "validation_error", problem, "Remove it from extra.")


def estimated_cost(request: EstimateRequest, rows: int) -> int:
    """Return the most credits that the operation can cost."""
    if request.tool in ENRICHMENT_TOOLS:
        return ENRICHMENT_COST[enrichment_type(request) or "partial"] * rows
    if request.tool == "run_smart_agent":
        return agent_cost(request.agent_type or "custom_ai", rows)
    if request.tool == "add_person_enrichments":
        check_points(request.data_points, PERSON_POINTS)
        return ENRICHMENT_COST[cohort_enrichment(request.data_points or ["Email"])] * rows
    if request.tool == "add_company_enrichments":
        check_points(request.data_points, COMPANY_POINTS)
        return company_cohort_cost(rows)
    return 0 if request.tool in FREE_TOOLS else rows


def agent_cost(agent_type: str, rows: int) -> int:
    """Return the estimate for a smart agent, in whole credits. Raises a 400 `ApiError` for an unknown one."""
    if agent_type not in AGENT_COST:
        raise ApiError(400, "validation_error", "Unknown agent_type.", f"Use one of {', '.join(AGENT_COST)}.")
    return math.ceil(AGENT_COST[agent_type] * rows)


def company_cohort_cost(companies: int) -> int:
    """Return a credit for ten companies, rounded up."""
    return -(-companies // COMPANIES_PER_CREDIT)


def cohort_enrichment(data_points: list[str]) -> CohortEnrichment:
    """Return the enrichment that finds these facts about persons."""
    if "Phone" not in data_points:
        return "partial"
    return "full" if "Email" in data_points else "phone_only"


def check_points(data_points: list[str] | None, allowed: tuple[str, ...]) -> None:
    """Raise a 400 `ApiError` for facts that there are not about this kind of entity."""
    if set(data_points or ()) - set(allowed):
        raise ApiError(
            400, "validation_error", "data_points do not fit what the task found.", f"Use {', '.join(allowed)}."
        )


def enrichment_type(request: EstimateRequest) -> str | None:
    """Return the enrichment that is asked for, with underscores. Raises a 400 `ApiError` for an unknown one."""
    named = request.enrichment_type or request.scope
    if named is None:
        return "phone_only" if request.include_phone else None
    kind = named.replace("-", "_")
    if kind not in ENRICHMENT_COST:
        raise ApiError(400, "validation_error", "Unknown scope.", "Use partial, phone_only or full.")
    return kind


def count_rows(session: Session, caller: Principal, request: EstimateRequest) -> int:
    """Return the rows that the operation has: those of its cohort or list, else what the caller says.

    Raises `ApiError`: 404 for an unknown cohort or list, 400 for a number that is missing or out of range.
    """
    if request.task_id is not None:
        cohort = cohorts.find_cohort(session, caller.organization_id, request.task_id)
        return len(cohorts.members(cohort, request.entity_ids))
    if request.list_id is not None:
        lead_list = lead_lists.find_list(session, caller, request.list_id)
        if request.tool in SINGLE_ROW:
            return 1
        if request.tool != "bulk_import_csv":
            return _clamp(lead_lists.count_leads(session, lead_list.id), request)
    if request.row_count is None and request.tool in SINGLE_ROW:
        return 1
    if request.row_count is None or not 1 <= request.row_count <= MAX_ROWS:
        raise ApiError(
            400, "validation_error", "The number of rows is missing or out of range.", "Send list_id or row_count."
        )
    return request.row_count


def _clamp(rows: int, request: EstimateRequest) -> int:
    """Apply the `max_rows` that a smart agent on a part of the list has."""
    wanted = (request.extra or {}).get("max_rows")
    return min(rows, wanted) if isinstance(wanted, int) and wanted >= 1 else rows
