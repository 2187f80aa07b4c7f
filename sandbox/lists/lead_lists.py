"""Lead lists: who sees and changes them, and the lists that exist by themselves."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session, joinedload

from sandbox.auth.authentication import Principal
from sandbox.cursors import read_cursor, write_cursor
from sandbox.db.column_types import EPOCH, MICROSECOND, utc_now
from sandbox.db.lead_tables import Lead, LeadList, ListMember
from sandbox.envelope import iso
from sandbox.errors import ApiError, not_found

from .schemas import CreateList, ListDetail, ListsPage, ListSummary, UpdateList

# Enrichments of the older surface land in DEFAULT; those that name no list in a scratch list, which no page lists.
DEFAULT, DEFAULT_ORIGIN = "DEFAULT", "public_api"
SCRATCH, SCRATCH_ORIGIN = "MCP Results", "scratch"
# The service has a cap, but does not say which.
MAX_LISTS_PER_USER = 1_000


def find_list(session: Session, caller: Principal, list_id: str) -> LeadList:
    """Return a list that the caller may see. Raises a 404 `ApiError`, whatever the reason."""
    found = session.scalar(select(LeadList).where(LeadList.id == list_id, *visible_to(caller)))
    if found is None:
        raise _no_list()
    return found


def find_target(session: Session, caller: Principal, list_id: str) -> LeadList:
    """Return a list to change or fill; the name of the DEFAULT list is taken for its ID. Raises a 404 `ApiError`."""
    if list_id == DEFAULT:
        return automatic_list(session, caller.organization_id, caller.user_id)
    return find_list(session, caller, list_id)


def automatic_list(session: Session, organization_id: str, user_id: str, name: str = DEFAULT) -> LeadList:
    """Return the DEFAULT or scratch list where a user's results land, creating it the first time.

    Data directories of the first version, and the demo, have one DEFAULT that everybody sees.
    """
    origin = DEFAULT_ORIGIN if name == DEFAULT else SCRATCH_ORIGIN
    usable = or_(LeadList.owner_id == user_id, LeadList.visibility != "private")
    found = session.scalar(
        select(LeadList).filter_by(organization_id=organization_id, origin=origin).where(usable).limit(1)
    )
    if found is None:
        found = LeadList(organization_id=organization_id, owner_id=user_id, name=name, origin=origin)
        session.add(found)
        session.flush()
    return found


def create_list(session: Session, caller: Principal, body: CreateList) -> tuple[LeadList, bool]:
    """Return the caller's list of that name and whether it existed; letters' case does not matter."""
    _refuse_folder(body.folder_id)
    mine = session.scalars(select(LeadList).where(*_mine(caller)).order_by(LeadList.created_at)).all()
    same = _of_name(mine, body.name)
    if same is not None:
        return same, True
    if len(mine) >= MAX_LISTS_PER_USER:
        problem = f"You have {MAX_LISTS_PER_USER} lists, which is the most that there can be."
        raise ApiError(403, "list_cap_reached", problem, "Delete lists that are no longer needed.")
    made = LeadList(
        organization_id=caller.organization_id,
        owner_id=caller.user_id,
        name=body.name,
        description=body.description,
        created_at=utc_now(),
    )
    session.add(made)
    session.flush()
    return made, False


def update_list(session: Session, caller: Principal, list_id: str, body: UpdateList) -> LeadList:
    """Change what the body names. Raises `ApiError` 403, 404 or 409."""
    found = _changeable(session, caller, list_id)
    _refuse_folder(body.folder_id)
    if "name" in body.model_fields_set:
        mine = session.scalars(select(LeadList).where(*_mine(caller), LeadList.id != found.id)).all()
        if _of_name(mine, body.name) is not None:
            raise ApiError(409, "name_taken", "You have another list of this name.", "Choose another name.")
        found.name = body.name
    if "description" in body.model_fields_set:
        found.description = body.description
    session.flush()
    return found


def delete_list(session: Session, caller: Principal, list_id: str) -> None:
    """Delete a list; its leads stay leads of the organization. Raises `ApiError` 404 or 403."""
    found = _changeable(session, caller, list_id)
    session.execute(delete(ListMember).where(ListMember.lead_list_id == found.id))
    found.deleted_at = utc_now()


def page_of_lists(
    session: Session, caller: Principal, folder_id: str | None, limit: int, cursor: str | None
) -> ListsPage:
    """Return lists that the caller may see, newest first. There are no folders, so none is in one."""
    micros, last_id = read_cursor(cursor, "lists", caller.user_id)
    if folder_id is not None:
        return ListsPage(lists=[], total=0, cursor=None)
    shown = [*visible_to(caller), LeadList.origin != SCRATCH_ORIGIN]
    total = session.scalar(select(func.count()).select_from(LeadList).where(*shown)) or 0
    query = select(LeadList).options(joinedload(LeadList.owner)).where(*shown)
    query = query.order_by(LeadList.created_at.desc(), LeadList.id.desc())
    if cursor is not None:
        before = EPOCH + micros * MICROSECOND
        query = query.where(
            or_(LeadList.created_at < before, (LeadList.created_at == before) & (LeadList.id < last_id))
        )
    found = session.scalars(query.limit(limit + 1)).all()
    rows = found[:limit]
    following = None
    if len(found) > limit:
        micros = (rows[-1].created_at - EPOCH) // MICROSECOND
        following = write_cursor(micros, rows[-1].id, "lists", caller.user_id)
    counts = _counts(session, rows)
    return ListsPage(
        lists=[_summary(row, counts.get(row.id, 0)) for row in rows],
        total=total,
        cursor=following,
    )


def detail(session: Session, found: LeadList, *, reused: bool = False, message: str | None = None) -> ListDetail:
    """Return a list with its counts."""
    members = select(func.count(), func.count().filter(Lead.enriched)).select_from(ListMember)
    leads, enriched = session.execute(
        members.join(Lead, Lead.id == ListMember.lead_id).where(ListMember.lead_list_id == found.id)
    ).one()
    return ListDetail(
        list_id=found.id,
        name=found.name,
        description=found.description,
        lead_count=leads,
        enriched_count=enriched,
        created_at=iso(found.created_at),
        reused=reused,
        message=message,
    )


def count_leads(session: Session, list_id: str) -> int:
    """Return how many leads are in a list."""
    return session.scalar(select(func.count()).where(ListMember.lead_list_id == list_id)) or 0


def visible_to(caller: Principal) -> list[ColumnElement[bool]]:
    """Return the conditions of the lists that the caller may see."""
    mine = or_(LeadList.owner_id == caller.user_id, LeadList.visibility != "private")
    return [LeadList.organization_id == caller.organization_id, LeadList.deleted_at.is_(None), mine]


def _mine(caller: Principal) -> list[ColumnElement[bool]]:
    return [
        LeadList.organization_id == caller.organization_id,
        LeadList.owner_id == caller.user_id,
        LeadList.deleted_at.is_(None),
        LeadList.origin != SCRATCH_ORIGIN,
    ]


def _of_name(lists: Sequence[LeadList], name: str) -> LeadList | None:
    """Return the list of a name; compared here, because SQLite knows the case of ASCII letters only."""
    return next((each for each in lists if each.name.casefold() == name.casefold()), None)


def _changeable(session: Session, caller: Principal, list_id: str) -> LeadList:
    found = find_target(session, caller, list_id)
    if found.origin != "user":
        problem = f"The list {found.name} is kept by the service."
        raise ApiError(403, "list_protected", problem, "Use a list that you have created.")
    if found.owner_id != caller.user_id:
        raise _no_list()
    return found


def _counts(session: Session, lists: Sequence[LeadList]) -> dict[str, int]:
    ids = [found.id for found in lists]
    query = select(ListMember.lead_list_id, func.count()).where(ListMember.lead_list_id.in_(ids))
    return dict(session.execute(query.group_by(ListMember.lead_list_id)).all())


def _summary(found: LeadList, leads: int) -> ListSummary:
    return ListSummary.model_validate(
        {
            "list_id": found.id,
            "name": found.name,
            "lead_count": leads,
            "created_at": iso(found.created_at),
            "owner_name": (found.owner.name or None) if found.owner else None,
            "visibility": found.visibility,
        }
    )


def _refuse_folder(folder_id: str | None) -> None:
    if folder_id is not None:
        raise not_found("No folder has this ID; the sandbox has none.")


def _no_list() -> ApiError:
    return not_found("No lead list has this ID.")
