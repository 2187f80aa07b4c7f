"""What searches and enrichments say of a company or a person."""

from sandbox.db.column_types import JsonObject

from .schemas import CompanyRecord, FoundPerson
from .world import Company, Person


def company(found: Company) -> CompanyRecord:
    """Return a company with everything that is known of it."""
    same = {name: getattr(found, name) for name in CompanyRecord.model_fields if name != "hq_location"}
    return CompanyRecord.model_validate({**same, "hq_location": found.location})


def person(found: Person) -> FoundPerson:
    """Return a person as a search does, without e-mail and phone."""
    return FoundPerson.model_validate({name: getattr(found, name) for name in FoundPerson.model_fields})


def as_contact(found: Person) -> JsonObject:
    """Return a person as a lead that is not enriched yet."""
    names = ("first_name", "last_name", "full_name", "title", "location", "linkedin_url")
    return {
        "prospect": {name: getattr(found, name) for name in names},
        "company": {"name": found.company_name, "domain": found.company_domain},
    }
