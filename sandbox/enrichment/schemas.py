"""Bodies and answers of the newer enrichment calls, as Cleanlist's OpenAPI document has them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from sandbox.bodies import Body, Identifier, Name, at_most
from sandbox.directory.schemas import CompanyRecord
from sandbox.envelope import Envelope
from sandbox.schemas import PersonRequest


class PersonRequestV1(PersonRequest):
    """Body of enrichment/person on the older prefix, where the list may be left out."""

    lead_list_id: Identifier = ""


class PersonAccepted(Envelope):
    """Answer of enrichment/person."""

    workflow_id: str
    status: Literal["pending"] = "pending"
    credits_reserved: int
    lead_list_id: str
    poll_url: str


class CompanyRequest(Body):
    """Body of enrichment/company: the company by any of these."""

    domain: Name | None = None
    company_name: Name | None = None
    company_ticker: Name | None = None
    company_id: Name | None = None
    quote_id: Name | None = None


class EnrichedCompany(Envelope):
    """Answer of enrichment/company."""

    company: CompanyRecord
    credits_charged: int


class ByTaskRequest(Body):
    """Body of enrichment/by-task."""

    task_id: Name
    data_points: Annotated[list[Name], at_most(20)] = Field(min_length=1, max_length=20)
    entity_ids: Annotated[list[Name] | None, at_most(2000)] = Field(None, min_length=1, max_length=2000)
    lead_list_id: Name | None = None
    quote_id: Name | None = None


class ByTaskResult(BaseModel):
    """What becomes of one entity."""

    entity_id: str
    status: Literal["queued", "enriched", "skipped", "failed"]
    error: str | None = None
    company: CompanyRecord | None = None


class ByTaskAccepted(Envelope):
    """Answer of enrichment/by-task."""

    entity_kind: Literal["person", "company"]
    workflow_id: str | None
    status: Literal["pending", "completed"]
    total_entities: int
    credits_reserved: int
    results: list[ByTaskResult]


class ListRequest(Body):
    """Body of enrichment/bulk."""

    list_id: Name
    scope: Literal["partial", "full", "phone-only"] = "partial"
    quote_id: Name


class ListAccepted(Envelope):
    """Answer of enrichment/bulk."""

    workflow_id: str
    status: Literal["pending"] = "pending"
    total_leads: int
    estimated_cost: int
    credits_reserved: int
    poll_url: str


class PersonResult(BaseModel):
    """What was found about the one person of a workflow."""

    lead_id: str
    status: str
    full_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    email_status: str | None
    phone: str | None
    linkedin_url: str | None
    title: str | None
    company: str | None
    enrichment_type: str | None
    provider: str | None


class WorkflowStatus(Envelope):
    """Answer of enrichment/status."""

    workflow_id: str
    status: str
    progress: int | None
    total: int | None
    processed: int | None
    completed: int | None
    failed: int | None
    enrichment_type: str | None
    lead_list_id: str | None
    summary: dict[str, int] | None
    refund_status: Literal["not_applicable", "pending_review"] | None
    refund_message: str | None
    result: PersonResult | None
    credits_charged: int | None
    credits_refunded: int | None
