"""What a user holds in this app by a role, and how it ends with the role: sent invitations, and sessions."""

from collections.abc import Iterable, Sequence

from core import clock
from workspaces.models import Invitation, Role
from workspaces.rights import Holding, Loss, register
from workspaces.services import sessions


def _invitations(loss: Loss) -> Iterable[Invitation]:
    if loss.spares(Role.OWNER):
        return []
    sent = Invitation.objects.pending().filter(invited_by=loss.user).select_related("workspace").order_by("pk")
    return sent.filter(workspace=loss.workspace) if loss.workspace else sent


def _revoke(loss: Loss, rows: Sequence[Invitation]) -> None:
    # Skips invitations that another owner has sent again meanwhile, which are now that owner's.
    theirs = Invitation.objects.pending().filter(pk__in=[row.pk for row in rows], invited_by=loss.user)
    theirs.update(revoked_at=clock.now())


def _sessions(loss: Loss) -> Iterable[object]:
    """Return the user's sessions, unless they give up the right themselves: then they stay signed in."""
    if loss.is_own_wish or loss.spares(Role.OWNER):
        return []
    return sessions.sessions_of(loss.user)


register(
    Holding(
        "invitations",
        "Open invitations from this account are revoked",
        _invitations,
        _revoke,
        lambda row: row.email,
    ),
    Holding(
        "sessions",
        "Their sessions end",
        _sessions,
        lambda loss, _: sessions.end_sessions(loss.user),
        sessions.in_words,
    ),
)
