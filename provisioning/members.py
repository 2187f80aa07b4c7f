"""Applies the members in a file. As on the page, nobody is added without consent: non-members are invited."""

from functools import partial

from provisioning.change_set import ChangeSet
from provisioning.document import WorkspaceSpec
from provisioning.fields import Located
from workspaces.models import Invitation, Membership, Role, Workspace
from workspaces.services.members import change_role, invite, remove_member, revoke_invitation


def members_by_email(workspace: Workspace) -> dict[str, Membership]:
    """Return the members by lower-case email address."""
    rows = workspace.memberships.select_related("user", "workspace").order_by("user__email")
    return {membership.user.email.lower(): membership for membership in rows}


def invitations_by_email(workspace: Workspace) -> dict[str, Invitation]:
    """Return the invitations that can be accepted, by email address."""
    rows = workspace.invitations.open().vouched_for().select_related("workspace").order_by("email")
    return {invitation.email: invitation for invitation in rows}


def apply_members(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Invite, change roles, remove. Higher roles come first, so that a new owner precedes the last one's removal."""
    if wanted.members is None:
        return
    node, listed = wanted.members.node, wanted.members.value
    members, invited = members_by_email(workspace), invitations_by_email(workspace)
    pending = set(workspace.invitations.open().values_list("email", flat=True))
    for email in sorted(listed, key=lambda one: -list(Role).index(listed[one].value)):
        if email in members:
            _change(run, members[email], listed[email])
        else:
            _invite(run, workspace, email, listed[email], invited.get(email), is_pending=email in pending)
    for email, membership in members.items():
        if email not in listed:
            text = f"{email}, {Role(membership.role).in_words}"
            run.surplus(node, text, partial(remove_member, membership, run.actor))
    for email, invitation in invited.items():
        if email not in listed and email not in members:
            text = f"the invitation to {email}"
            run.surplus(node, text, partial(revoke_invitation, invitation, run.actor))


def _change(run: ChangeSet, membership: Membership, said: Located[Role]) -> None:
    before = Role(membership.role)
    if before == said.value:
        run.same()
        return
    text = f"{membership.user.email}: {before} → {said.value}"
    run.do("change", said.node, text, lambda: change_role(membership, said.value, run.actor))


def _invite(
    run: ChangeSet,
    workspace: Workspace,
    email: str,
    said: Located[Role],
    open_one: Invitation | None,
    *,
    is_pending: bool,
) -> None:
    if open_one is not None and open_one.role == said.value:
        run.same()
        return

    def act() -> None:
        if is_pending:
            _revoke_pending(run, workspace, email)
        invite(workspace, run.actor, email=email, role=said.value)

    if open_one is not None:
        text = f"the invitation to {email}: {Role(open_one.role)} → {said.value}, sent again"
        run.do("change", said.node, text, act)
    else:
        run.do("create", said.node, f"an invitation to {email} as {said.value.label.lower()}", act)


def _revoke_pending(run: ChangeSet, workspace: Workspace, email: str) -> None:
    """Revoke pending invitations: those for another role, or from a sender who may no longer invite."""
    for pending in workspace.invitations.open().filter(email=email):
        revoke_invitation(pending, run.actor)
