"""Search of people and companies, free of charge."""

from collections.abc import Sequence

from sandbox.auth import plans
from sandbox.auth.authentication import Principal
from sandbox.db.column_types import JsonObject
from sandbox.directory import records, search
from sandbox.directory.schemas import (
    FilterValues,
    FoundCompanies,
    FoundPeople,
    SearchCompanies,
    SearchPeople,
    SimilarCompanies,
)
from sandbox.directory.world import Company, world
from sandbox.errors import ApiError, not_found
from sandbox.lists import cohorts
from sandbox.lists.cohorts import CohortKind
from sandbox.routes.dependencies import CompaniesReader, PeopleReader, Sandbox
from sandbox.services import Services

from .shared import SharedRoutes

shared = SharedRoutes()


@shared.post("/search/people")
def search_people(caller: PeopleReader, sandbox: Sandbox, body: SearchPeople) -> FoundPeople:
    """Find people by title, place and employer; their `task_id` can be enriched or added to a list."""
    with sandbox.store.reading() as session:
        plans.require_features(session, caller.organization_id, [plans.SEARCH_PEOPLE])
    found = search.find_people(sandbox.settings.seed, body.filters.chosen)
    shown, following = search.page(found, body.limit, body.cursor, "people", body.filters.chosen)
    handle = _remember(sandbox, caller, "people", [person.person_id for person in shown])
    return FoundPeople.model_validate(
        {"results": [records.person(each) for each in shown], **_page_of(handle, len(found), len(shown), following)}
    )


@shared.get("/search/people/filters")
def people_filters(_caller: PeopleReader, sandbox: Sandbox) -> FilterValues:
    """Return the values of the filters of people."""
    return FilterValues(filters=search.filter_values(sandbox.settings.seed, people=True))


@shared.post("/search/companies")
def search_companies(caller: CompaniesReader, sandbox: Sandbox, body: SearchCompanies) -> FoundCompanies:
    """Find companies by industry, size and place; their `task_id` can be enriched."""
    found = search.find_companies(sandbox.settings.seed, body.filters.chosen)
    return _companies(sandbox, caller, found, body, body.filters.chosen)


@shared.get("/search/companies/filters")
def company_filters(_caller: CompaniesReader, sandbox: Sandbox) -> FilterValues:
    """Return the values of the filters of companies."""
    return FilterValues(filters=search.filter_values(sandbox.settings.seed, people=False))


@shared.post("/search/companies/similar")
def similar_companies(caller: CompaniesReader, sandbox: Sandbox, body: SimilarCompanies) -> FoundCompanies:
    """Find companies like one that is named by its domain or company_id."""
    if not (body.domain or body.company_id):
        raise ApiError(400, "validation_error", "No company is named.", "Send domain or company_id.")
    like = world(sandbox.settings.seed).find_company(domain=body.domain or "", company_id=body.company_id or "")
    if like is None:
        raise not_found("No company has this domain or company_id.")
    return _companies(sandbox, caller, search.find_similar(sandbox.settings.seed, like), body, like.company_id)


def _companies(
    sandbox: Services,
    caller: Principal,
    found: Sequence[Company],
    body: SearchCompanies | SimilarCompanies,
    searched: object,
) -> FoundCompanies:
    shown, following = search.page(found, body.limit, body.cursor, "companies", searched)
    handle = _remember(sandbox, caller, "companies", [company.company_id for company in shown])
    results = [records.company(each) for each in shown]
    return FoundCompanies.model_validate({"results": results, **_page_of(handle, len(found), len(shown), following)})


def _remember(sandbox: Services, caller: Principal, kind: CohortKind, ids: list[str]) -> str | None:
    if not ids:
        return None
    with sandbox.store.session() as session:
        return cohorts.remember(session, caller.organization_id, kind, ids)


def _page_of(handle: str | None, total: int, shown: int, cursor: str | None) -> JsonObject:
    warning = f"{shown:,} of {total:,} results; send the cursor for more." if shown < total else None
    return {"task_id": handle, "total": total, "cursor": cursor, "truncation_warning": warning}
