"""Invites members of a workspace, changes their roles and removes them. Only owners may; one owner always stays."""

from django.db import transaction

from core import clock
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.mail_limits import check_mail_limit
from workspaces.models import Action, Invitation, Membership, Role, User, Workspace
from workspaces.models.user import has_second_factor
from workspaces.services import account_mail


class MembershipRefused(Exception):
    """The command would break a rule; the message says which, and what to do."""


class NotVouchedFor(MembershipRefused):
    """The sender of the invitation may no longer invite anybody to the workspace."""


def invite(workspace: Workspace, actor: Actor, *, email: str, role: Role) -> Invitation:
    """Invite ``email`` to the workspace.

    Raises MembershipRefused for a member and for an email address with an open invitation, PermissionDenied if the
    actor is no longer an owner, and TooManyEmails.
    """
    email = email.strip().lower()
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        rights.require_role(actor, workspace, Role.OWNER)
        if workspace.memberships.filter(user__email__iexact=email).exists():
            raise MembershipRefused("This person is already a member. Change their role in the list.")
        check_mail_limit(Action.INVITATION_SENT, actor, workspace)
        pending = workspace.invitations.pending().filter(email=email).first()
        if pending is not None and pending.is_open:
            raise MembershipRefused("This address is already invited. Resend that invitation from the list.")
        invitation = pending or Invitation(workspace=workspace, email=email)
        invitation.role = role
        _renew(invitation, actor)
    return invitation


def resend_invitation(invitation: Invitation, actor: Actor) -> None:
    """Send a new link, valid for seven days; earlier links stop working.

    The actor becomes the invitation's sender and vouches for it. Raises MembershipRefused for an invitation that was
    accepted or revoked, PermissionDenied if the actor is no longer an owner, and TooManyEmails.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        rights.require_role(actor, invitation.workspace, Role.OWNER)
        check_mail_limit(Action.INVITATION_SENT, actor, invitation.workspace)
        invitation = (
            Invitation.objects.select_for_update(of=("self",))
            .select_related("workspace", "invited_by")
            .get(pk=invitation.pk)
        )
        if invitation.accepted_at or invitation.revoked_at:
            raise MembershipRefused("This invitation was accepted or revoked in the meantime.")
        _renew(invitation, actor, again=True)


def _renew(invitation: Invitation, actor: Actor, *, again: bool = False) -> None:
    """Queue the invitation's email and invalidate earlier links at once.

    The new token replaces the old one but is sent to nobody: composing the email makes another.
    """
    invitation.invited_by, invitation.by_console = actor.user, actor.user is None
    is_known = invitation.pk is not None
    invitation.renew_token()
    invitation.save()
    account_mail.invite(invitation, again=is_known)
    subject = (str(invitation.pk), invitation.email)
    where, role = invitation.workspace, invitation.role
    record_event(Action.INVITATION_SENT, actor, workspace=where, subject=subject, role=role, again=again)


def revoke_invitation(invitation: Invitation, actor: Actor) -> None:
    """Invalidate the invitation. Raises MembershipRefused if it was accepted or revoked meanwhile."""
    with transaction.atomic():
        changed = Invitation.objects.pending().filter(pk=invitation.pk).update(revoked_at=clock.now())
        if not changed:
            raise MembershipRefused("This invitation was accepted or revoked in the meantime.")
        subject = (str(invitation.pk), invitation.email)
        record_event(Action.INVITATION_REVOKED, actor, workspace=invitation.workspace, subject=subject)


def accept_invitation(invitation: Invitation, user: User, actor: Actor) -> None:
    """Make ``user`` a member. A member keeps the higher of the two roles.

    Raises MembershipRefused if the invitation was accepted or revoked or has expired, and NotVouchedFor if its sender
    may no longer invite.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        rights.lock_users(invitation.invited_by)
        if not invitation.is_vouched_for:
            raise NotVouchedFor("The person who sent this invitation can no longer invite people to this workspace.")
        if not Invitation.objects.open().filter(pk=invitation.pk).update(accepted_at=clock.now()):
            raise MembershipRefused("This invitation was accepted, was revoked or has expired.")
        role = Role(invitation.role)
        membership, made = Membership.objects.get_or_create(
            user=user, workspace=invitation.workspace, defaults={"role": role}
        )
        if not made and role.includes(Role(membership.role)):
            membership.role = role
            membership.save(update_fields=["role"])
        subject = (str(invitation.pk), invitation.email)
        where = invitation.workspace
        record_event(Action.INVITATION_ACCEPTED, actor, workspace=where, subject=subject, role=membership.role)


