from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from core import clock
from core.encryption import EncryptedField, EncryptedValue
from workspaces.models.user import User


class Role(models.TextChoices):
    """What a member may do: viewers read; operators also create and revoke; owners also change credentials and members.

    The order of declaration is the order of rank.
    """

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    OWNER = "owner", "Owner"

    @property
    def in_words(self) -> str:
        """Return the label for use in a sentence: "a viewer", "an operator"."""
        name = str(self.label).lower()
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"

    def includes(self, other: "Role") -> bool:
        """Return whether this role may do what ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


def holds_role(person: str, role: Role) -> Q:
    """Return the condition that the user in the field ``person`` of a row holds ``role`` in the row's workspace now."""
    roles = [one for one in Role if one.includes(role)]
    admins = User.objects.filter(pk=OuterRef(person), is_active=True, is_superuser=True)
    members = Membership.objects.filter(
        user=OuterRef(person), user__is_active=True, workspace=OuterRef("workspace"), role__in=roles
    )
    return Q(Exists(admins)) | Q(Exists(members))


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    """Queries on workspaces."""

    def visible_to(self, user: User | AnonymousUser) -> "WorkspaceQuerySet":
        """Return the workspaces that ``user`` is a member of, or all for a site admin."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user)

    def lock(self, pk: int) -> None:
        """Lock the row until the transaction ends, as ingest and commands do. Raises Workspace.DoesNotExist."""
        self.select_for_update(no_key=True).order_by().values_list("pk").get(pk=pk)


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
    # When upstream refused the key once, not yet confirmed by a second refusal; and when a rejected key is retried.
    api_key_doubted_at = models.DateTimeField(null=True)
    api_key_probe_at = models.DateTimeField(null=True)
    # When upstream first accepted the stored key.
    api_key_accepted_at = models.DateTimeField(null=True)

    organization_id = models.CharField(max_length=200, blank=True)
    organization_name = models.CharField(max_length=200, blank=True)
    tier = models.CharField(max_length=80, blank=True)
    features = models.JSONField(default=list)
    scopes = models.JSONField(default=list)

    requires_mfa = models.BooleanField(default=False)
    # Since when an owner has paused polling.
    paused_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.cached_now)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    objects = models.Manager.from_queryset(WorkspaceQuerySet)()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/w/{self.slug}/"

    def role_of(self, user: User | AnonymousUser) -> Role | None:
        """Return the role of ``user`` here; None without one. Site admins are owners everywhere."""
        if not user.is_authenticated or not user.is_active:
            return None
        if user.is_superuser:
            return Role.OWNER
        role = self.memberships.filter(user=user).values_list("role", flat=True).first()
        return Role(role) if role else None

    @property
    def rate_limited_as(self) -> str:
        """Return the key that calls are rate-limited by: the organization, or this workspace until that is known."""
        return rate_limit_key(self.pk, self.organization_id)

    @property
    def pause(self) -> str:
        """Return a sentence that says since when polling is paused; empty if it is not."""
        return f"Polling has been paused since {self.paused_at:%Y-%m-%d %H:%M} UTC." if self.paused_at else ""

    @property
    def management_session(self) -> "ManagementSession | None":
        try:
            return self.session
        except ManagementSession.DoesNotExist:
            return None

    @property
    def has_api_key(self) -> bool:
        """Return whether a key is stored that upstream has not rejected."""
        return self.api_key is not None and self.api_key_rejected_at is None

    @property
    def has_session(self) -> bool:
        """Return whether there is a session that is neither expired nor rejected, as key management needs."""
        session = self.management_session
        return session is not None and session.is_usable


def rate_limit_key(workspace: int, organization_id: str) -> str:
    """Return the value of ``Workspace.rate_limited_as`` from the workspace's primary key and organization."""
    return organization_id or f"workspace-{workspace}"


class Membership(models.Model):
    """The role of one user in one workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=clock.cached_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class ManagementSession(models.Model):
    """The source of session tokens: one that a person pasted, or a stored Clerk client session that mints them.

    By default, a Clerk token lives for about a minute (Clerk's documentation). So a pasted token is good for a few
    commands, and a stored client session for the whole day.
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
    # Same meaning as the API key's fields on Workspace.
    doubted_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def secret(self) -> EncryptedValue | None:
        """Return the stored secret: the pasted token, or the client token that mints tokens."""
        secret: EncryptedValue | None = self.token if self.kind == self.Kind.PASTED else self.client_token
        return secret

    @property
    def is_expired(self) -> bool:
        """Return whether a pasted token has expired; the expiry of a stored client session is not known."""
        return self.token_expires_at is not None and self.token_expires_at <= clock.cached_now()

    @property
    def is_usable(self) -> bool:
        """Return whether it is neither rejected nor expired."""
        return self.rejected_at is None and not self.is_expired

    @property
    def remaining(self) -> timedelta | None:
        """Return the remaining lifetime of a pasted token, never negative; None for a stored client session."""
        if self.token_expires_at is None:
            return None
        return max(self.token_expires_at - clock.cached_now(), timedelta(0))


class Milestone(models.Model):
    """What a person has reached on the checklist of a workspace and no other record tells, and when.

    One that was dismissed is a milestone too.
    """

    class Name(models.TextChoices):
        FAILURE_VIEWED = "failure_viewed", "Viewed why a webhook failed"
        EMAIL_VIEWED = "email_viewed", "Viewed an alert's email"
        ERROR_PASTED = "error_pasted", "Pasted a 401"
        DISMISSED = "dismissed", "Dismissed the checklist"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="milestones")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="milestones")
    name = models.CharField(max_length=20, choices=Name.choices)
    at = models.DateTimeField(default=clock.cached_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace", "name"], name="one_milestone_each")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}: {self.get_name_display()}"


clock.register(Membership, past=("created_at",))
clock.register(
    Workspace,
    past=("created_at", "paused_at", "api_key_rejected_at", "api_key_doubted_at", "api_key_accepted_at"),
    due=("api_key_probe_at",),
)
clock.register(ManagementSession, past=("updated_at", "rejected_at", "doubted_at", "accepted_at"), due=("probe_at",))
clock.register(Milestone, past=("at",))
