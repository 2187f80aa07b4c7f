"""Bodies and answers of searches. Cleanlist's OpenAPI document lacks them: they follow what its clients send."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sandbox.bodies import Body, Text, at_most
from sandbox.envelope import Envelope

Values = Annotated[list[Annotated[Text, Field(max_length=200)]], Field(min_length=1, max_length=100), at_most(100)]


class _Filters(Body):
    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("value_error", "Send at least one filter.")
        return self

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The filters that are set."""
        return self.model_dump(exclude_unset=True)


class PeopleFilters(_Filters):
    """Filters of people; each accepts any of its values."""

    titles: Values = []
    seniority: Values = []
    management_levels: Values = []
    departments: Values = []
    location_city: Values = []
    location_state: Values = []
    location_country: Values = []
    locations: Values = []
    company_names: Values = []
    company_domains: Values = []
    company_headcount: Values = []
    company_industries: Values = []


class CompanyFilters(_Filters):
    """Filters of companies; each accepts any of its values."""

    industries: Values = []
    employee_count_ranges: Values = []
    locations: Values = []
    names: Values = []
    domains: Values = []


class _Page(Body):
    limit: int = Field(25, ge=1, le=500)
    cursor: Annotated[Text, Field(max_length=200)] | None = None


class SearchPeople(_Page):
    """Body of `POST /search/people`."""

    filters: PeopleFilters


class SearchCompanies(_Page):
    """Body of `POST /search/companies`."""

    filters: CompanyFilters


class SimilarCompanies(_Page):
    """Body of `POST /search/companies/similar`: the company by its domain or id."""

    domain: Annotated[Text, Field(max_length=300)] | None = None
    company_id: Annotated[Text, Field(max_length=200)] | None = None


class FoundPerson(BaseModel):
    """A result; e-mail and phone come with an enrichment."""

    person_id: str
    first_name: str
    last_name: str
    full_name: str
    title: str
    seniority: str
    department: str
    company_name: str
    company_domain: str
    location: str
    linkedin_url: str


class CompanyRecord(BaseModel):
    """A company, as enrichments return it, too."""

    company_id: str | None
    name: str | None
    domain: str | None
    industry: str | None
    industries: list[str] | None
    employee_count: int | None
    employee_count_range: str | None
    revenue_range: str | None
    hq_location: str | None
    funding_stage: str | None
    total_funding_usd: int | None
    tech_stack: list[str] | None
    linkedin_url: str | None


class _Found(Envelope):
    total: int
    cursor: str | None
    truncation_warning: str | None
    credits_charged: int = 0


class FoundPeople(_Found):
    """A page of people; `task_id` names it as a cohort."""

    results: list[FoundPerson]


class FoundCompanies(_Found):
    """A page of companies; `task_id` names it as a cohort."""

    results: list[CompanyRecord]


class FilterValues(Envelope):
    """The values of each filter; none where any text is taken."""

    filters: dict[str, list[str]]
