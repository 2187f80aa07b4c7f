"""Members of a workspace: invited, given roles, removed. An owner does all of it; one owner always stays."""

from django.db import transaction

from core import clock
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.mail_limits import check_mail_limit
from workspaces.models import Action, Invitation, Membership, Role, User, Workspace
from workspaces.models.user import has_second_factor
from workspaces.services import account_mail


class MembershipRefused(Exception):
    """What was asked for would break a rule; the message says which and what to do."""


class NotVouchedFor(MembershipRefused):
    """Whoever sent the invitation may no longer invite anybody there."""


def invite(workspace: Workspace, actor: Actor, *, email: str, role: Role) -> Invitation:
    """Have an invitation sent. Raises MembershipRefused for a member, and for an address that has one already.

    Raises PermissionDenied for who is no owner any more, and TooManyEmails.
    """
    email = email.strip().lower()
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        rights.require_role(actor, workspace, Role.OWNER)
        if workspace.memberships.filter(user__email__iexact=email).exists():
            raise MembershipRefused("This person is a member already. Their role is changed in the list.")
        check_mail_limit(Action.INVITATION_SENT, actor, workspace)
        pending = workspace.invitations.pending().filter(email=email).first()
        if pending is not None and pending.is_open:
            raise MembershipRefused("This address is invited already. Send that invitation again from the list.")
        invitation = pending or Invitation(workspace=workspace, email=email)
        invitation.role = role
        _renew(invitation, actor)
    return invitation


def resend_invitation(invitation: Invitation, actor: Actor) -> None:
    """Have a fresh link sent, good for another seven days; the earlier one is dead. Raises as ``invite`` does.

    Who sends it again is its sender from then on, and vouches for it.
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
            raise MembershipRefused("This invitation was accepted or revoked meanwhile.")
        _renew(invitation, actor, again=True)


def _renew(invitation: Invitation, actor: Actor, *, again: bool = False) -> None:
    """Kill earlier links at once, by a token that nobody gets; the e-mail's own is made when that is written."""
    invitation.invited_by, invitation.by_console = actor.user, actor.user is None
    is_known = invitation.pk is not None
    invitation.renew_token()
    invitation.save()
    account_mail.invite(invitation, again=is_known)
    subject = (str(invitation.pk), invitation.email)
    where, role = invitation.workspace, invitation.role
    record_event(Action.INVITATION_SENT, actor, workspace=where, subject=subject, role=role, again=again)


def revoke_invitation(invitation: Invitation, actor: Actor) -> None:
    """Make the link in the e-mail worthless. Raises MembershipRefused when it was used before."""
    with transaction.atomic():
        changed = Invitation.objects.pending().filter(pk=invitation.pk).update(revoked_at=clock.now())
        if not changed:
            raise MembershipRefused("This invitation was accepted or revoked meanwhile.")
        subject = (str(invitation.pk), invitation.email)
        record_event(Action.INVITATION_REVOKED, actor, workspace=invitation.workspace, subject=subject)


def accept_invitation(invitation: Invitation, user: User, actor: Actor) -> None:
    """Make ``user`` a member. Raises MembershipRefused when it was accepted, revoked or ran out meanwhile.

    Raises NotVouchedFor when its sender may no longer invite. Who is a member already keeps the higher of the two
    roles.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        rights.lock_users(invitation.invited_by)
        if not invitation.is_vouched_for:
            raise NotVouchedFor("Whoever sent this invitation may no longer invite people to this workspace.")
        if not Invitation.objects.open().filter(pk=invitation.pk).update(accepted_at=clock.now()):
            raise MembershipRefused("This invitation was accepted or revoked meanwhile, or has run out.")
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
    """Give a member another role, and end what they held by a higher one.

    Raises MembershipRefused for the last owner, and for raising oneself; PermissionDenied for who is no owner any more.
    """
    if role == Role(membership.role):
        return
    with transaction.atomic():
        now = _locked(membership, actor)
        before = Role(now.role)
        if role.includes(before) and actor.user is not None and actor.user.pk == now.user_id:
            raise MembershipRefused("Nobody raises their own role. Ask another owner.")
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
    """Take somebody out of the workspace, and end what they held there. Raises as ``change_role`` does."""
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
    """Return what a member loses who has only ``role`` from now on, or none; a site admin loses nothing by it."""
    user, workspace = membership.user, membership.workspace
    now = f"only {role.label.lower()} of" if role else "no longer a member of"
    kept = Role.OWNER if user.is_superuser else role
    return rights.Loss(user, workspace, kept, actor.user, f"{user.email} is {now} {workspace.name}")


def _locked(membership: Membership, actor: Actor) -> Membership:
    """Return ``membership`` as it is now, which stays so: two owners may demote each other at the same time.

    Raises MembershipRefused if it is gone, and PermissionDenied unless who commands is an owner.
    """
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    rights.lock_users(membership.user, actor.user)
    rights.require_role(actor, membership.workspace, Role.OWNER)
    now = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if now is None:
        raise MembershipRefused("This person is no longer a member.")
    return now


def _keep_an_owner(membership: Membership) -> None:
    """Raise MembershipRefused if ``membership`` is the last one of an owner who can sign in."""
    others = Membership.objects.filter(workspace=membership.workspace_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise MembershipRefused("This is the last owner. Make somebody else an owner first.")


def require_mfa(workspace: Workspace, actor: Actor, *, required: bool) -> None:
    """Open the workspace only to members with a second factor, or to all again.

    Raises MembershipRefused when the one who asks for it has none: they would lock themselves out.
    """
    if required and actor.user is not None and not has_second_factor(actor.user):
        raise MembershipRefused("Set up a second factor for yourself first, or you would lock yourself out.")
    with transaction.atomic():
        workspace.requires_mfa = required
        workspace.save(update_fields=["requires_mfa"])
        action = Action.MFA_REQUIRED if required else Action.MFA_NOT_REQUIRED
        record_event(action, actor, workspace=workspace, subject=(workspace.slug, workspace.name))
