"""Rights end when they end: what somebody holds by a role is shown beforehand, and ended along with the role.

Every app says in its module ``holdings`` what of its own somebody may hold: one ``Holding`` for each sort.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied

from workspaces.audit.events import Actor
from workspaces.models import Role, User, Workspace

# So many names of one sort are shown on a page and written into the audit event; the count is always whole.
NAMES_SHOWN, NAMES_RECORDED = 5, 100


@dataclass(frozen=True)
class Loss:
    """What ``user`` loses: all but ``kept`` in ``workspace``, or everything everywhere where both are None.

    ``by`` is who takes it; ``why`` says in a sentence without a full stop what has happened.
    """

    user: User
    workspace: Workspace | None
    kept: Role | None
    by: User | None
    why: str

    def spares(self, role: Role) -> bool:
        """Return whether what needs ``role`` can stay."""
        return self.kept is not None and self.kept.includes(role)

    @property
    def is_own_wish(self) -> bool:
        """Return whether the person takes it from themselves."""
        return self.by is not None and self.by.pk == self.user.pk


@dataclass(frozen=True)
class Holding:
    """One sort of things that somebody holds by a role: how they are found, named and ended.

    ``name`` is its key in audit events; ``words`` say on a page what becomes of them, to be followed by a count.
    ``describe`` names one of them; it returns nothing for what ends without making a difference to anybody.
    """

    name: str
    words: str
    find: Callable[[Loss], Iterable[Any]]
    end: Callable[[Loss, Sequence[Any]], object]
    describe: Callable[[Any], str] = str


@dataclass(frozen=True)
class Ending:
    """What of one sort ends, or would end, by its names."""

    holding: Holding
    names: list[str]

    def in_words(self, most: int) -> str:
        """Say it in one sentence that names at most so many."""
        more = f" and {len(self.names) - most:,} more" if len(self.names) > most else ""
        return f"{self.holding.words} ({len(self.names):,}): {', '.join(self.names[:most])}{more}."


_holdings: dict[str, Holding] = {}


def register(*holdings: Holding) -> None:
    """Have ``holdings`` end with the rights that they stand on."""
    _holdings.update({holding.name: holding for holding in holdings})


def preview_endings(loss: Loss) -> list[str]:
    """Return, for the page that asks, a sentence for each sort of which something would end."""
    endings = [_ending(holding, loss, rows) for holding, rows in _found(loss)]
    return [ending.in_words(NAMES_SHOWN) for ending in endings if ending.names]


def end_holdings(loss: Loss) -> list[Ending]:
    """End what stands on the lost right.

    Within the transaction that takes the right, under its locks, and before: some of it follows from the role itself.
    """
    endings = []
    for holding, rows in _found(loss):
        endings.append(_ending(holding, loss, rows))  # named as it was before
        holding.end(loss, rows)
    return [ending for ending in endings if ending.names]


def _found(loss: Loss) -> Iterable[tuple[Holding, list[Any]]]:
    for holding in _holdings.values():
        if rows := list(holding.find(loss)):
            yield holding, rows


def _ending(holding: Holding, loss: Loss, rows: list[Any]) -> Ending:
    named = [(getattr(row, "workspace", None), holding.describe(row)) for row in rows]
    if loss.workspace is not None:
        return Ending(holding, [name for _, name in named if name])
    return Ending(holding, [f"{place.name}: {name}" if place else name for place, name in named if name])


def audit_details(endings: list[Ending]) -> dict[str, Any]:
    """Return what an audit event says of ``endings``: in words, and as a list of names for each sort."""
    if not endings:
        return {}
    message = " ".join(ending.in_words(NAMES_RECORDED) for ending in endings)
    return {"message": message, "ended": {one.holding.name: one.names[:NAMES_RECORDED] for one in endings}}


def lock_users(*people: User | None) -> dict[int, User]:
    """Return ``people`` as they are now, and let nobody change them before the transaction ends.

    Whoever takes or uses a right locks first the workspace and then the people, always in the order of their ids: of
    two who meet, one waits, and neither waits for the other.
    """
    ids = {person.pk for person in people if person is not None}
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {person.pk: person for person in rows}


def require_site_admin(actor: Actor) -> None:
    """Raise PermissionDenied unless who commands is still a site admin, which stays so until the transaction ends."""
    person = lock_users(actor.user).get(actor.user.pk) if actor.user else None
    if actor.user and not (person and person.is_active and person.is_superuser):
        raise PermissionDenied("You are no longer a site admin. Nothing was done.")


def require_role(actor: Actor, workspace: Workspace, role: Role) -> None:
    """Raise PermissionDenied unless who commands still holds ``role``, which stays so until the transaction ends.

    Call it under the lock of the workspace. The console itself may do everything.
    """
    if actor.user is None:
        return
    person = lock_users(actor.user).get(actor.user.pk)
    held = workspace.role_of(person) if person else None
    if held is None or not held.includes(role):
        raise PermissionDenied(f"You no longer have the role “{role.label}” in this workspace. Nothing was done.")