def change_role(membership: Membership, role: Role, actor: Actor) -> None:
    """Change a member's role, and end what they held by a higher one.

    Raises MembershipRefused for the last owner and for raising one's own role, and PermissionDenied if the actor is no
    longer an owner.
    """
    if role == Role(membership.role):
        return
    with transaction.atomic():
        now = _locked(membership, actor)
        before = Role(now.role)
        if role.includes(before) and actor.user is not None and actor.user.pk == now.user_id:
            raise MembershipRefused("You can't raise your own role. Ask another owner.")
        if before == Role.OWNER and role != before:
            _keep_an_owner(now)
        endings = [] if role.includes(before) else rights.end_holdings(loss_of_role(now, role, actor))
        now.role = role
        now.save(update_fields=["role"])
        record_event(
            Action.ROLE_CHANGED,
            actor,
            workspace=now.workspace,
            subject=(str(now.user_id), now.user.email),
            before=before,
            after=role,
            **rights.audit_details(endings),
        )


def remove_member(membership: Membership, actor: Actor) -> None:
    """Remove a member from the workspace, and end what they held there. Raises like ``change_role``."""
    with transaction.atomic():
        now = _locked(membership, actor)
        if now.role == Role.OWNER:
            _keep_an_owner(now)
        endings = rights.end_holdings(loss_of_role(now, None, actor))
        now.delete()
        record_event(
            Action.MEMBER_REMOVED,
            actor,
            workspace=now.workspace,
            subject=(str(now.user_id), now.user.email),
            role=now.role,
            **rights.audit_details(endings),
        )


def loss_of_role(membership: Membership, role: Role | None, actor: Actor) -> rights.Loss:
    """Return what the member loses by getting ``role``, or no role if None. Site admins lose nothing."""
    user, workspace = membership.user, membership.workspace
    now = f"only {role.label.lower()} of" if role else "no longer a member of"
    kept = Role.OWNER if user.is_superuser else role
    return rights.Loss(user, workspace, kept, actor.user, f"{user.email} is {now} {workspace.name}")


def _locked(membership: Membership, actor: Actor) -> Membership:
    """Return the current ``membership``, locked, because two owners may demote each other at the same time.

    Raises MembershipRefused if it was deleted, and PermissionDenied unless the actor is an owner.
    """
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    rights.lock_users(membership.user, actor.user)
    rights.require_role(actor, membership.workspace, Role.OWNER)
    now = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if now is None:
        raise MembershipRefused("This person is no longer a member.")
    return now


def _keep_an_owner(membership: Membership) -> None:
    """Raise MembershipRefused if ``membership`` is that of the last owner who can sign in."""
    others = Membership.objects.filter(workspace=membership.workspace_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise MembershipRefused("This is the last owner. Make someone else an owner first.")


def require_mfa(workspace: Workspace, actor: Actor, *, required: bool) -> None:
    """Set whether members need a second factor to open the workspace.

    Raises MembershipRefused if the actor has none, because they would lock themselves out.
    """
    if required and actor.user is not None and not has_second_factor(actor.user):
        raise MembershipRefused("Set up your own second factor first, or you'll lock yourself out.")
    with transaction.atomic():
        workspace.requires_mfa = required
        workspace.save(update_fields=["requires_mfa"])
        action = Action.MFA_REQUIRED if required else Action.MFA_NOT_REQUIRED
        record_event(action, actor, workspace=workspace, subject=(workspace.slug, workspace.name))
