"""Ends what a user holds by a role when they lose the role, and previews it.

Each app registers a ``Holding`` for every kind of such things in its module ``holdings``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied

from cleanlist.models import JsonObject
from workspaces.audit.events import Actor
from workspaces.models import Role, User, Workspace

# The most names per kind on a page and in the audit event. Counts are always complete.
NAMES_SHOWN, NAMES_RECORDED = 5, 100


@dataclass(frozen=True)
class Loss:
    """What ``user`` loses: all of ``workspace`` above the role ``kept``, or everything everywhere if both are None.

    ``by`` is who takes it away; ``why`` is a sentence without a full stop that says what has happened.
    """

    user: User
    workspace: Workspace | None
    kept: Role | None
    by: User | None
    why: str

    def spares(self, role: Role) -> bool:
        """Return whether things that need ``role`` can stay."""
        return self.kept is not None and self.kept.includes(role)

    @property
    def is_own_wish(self) -> bool:
        """Return whether the user takes it away from themselves."""
        return self.by is not None and self.by.pk == self.user.pk


@dataclass(frozen=True)
class Holding:
    """A kind of things that a user holds by a role: how to find, describe and end them.

    ``name`` is its key in audit events. ``words`` say on a page what happens to them; a count follows. ``describe``
    names one of them, or returns an empty string if its end matters to nobody.
    """

    name: str
    words: str
    find: Callable[[Loss], Iterable[object]]
    end: Callable[[Loss, Sequence[Any]], object]
    describe: Callable[[Any], str] = str


@dataclass(frozen=True)
class Ending:
    """The names of the things of one kind that end, or would end."""

    holding: Holding
    names: list[str]

    def in_words(self, most: int) -> str:
        """Return a sentence with at most ``most`` names."""
        more = f" and {len(self.names) - most:,} more" if len(self.names) > most else ""
        return f"{self.holding.words} ({len(self.names):,}): {', '.join(self.names[:most])}{more}."


_holdings: dict[str, Holding] = {}


def register(*holdings: Holding) -> None:
    """Have ``holdings`` end with the role that they depend on."""
    _holdings.update({holding.name: holding for holding in holdings})


def preview_endings(loss: Loss) -> list[str]:
    """Return a sentence for each kind with things that would end, for a confirmation page."""
    endings = [_ending(holding, loss, rows) for holding, rows in _found(loss)]
    return [ending.in_words(NAMES_SHOWN) for ending in endings if ending.names]


def end_holdings(loss: Loss) -> list[Ending]:
    """End what depends on the lost right.

    Call it in the transaction that takes the right away, under its locks and before the change, because some holdings
    are found by the role itself.
    """
    endings = []
    for holding, rows in _found(loss):
        endings.append(_ending(holding, loss, rows))  # described before it ends
        holding.end(loss, rows)
    return [ending for ending in endings if ending.names]


def _found(loss: Loss) -> Iterable[tuple[Holding, list[object]]]:
    for holding in _holdings.values():
        if rows := list(holding.find(loss)):
            yield holding, rows


def _ending(holding: Holding, loss: Loss, rows: list[Any]) -> Ending:
    named = [(getattr(row, "workspace", None), holding.describe(row)) for row in rows]
    if loss.workspace is not None:
        return Ending(holding, [name for _, name in named if name])
    return Ending(holding, [f"{place.name}: {name}" if place else name for place, name in named if name])


def audit_details(endings: list[Ending]) -> JsonObject:
    """Return the details of ``endings`` for an audit event: a message, and a list of names for each kind."""
    if not endings:
        return {}
    message = " ".join(ending.in_words(NAMES_RECORDED) for ending in endings)
    return {"message": message, "ended": {one.holding.name: one.names[:NAMES_RECORDED] for one in endings}}


def lock_users(*people: User | None) -> dict[int, User]:
    """Return the current rows of ``people``, locked until the transaction ends.

    Code that takes away or uses a right locks the workspace first and then the people, in order of their ids, so that
    concurrent transactions cannot deadlock.
    """
    ids = {person.pk for person in people if person is not None}
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {person.pk: person for person in rows}


def require_site_admin(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor is still a site admin; a lock keeps it so until the transaction ends."""
    person = lock_users(actor.user).get(actor.user.pk) if actor.user else None
    if actor.user and not (person and person.is_active and person.is_superuser):
        raise PermissionDenied("You're no longer a site admin. Nothing was changed.")


def require_role(actor: Actor, workspace: Workspace, role: Role) -> None:
    """Raise PermissionDenied unless the actor still holds ``role``; locks keep it so until the transaction ends.

    The caller must hold the workspace's lock. The console itself may do everything.
    """
    if actor.user is None:
        return
    person = lock_users(actor.user).get(actor.user.pk)
    held = workspace.role_of(person) if person else None
    if held is None or not held.includes(role):
        raise PermissionDenied(f"You no longer have the role “{role.label}” in this workspace. Nothing was changed.")
