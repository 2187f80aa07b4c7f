import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from core import clock
from workspaces.models.user import User
from workspaces.models.workspace import Role, Workspace, holds_role

LIFETIME = timedelta(days=7)
TOKEN_PREFIX = "invite_"  # noqa: S105 - by which logs know what to leave out


def expiry_from_now() -> datetime:
    """Return when an invitation that is sent now expires."""
    return clock.now() + LIFETIME


def hash_token(token: str) -> str:
    """Return the hash of ``token`` that is stored in its stead, so that the database reveals no usable link."""
    return hashlib.sha256(token.encode()).hexdigest()


def sender_may_invite() -> Q:
    """Return the condition that the sender may invite now: as an owner, or from the console's command line."""
    return Q(by_console=True) | holds_role("invited_by", Role.OWNER)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Queries on invitations."""

    def open(self) -> "InvitationQuerySet":
        """Return the pending, unexpired invitations. They can be accepted if their sender may still invite."""
        return self.pending().filter(expires_at__gt=clock.cached_now())

    def vouched_for(self) -> "InvitationQuerySet":
        """Return the invitations that their sender could still send today: none outlives the right to invite.

        The console's command line never loses that right.
        """
        return self.filter(sender_may_invite())

    def note_mail(self, pk: int, problem: str = "") -> None:
        """Record that the mail server accepted the email of invitation ``pk``, or the problem."""
        self.filter(pk=pk).update(sent_at=None if problem else clock.now(), mail_problem=problem)

    def pending(self) -> "InvitationQuerySet":
        """Return the invitations that were neither accepted nor revoked; some may have expired."""
        return self.filter(accepted_at=None, revoked_at=None)

    def with_token(self, token: str) -> "Invitation | None":
        """Return the invitation that ``token`` was sent with, in any state."""
        return self.select_related("workspace", "invited_by").filter(token_hash=hash_token(token)).first()


class Invitation(models.Model):
    """Lets one email address join one workspace. Only the email holds the token; its hash is stored."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    by_console = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=clock.cached_now)
    sent_at = models.DateTimeField(null=True)  # when the mail server accepted the email with the valid link
    mail_problem = models.CharField(max_length=200, blank=True)  # why it did not, as a sentence
    expires_at = models.DateTimeField(default=expiry_from_now)
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(InvitationQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_pending_invitation_each",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.cached_now()

    @property
    def is_open(self) -> bool:
        """Return whether it can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and not self.is_expired

    @property
    def is_vouched_for(self) -> bool:
        """Return whether its sender may still invite. Queries the database."""
        return Invitation.objects.vouched_for().filter(pk=self.pk).exists()

    def renew_token(self) -> str:
        """Return a new token to be mailed, valid for seven days from now.

        Saving the invitation invalidates all links that were sent before.
        """
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self.token_hash = hash_token(token)
        self.sent_at, self.mail_problem, self.expires_at = None, "", expiry_from_now()
        return token


clock.register(Invitation, past=("created_at", "sent_at", "accepted_at", "revoked_at"))
