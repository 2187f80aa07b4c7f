"""Bodies and answers of lead lists and leads, as Cleanlist's OpenAPI document has them."""

import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from sandbox.bodies import Body, Identifier, Name, Text, at_most
from sandbox.envelope import Envelope


def _legible(value: str) -> str:
    """Refuse a name that nobody could read or click."""
    if not value.strip() or any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in value):
        raise PydanticCustomError("value_error", "A name has letters in it, and no control characters.")
    return value


ListName = Annotated[Text, Field(min_length=1, max_length=200), AfterValidator(_legible)]
Description = Annotated[Text, Field(max_length=10_000)]
IdempotencyText = Annotated[Text, Field(max_length=128)]


class CreateList(Body):
    """Body of `POST /lead-lists`."""

    name: ListName
    description: Description | None = None
    folder_id: Identifier | None = None


class UpdateList(Body):
    """Body of `PATCH /lead-lists/{id}`; what is left out stays, null clears."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: ListName = ""
    description: Description | None = None
    folder_id: Identifier | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("value_error", "Send at least one of name, description and folder_id.")
        return self


class ListDetail(Envelope):
    """One list with live counts."""

    list_id: str
    name: str
    description: str | None
    lead_count: int
    enriched_count: int
    folder_id: str | None = None
    created_at: str | None
    reused: bool = False


class ListSummary(BaseModel):
    """One list of the overview."""

    list_id: str
    name: str
    lead_count: int
    folder_id: str | None = None
    created_at: str | None
    owner_name: str | None
    visibility: Literal["private", "organization", "shared"] | None


class ListsPage(Envelope):
    """A page of lists, newest first."""

    lists: list[ListSummary]
    total: int
    cursor: str | None


class DeletedList(Envelope):
    """Answer of `DELETE /lead-lists/{id}`."""

    list_id: str
    deleted: Literal[True] = True


class LeadRow(BaseModel):
    """One lead of a list."""

    lead_id: str
    first_name: str | None
    last_name: str | None
    full_name: str | None
    email: str | None
    phone: str | None
    title: str | None
    company: str | None
    location: str | None
    linkedin_url: str | None
    provider: str | None


class LeadsPage(Envelope):
    """A page of leads; `task_id` names them as a cohort."""

    list_id: str
    leads: list[LeadRow]
    total: int
    cursor: str | None


class AddByLeadIds(Body):
    """Body of `POST /lead-lists/{id}/leads` that names leads."""

    lead_ids: Annotated[list[Identifier], at_most(1000)] = Field(min_length=1, max_length=1000)
    idempotency_key: IdempotencyText | None = None


class AddByCohort(Body):
    """Body of `POST /lead-lists/{id}/leads` that names a cohort."""

    task_id: Identifier
    entity_ids: Annotated[list[Identifier] | None, at_most(2000)] = Field(None, max_length=2000)
    idempotency_key: IdempotencyText | None = None


class AddedLeads(BaseModel):
    """Answer of `POST /lead-lists/{id}/leads`."""

    list_id: str
    added: int
    skipped_duplicates: int
    created: int | None
    credits_charged: float = 0


class RemoveLeads(Body):
    """Body of `DELETE /lead-lists/{id}/leads`."""

    lead_ids: Annotated[list[Identifier], at_most(100)] = Field(min_length=1, max_length=100)


class RemovedLeads(BaseModel):
    """Answer of `DELETE /lead-lists/{id}/leads`."""

    list_id: str
    removed: int


class ImportCsv(Body):
    """Body of `POST /lead-lists/{id}/csv-import`."""

    csv_content_base64: str
    column_mapping: Annotated[dict[Name, Name], at_most(100)] = Field(min_length=1, max_length=100)
    dispatch_enrichment: StrictBool = True
    enrichment_type: Literal["partial", "phone_only", "full"] | None = None
    quote_id: Identifier | None = None
    idempotency_key: Identifier | None = None


class ImportedCsv(Envelope):
    """Answer of `POST /lead-lists/{id}/csv-import`."""

    list_id: str
    rows_parsed: int
    rows_imported: int
    rows_skipped: int
    skip_reasons: dict[str, int]
    sample_skip_rows: list[int]
    workflow_id: str | None = None
    enrichment_status_url: str | None = None
    idempotency_replayed: bool = False
