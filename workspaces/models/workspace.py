from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from core import clock
from core.encryption import EncryptedField, EncryptedValue
from workspaces.models.user import User


class Role(models.TextChoices):
    """What a member may do: read; also create and revoke; also change credentials and members."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    OWNER = "owner", "Owner"

    @property
    def in_words(self) -> str:
        """Return it as it stands in a sentence: "a viewer", "an operator"."""
        name = str(self.label).lower()
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"

    def includes(self, other: "Role") -> bool:
        """Return whether this role may do what ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


def holds_role(person: str, role: Role) -> Q:
    """Return the condition on rows of a workspace that who is in the field ``person`` acts there as ``role`` now."""
    roles = [one for one in Role if one.includes(role)]
    admins = User.objects.filter(pk=OuterRef(person), is_active=True, is_superuser=True)
    members = Membership.objects.filter(
        user=OuterRef(person), user__is_active=True, workspace=OuterRef("workspace"), role__in=roles
    )
    return Q(Exists(admins)) | Q(Exists(members))


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    """The questions asked of workspaces."""

    def visible_to(self, user: User | AnonymousUser) -> "WorkspaceQuerySet":
        """Keep those that ``user`` is a member of; a site admin sees all."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user)


class Workspace(models.Model):
    """One connection to one Cleanlist organization."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    base_url = models.URLField("API address", max_length=200)

    api_key = EncryptedField(null=True, editable=False)
    api_key_prefix = models.CharField(max_length=10, blank=True)
    api_key_last4 = models.CharField(max_length=4, blank=True)
    api_key_rejected_at = models.DateTimeField(null=True)
    api_key_rejection = models.TextField(blank=True)
    # Since when upstream refuses it without a second refusal, and when a rejected one is tried again.
    api_key_doubted_at = models.DateTimeField(null=True)
    api_key_probe_at = models.DateTimeField(null=True)
    # When upstream first took the one that is stored now; null until then.
    api_key_accepted_at = models.DateTimeField(null=True)

    organization_id = models.CharField(max_length=200, blank=True)
    organization_name = models.CharField(max_length=200, blank=True)
    tier = models.CharField(max_length=80, blank=True)
    features = models.JSONField(default=list)
    scopes = models.JSONField(default=list)

    requires_mfa = models.BooleanField(default=False)
    # Since when nothing is read in the background, because somebody wants it so.
    paused_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.cached_now)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    objects = models.Manager.from_queryset(WorkspaceQuerySet)()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the overview."""
        return f"/w/{self.slug}/"

    def role_of(self, user: User | AnonymousUser) -> Role | None:
        """Return what ``user`` may do here, or None for a stranger."""
        if not user.is_authenticated or not user.is_active:
            return None
        if user.is_superuser:
            return Role.OWNER
        role = self.memberships.filter(user=user).values_list("role", flat=True).first()
        return Role(role) if role else None

    @property
    def rate_limited_as(self) -> str:
        """Return what upstream counts calls under: the organization, or until that is known this connection."""
        return rate_limit_key(self.pk, self.organization_id)

    @property
    def pause(self) -> str:
        """Return why nothing is read in the background, where somebody wants it so; else nothing."""
        return f"Polling has been paused since {self.paused_at:%Y-%m-%d %H:%M} UTC." if self.paused_at else ""

    @property
    def management_session(self) -> "ManagementSession | None":
        """Return the management session, or None where there is none."""
        try:
            return self.session
        except ManagementSession.DoesNotExist:
            return None

    @property
    def has_api_key(self) -> bool:
        """Return whether there is a key that upstream has not rejected."""
        return self.api_key is not None and self.api_key_rejected_at is None

    @property
    def has_session(self) -> bool:
        """Return whether key management can be tried at all: a session that is neither expired nor rejected."""
        session = self.management_session
        return session is not None and session.is_usable


def rate_limit_key(workspace: int, organization_id: str) -> str:
    """Return what upstream counts calls under, as ``Workspace.rate_limited_as``."""
    return organization_id or f"workspace-{workspace}"


class Membership(models.Model):
    """What one person may do in one workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=clock.cached_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class ManagementSession(models.Model):
    """Where session tokens come from: pasted by a person, or minted by a stored Clerk client session.

    A token lives about a minute at Clerk's defaults (Clerk's documentation), so a pasted one is
    good for a few commands and a stored client session is good for all day.
    """

    class Kind(models.TextChoices):
        PASTED = "pasted", "Pasted session token"
        CLERK = "clerk", "Stored Clerk client session"

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="session")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    token = EncryptedField(null=True, editable=False)
    token_expires_at = models.DateTimeField(null=True)
    frontend_api_url = models.URLField("Clerk front-end API", max_length=200, blank=True)
    session_id = models.CharField(max_length=200, blank=True)
    client_token = EncryptedField(null=True, editable=False)
    user_id = models.CharField(max_length=200, blank=True)
    user_email = models.CharField(max_length=320, blank=True)
    updated_at = models.DateTimeField(default=clock.cached_now)
    rejected_at = models.DateTimeField(null=True)
    rejection = models.TextField(blank=True)
    # As those of the API key.
    doubted_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def secret(self) -> EncryptedValue | None:
        """Return what is stored of it: the pasted token, or what mints tokens."""
        secret: EncryptedValue | None = self.token if self.kind == self.Kind.PASTED else self.client_token
        return secret

    @property
    def is_expired(self) -> bool:
        """Return whether a pasted token has run out; a stored client session has no end that is known here."""
        return self.token_expires_at is not None and self.token_expires_at <= clock.cached_now()

    @property
    def is_usable(self) -> bool:
        """Return whether upstream may still accept it."""
        return self.rejected_at is None and not self.is_expired

    @property
    def remaining(self) -> timedelta | None:
        """Return how long a pasted token still lives, never below zero; None for a stored client session."""
        if self.token_expires_at is None:
            return None
        return max(self.token_expires_at - clock.cached_now(), timedelta(0))


clock.register(Membership, past=("created_at",))
clock.register(
    Workspace,
    past=("created_at", "paused_at", "api_key_rejected_at", "api_key_doubted_at", "api_key_accepted_at"),
    due=("api_key_probe_at",),
)
clock.register(ManagementSession, past=("updated_at", "rejected_at", "doubted_at", "accepted_at"), due=("probe_at",))
