import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from workspaces.models import User, Workspace

# Upstream's own limit a user (``shared/reference``: MAX_API_KEYS_PER_USER). Shown only: upstream's refusal counts.
MOST_ACTIVE_KEYS = 10
IDLE_AFTER = timedelta(days=30)
EXPIRES_SOON = timedelta(days=7)


def key_uuid(upstream_id: str) -> uuid.UUID:
    """Return the id by which the console knows a key: upstream's own, or one derived from an id of another form."""
    try:
        return uuid.UUID(upstream_id)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"cleanlist-key:{upstream_id}")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """The questions asked of keys."""

    def of(self, workspace: Workspace) -> "ApiKeyQuerySet":
        """Keep the keys of ``workspace``."""
        return self.filter(workspace=workspace)

    def active(self, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Keep those that upstream accepts: neither revoked nor expired."""
        moment = now or timezone.now()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=moment), is_active=True)

    def inactive(self, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Keep those that are revoked or expired."""
        moment = now or timezone.now()
        return self.filter(Q(is_active=False) | Q(expires_at__lte=moment))

    def matching(self, text: str) -> "ApiKeyQuerySet":
        """Keep those whose name, prefix, last four characters or id contain ``text``."""
        found = Q(name__icontains=text) | Q(prefix__icontains=text) | Q(last4__icontains=text)
        return self.filter(found | Q(upstream_id__istartswith=text))

    def secret_unseen(self) -> "ApiKeyQuerySet":
        """Keep active keys that this console created and whose secret nobody has seen."""
        return self.active().filter(secret_state=ApiKey.SecretState.UNSEEN)

    def recently_used_first(self) -> "ApiKeyQuerySet":
        """Order by last use, never used ones last."""
        return self.order_by(F("last_used_at").desc(nulls_last=True), "name", "pk")


class ApiKey(models.Model):
    """The mirror of one upstream API key. Never its secret: upstream shows that once, at creation."""

    class SecretState(models.TextChoices):
        NOT_OURS = "not_ours", "Not created here"
        UNSEEN = "unseen", "Never shown"
        SEEN = "seen", "Shown"
        DISMISSED = "dismissed", "Kept without its secret having been seen here"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    key_id = models.UUIDField()
    upstream_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    prefix = models.CharField(max_length=16, blank=True)
    last4 = models.CharField(max_length=8, blank=True)
    created_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    request_count = models.BigIntegerField(null=True)
    is_active = models.BooleanField(default=True)
    # False: known from the light key list only, so name, dates and counts are not known.
    in_full = models.BooleanField(default=True)

    owner = models.CharField(max_length=320, blank=True)
    first_seen_at = models.DateTimeField()
    read_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    secret_state = models.CharField(max_length=10, choices=SecretState.choices, default=SecretState.NOT_OURS)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = models.Manager.from_queryset(ApiKeyQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "upstream_id"], name="one_row_a_key")]
        indexes = [models.Index(fields=["workspace", "key_id"], name="key_by_public_id")]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Return the address of the key's page."""
        return reverse("keys:detail", args=[self.workspace.slug, self.key_id])

    @property
    def label(self) -> str:
        """Return the name, or the masked key where it has none."""
        return self.name or self.masked

    @property
    def masked(self) -> str:
        """Return what is known of the secret: its first ten and last four characters."""
        return f"{self.prefix}…{self.last4}"

    @property
    def is_expired(self) -> bool:
        """Say whether the expiry lies in the past."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        """Say whether upstream accepts the key."""
        return self.is_active and not self.is_expired
