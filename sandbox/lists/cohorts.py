"""Cohorts: the entities of one page of results, named by a handle for a day."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from sandbox.db.column_types import utc_now
from sandbox.db.lead_tables import Cohort
from sandbox.errors import ApiError, not_found

PREFIX = "cl-task_"
LIFETIME = dt.timedelta(hours=24)
MAX_COHORTS = 1_000
CohortKind = Literal["leads", "people", "companies"]


def remember(session: Session, organization_id: str, kind: CohortKind, entity_ids: Sequence[str]) -> str:
    """Return the handle of these entities. The same page has the same handle, so that reading it adds nothing."""
    named = json.dumps([organization_id, kind, list(entity_ids)]).encode()
    handle = PREFIX + hashlib.sha256(named).hexdigest()[:24]
    expires_at = utc_now() + LIFETIME
    row = {"organization_id": organization_id, "kind": kind, "entity_ids": list(entity_ids), "expires_at": expires_at}
    add = insert(Cohort).values(id=handle, **row)
    session.execute(add.on_conflict_do_update(index_elements=["id"], set_={"expires_at": expires_at}))
    mine = select(Cohort.id).where(Cohort.organization_id == organization_id)
    outdated = mine.order_by(Cohort.expires_at.desc()).offset(MAX_COHORTS)
    session.execute(delete(Cohort).where(Cohort.id.in_(outdated)))
    return handle


def find_cohort(session: Session, organization_id: str, handle: str) -> Cohort:
    """Return a cohort that has not expired. Raises a 404 `ApiError`."""
    found = session.get(Cohort, handle)
    if found is None or found.organization_id != organization_id or found.expires_at <= utc_now():
        raise not_found("No results have this task_id any more; repeat the search or read the page again.")
    return found


def members(cohort: Cohort, entity_ids: Sequence[str] | None) -> list[str]:
    """Return the chosen entities, all without `entity_ids`. Raises a 400 `ApiError` for one that is not in it."""
    if entity_ids is None:
        return list(cohort.entity_ids)
    strangers = set(entity_ids) - set(cohort.entity_ids)
    if strangers:
        raise ApiError(
            400,
            "validation_error",
            f"{len(strangers)} of the entity_ids are not in this task.",
            "Send only IDs from the results of the task.",
            extra={"details": {"unknown_entity_ids": sorted(strangers)[:10]}},
        )
    return list(dict.fromkeys(entity_ids))
