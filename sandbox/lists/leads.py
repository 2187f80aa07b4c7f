"""Leads: persons that an organization keeps, and their membership in lists."""

import re
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore
from sqlalchemy.orm import Session

from sandbox.cursors import read_cursor, write_cursor
from sandbox.db.column_types import JsonObject
from sandbox.db.lead_tables import Lead, LeadList, ListMember
from sandbox.errors import ApiError

from .schemas import LeadRow

# Upstream names no limit. Lists that fill by themselves (DEFAULT) may be longer, but are enriched and exported
# up to this.
MAX_LEADS_PER_LIST = 10_000
# Nothing is looked for behind the handle: that would be done again for each place where one begins.
_SLUG = re.compile(r"(?:^|linkedin\.com/(?:in|pub)/)([^/?#\s]++)/?(?:[?#]|$)", re.IGNORECASE)
_PROFILE = re.compile(r"(?:(?:https?://)?(?:[\w-]++\.)?linkedin\.com/(?:in|pub)/[^/?#\s].*|[\w%-]+)", re.IGNORECASE)


def is_profile(url: str) -> bool:
    """Return whether an address is that of somebody's LinkedIn profile, or a bare handle."""
    return _PROFILE.fullmatch(url.strip()) is not None


def linkedin_slug(url: str) -> str | None:
    """Return the last part of a LinkedIn profile's address, in lower case; a bare handle is one."""
    match = _SLUG.search(url.strip())
    return match.group(1).lower() if match else None


def identity_of(contact: Mapping[str, object]) -> str | None:
    """Return what two records of the same person have in common: profile, else e-mail, else name and company."""
    person, company = _part(contact, "prospect"), _part(contact, "company")
    if slug := linkedin_slug(_text(person, "linkedin_url")):
        return f"in:{slug}"
    if email := _text(contact, "primary_email"):
        return f"mail:{email.lower()}"
    employer = _text(company, "domain") or _text(company, "name")
    name = _text(person, "first_name"), _text(person, "last_name")
    return f"name:{'|'.join([*name, employer]).lower()}" if all(name) and employer else None


def keep_lead(session: Session, organization_id: str, contact: JsonObject, *, enriched: bool) -> tuple[Lead, bool]:
    """Return the organization's lead for this person, with what is newly known, and whether it is new."""
    identity = identity_of(contact)
    found = None
    if identity is not None:
        found = session.scalar(select(Lead).filter_by(organization_id=organization_id, identity=identity))
    if found is not None:
        add_to_contact(found, contact, enriched=enriched)
        return found, False
    made = Lead(organization_id=organization_id, identity=identity, contact=contact, enriched=enriched)
    session.add(made)
    session.flush()
    return made, True


def add_to_contact(lead: Lead, contact: JsonObject, *, enriched: bool) -> None:
    """Add what is newly known about a lead; nothing that is known is lost."""
    lead.contact = merged(lead.contact, contact)
    lead.enriched = lead.enriched or enriched


def merged(known: JsonObject, fresh: JsonObject) -> JsonObject:
    """Return what is known of a person, with what is new; nothing is forgotten."""
    both = {**known, **{name: value for name, value in fresh.items() if value}}
    for part in ("prospect", "company"):
        new = {name: value for name, value in _part(fresh, part).items() if value}
        both[part] = {**_part(known, part), **new}
    return both


def add_members(session: Session, lead_list: LeadList, lead_ids: Sequence[str], *, capped: bool = True) -> int:
    """Put leads into a list and return how many were not in it. Raises a 400 `ApiError` when it gets too long."""
    before = session.scalar(select(func.count()).where(ListMember.lead_list_id == lead_list.id)) or 0 if capped else 0
    added = 0
    for start in range(0, len(lead_ids), 500):
        rows = [{"lead_list_id": lead_list.id, "lead_id": lead_id} for lead_id in lead_ids[start : start + 500]]
        statement = insert_or_ignore(ListMember).values(rows).on_conflict_do_nothing()
        added += len(session.scalars(statement.returning(ListMember.sequence)).all())
    if capped and before + added > MAX_LEADS_PER_LIST:
        problem = f"A list holds at most {MAX_LEADS_PER_LIST} leads."
        raise ApiError(400, "validation_error", problem, "Create another list.")
    return added


def remove_members(session: Session, lead_list: LeadList, lead_ids: Collection[str]) -> int:
    """Take leads out of a list and return how many were in it; unknown ones are no error."""
    chosen = ListMember.lead_id.in_(set(lead_ids))
    gone = delete(ListMember).where(ListMember.lead_list_id == lead_list.id, chosen).returning(ListMember.sequence)
    return len(session.scalars(gone).all())


def page_of_leads(
    session: Session, list_id: str, limit: int | None, cursor: str | None
) -> tuple[list[Lead], str | None]:
    """Return leads of a list in the order in which they came, and the cursor of the next page."""
    after, _ = read_cursor(cursor, "leads", list_id)
    query = (
        select(Lead, ListMember.sequence)
        .join(ListMember, ListMember.lead_id == Lead.id)
        .where(ListMember.lead_list_id == list_id, ListMember.sequence > after)
        .order_by(ListMember.sequence)
        .limit(None if limit is None else limit + 1)
    )
    rows = session.execute(query).all()
    shown = rows[:limit]
    following = write_cursor(shown[-1][1], "", "leads", list_id) if len(rows) > len(shown) else None
    return [lead for lead, _ in shown], following


def leads_by_id(session: Session, organization_id: str, lead_ids: Sequence[str]) -> list[Lead]:
    """Return the organization's leads with these ids, in this order; those that do not exist are left out."""
    found: dict[str, Lead] = {}
    for start in range(0, len(lead_ids), 500):
        chosen = Lead.id.in_(lead_ids[start : start + 500])
        query = select(Lead).where(Lead.organization_id == organization_id, chosen)
        found |= {lead.id: lead for lead in session.scalars(query)}
    return [found[lead_id] for lead_id in dict.fromkeys(lead_ids) if lead_id in found]


def lead_row(lead: Lead) -> LeadRow:
    """Return a lead as lists show it."""
    person, company = _part(lead.contact, "prospect"), _part(lead.contact, "company")
    first, last = _text(person, "first_name") or None, _text(person, "last_name") or None
    phones = lead.contact.get("personal_phone_numbers") or []
    return LeadRow(
        lead_id=lead.id,
        first_name=first,
        last_name=last,
        full_name=_text(person, "full_name") or " ".join(filter(None, (first, last))) or None,
        email=_text(lead.contact, "primary_email") or None,
        phone=phones[0] if phones else None,
        title=_text(person, "title") or None,
        company=_text(company, "name") or None,
        location=_text(person, "location") or None,
        linkedin_url=_text(person, "linkedin_url") or None,
        provider=_text(lead.contact, "provider") or None,
    )


def enrichment_input(lead: Lead) -> JsonObject:
    """Return a lead in the form in which enrichments are asked for."""
    person, company = _part(lead.contact, "prospect"), _part(lead.contact, "company")
    given = {
        "linkedin_url": _text(person, "linkedin_url"),
        "email": _text(lead.contact, "primary_email"),
        "first_name": _text(person, "first_name"),
        "last_name": _text(person, "last_name"),
        "company_domain": _text(company, "domain"),
        "company_name": _text(company, "name"),
    }
    return {"lead_id": lead.id} | {name: value for name, value in given.items() if value}


def _part(contact: Mapping[str, object], name: str) -> JsonObject:
    part = contact.get(name)
    return part if isinstance(part, dict) else {}


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""
