"""Enrichment of what a search or a page of leads has shown: people run as a workflow, companies at once."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from sandbox.auth import plans
from sandbox.auth.authentication import Principal
from sandbox.credits import ledger, pricing, quotes
from sandbox.db.column_types import JsonObject
from sandbox.db.lead_tables import Cohort
from sandbox.directory import records
from sandbox.directory.schemas import CompanyRecord
from sandbox.directory.world import World
from sandbox.lists import cohorts, lead_lists, leads

from . import workflows
from .schemas import ByTaskAccepted, ByTaskRequest, ByTaskResult
from .workflows import RunTime

# What each of the facts about companies fills in; name and id are always there.
FIELDS = {
    "Industry": ("industry", "industries"),
    "Employees": ("employee_count", "employee_count_range"),
    "Revenue": ("revenue_range",),
    "Funding": ("funding_stage", "total_funding_usd"),
    "TechStack": ("tech_stack",),
    "Domain": ("domain", "linkedin_url"),
}


@dataclass(frozen=True, slots=True)
class CohortRun:
    """One call of enrichment/by-task: who, what for, and the directory that knows it."""

    caller: Principal
    body: ByTaskRequest
    world: World
    run_time: RunTime

    def start(self, session: Session) -> ByTaskAccepted:
        """Redeem the quote, then enrich. Raises `ApiError` 400, 404 or 409, and `ledger.InsufficientCredits`."""
        cohort = cohorts.find_cohort(session, self.caller.organization_id, self.body.task_id)
        entity_ids = cohorts.members(cohort, self.body.entity_ids)
        if cohort.kind == "companies":
            return self._companies(session, cohort, entity_ids)
        return self._people(session, cohort, entity_ids)

    def _redeem(self, session: Session, tool: str, cost: int) -> None:
        if self.body.quote_id is None:
            raise quotes.quote_required(tool)
        chosen = self.body.entity_ids
        quotes.redeem(
            session,
            self.caller.organization_id,
            self.body.quote_id,
            tool,
            cost,
            task_id=self.body.task_id,
            data_points=sorted(set(self.body.data_points)),
            entity_ids=None if chosen is None else sorted(set(chosen)),
        )

    def _people(self, session: Session, cohort: Cohort, entity_ids: list[str]) -> ByTaskAccepted:
        pricing.check_points(self.body.data_points, pricing.PERSON_POINTS)
        needed = [
            plans.DATA_POINT_FEATURES[each] for each in self.body.data_points if each in plans.DATA_POINT_FEATURES
        ]
        plans.require_features(session, self.caller.organization_id, needed)
        kind = pricing.cohort_enrichment(self.body.data_points)
        self._redeem(session, "add_person_enrichments", pricing.ENRICHMENT_COST[kind] * len(entity_ids))
        workflow = workflows.submit(
            session,
            principal_user_id=self.caller.user_id,
            organization_id=self.caller.organization_id,
            api_key_id=self.caller.api_key_id,
            enrichment_type=kind,
            contacts=self._contacts(session, cohort, entity_ids),
            webhook_url=None,
            kind="cohort",
            lead_list_id=self._target_list(session),
            run_time=self.run_time,
        )
        cohort.workflow_id = workflow.id
        return ByTaskAccepted(
            task_id=cohort.id,
            entity_kind="person",
            workflow_id=workflow.id,
            status="pending",
            total_entities=len(entity_ids),
            credits_reserved=int(workflow.reserved),
            results=[ByTaskResult(entity_id=each, status="queued") for each in entity_ids],
        )

    def _contacts(self, session: Session, cohort: Cohort, entity_ids: list[str]) -> list[JsonObject]:
        if cohort.kind == "people":
            return [{"person_id": entity_id} for entity_id in entity_ids]
        known = leads.leads_by_id(session, self.caller.organization_id, entity_ids)
        return [leads.enrichment_input(lead) for lead in known]

    def _target_list(self, session: Session) -> str:
        if self.body.lead_list_id is not None:
            return lead_lists.find_target(session, self.caller, self.body.lead_list_id).id
        caller = self.caller
        return lead_lists.automatic_list(session, caller.organization_id, caller.user_id, lead_lists.SCRATCH).id

    def _companies(self, session: Session, cohort: Cohort, entity_ids: list[str]) -> ByTaskAccepted:
        pricing.check_points(self.body.data_points, pricing.COMPANY_POINTS)
        results = [self._company(entity_id) for entity_id in entity_ids]
        found = sum(result.status == "enriched" for result in results)
        self._redeem(session, "add_company_enrichments", pricing.company_cohort_cost(len(entity_ids)))
        cost = pricing.company_cohort_cost(found)
        ledger.charge(session, self.caller.organization_id, cost)
        return ByTaskAccepted(
            task_id=cohort.id,
            entity_kind="company",
            workflow_id=None,
            status="completed",
            total_entities=len(entity_ids),
            credits_reserved=cost,
            results=results,
        )

    def _company(self, company_id: str) -> ByTaskResult:
        found = self.world.find_company(company_id=company_id)
        if found is None:
            return ByTaskResult(entity_id=company_id, status="skipped", error="No identifier of this company is known.")
        known = records.company(found).model_dump()
        shown = {"company_id", "name"}.union(*(FIELDS[point] for point in self.body.data_points))
        record = CompanyRecord.model_validate({name: known[name] if name in shown else None for name in known})
        return ByTaskResult(entity_id=company_id, status="enriched", company=record)
