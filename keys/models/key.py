import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.expressions import Expression, OrderBy
from django.db.models.functions import Lower
from django.urls import reverse

from core import clock
from workspaces.models import User, Workspace

# Upstream's limit per user (``docs/cleanlist-api.md``: MAX_API_KEYS_PER_USER). For display only; upstream enforces it.
MOST_ACTIVE_KEYS = 10
IDLE_AFTER = timedelta(days=30)
EXPIRES_SOON = timedelta(days=7)


def key_uuid(upstream_id: str) -> uuid.UUID:
    """Return the console's id for a key: upstream's own, or one derived from it if that is no UUID."""
    try:
        return uuid.UUID(upstream_id)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"cleanlist-key:{upstream_id}")


def status_conditions(now: datetime) -> dict[str, Q]:
    """Return the condition for each status in list filters.

    The last three do not overlap and include every key that upstream does not accept.
    """
    accepted = Q(Q(expires_at__isnull=True) | Q(expires_at__gt=now), is_active=True)
    ran_out = Q(expires_at__lte=now, revoked_at__isnull=True)
    refused = Q(is_active=False) | Q(expires_at__lte=now)
    other_than_expiry = Q(revoked_at__isnull=False) | Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return {
        "active": accepted,
        "expiring": accepted & Q(expires_at__lte=now + EXPIRES_SOON),
        "unused": accepted & Q(in_full=True, last_used_at__isnull=True),
        "idle": accepted & Q(last_used_at__lt=now - IDLE_AFTER),
        "expired": ran_out & Q(gone_at__isnull=True),
        "revoked": refused & other_than_expiry & Q(gone_at__isnull=True),
        "gone": Q(gone_at__isnull=False),
    }


# Sort columns of lists. Equal values are ordered by name, then the oldest first: an order that use does not change.
SORTS = ("name", "status", "created", "expires", "last_used", "requests")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Queries on keys."""

    def of(self, workspace: Workspace) -> "ApiKeyQuerySet":
        return self.filter(workspace=workspace)

    def active(self, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Return the keys that upstream accepts: neither revoked nor expired."""
        return self.in_status("active", now)

    def inactive(self, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Return the revoked or expired keys."""
        now = now or clock.cached_now()
        return self.filter(Q(is_active=False) | Q(expires_at__lte=now))

    def in_status(self, status: str, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Return the keys in ``status``, a key of ``status_conditions``."""
        return self.filter(status_conditions(now or clock.cached_now())[status])

    def count_by_status(self, now: datetime | None = None) -> dict[str, int]:
        """Return the number of keys by status, and of all keys under "all", in one query."""
        counts = {name: Count("pk", filter=q) for name, q in status_conditions(now or clock.cached_now()).items()}
        return self.aggregate(all=Count("pk"), **counts)

    def count_in_full(self) -> dict[str, int]:
        """Return how many keys come from the full list ("full") and how many from the light one ("light")."""
        return self.aggregate(full=Count("pk", filter=Q(in_full=True)), light=Count("pk", filter=Q(in_full=False)))

    def matching(self, text: str) -> "ApiKeyQuerySet":
        """Return the keys with a name, prefix, last four characters or id that match ``text``."""
        found = Q(name__icontains=text) | Q(prefix__icontains=text) | Q(last4__icontains=text)
        return self.filter(found | Q(upstream_id__istartswith=text))

    def active_with_name(self, name: str) -> "ApiKeyQuerySet":
        if "\x00" in name:  # no name has it, and PostgreSQL takes it in no query
            return self.none()
        return self.active().filter(name__iexact=name.strip()).exclude(name="").order_by("created_at", "pk")

    def secret_unseen(self) -> "ApiKeyQuerySet":
        """Return active keys that this console created but with a secret that nobody has seen."""
        return self.active().filter(secret_state=ApiKey.SecretState.UNSEEN)

    def with_people(self) -> "ApiKeyQuerySet":
        return self.select_related("created_by", "revoked_by")

    def sorted_by(self, column: str, *, descending: bool = False) -> "ApiKeyQuerySet":
        """Order by one of ``SORTS``; unknown values come last in either direction."""
        status = status_conditions(clock.cached_now())
        rank = Case(
            *(When(q, then=Value(position)) for position, q in enumerate(_by_urgency(status))), default=Value(9)
        )
        expressions: dict[str, Expression | F] = {
            "name": Lower("name"),
            "status": rank,
            "created": F("created_at"),
            "expires": F("expires_at"),
            "last_used": F("last_used_at"),
            "requests": F("request_count"),
        }
        expression = expressions[column]
        order = OrderBy(expression, descending=descending, nulls_last=True)
        return self.order_by(order, Lower("name"), F("created_at").asc(nulls_last=True), "pk")

    def recently_used_first(self) -> "ApiKeyQuerySet":
        """Order by last use; keys that were never used come last."""
        return self.order_by(F("last_used_at").desc(nulls_last=True), "name", "pk")


def _by_urgency(status: dict[str, Q]) -> list[Q]:
    return [status[name] for name in ("expiring", "unused", "idle", "active", "expired", "revoked", "gone")]


class ApiKey(models.Model):
    """The mirror of an upstream API key, without its secret, which upstream shows only once, at creation."""

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
    # False: known only from the light key list, so name, dates and counts are unknown.
    in_full = models.BooleanField(default=True)

    owner = models.CharField(max_length=320, blank=True)
    first_seen_at = models.DateTimeField()
    read_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    secret_state = models.CharField(max_length=10, choices=SecretState.choices, default=SecretState.NOT_OURS)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    # State of the log (``keys.log.ingest.pages``): first reading, rows ever captured, requests that had left upstream's
    # log before the first reading, and requests that upstream has counted since but never showed.
    captured_since = models.DateTimeField(null=True)
    captured_count = models.BigIntegerField(default=0)
    count_before = models.BigIntegerField(null=True)
    missed_count = models.BigIntegerField(default=0)
    # request_count at the last comparison with the log, and when a restart of the counter was last detected. Since then
    # ``count_before`` is lower by the count before the restart, and may be negative.
    settled_count = models.BigIntegerField(null=True)
    count_restarted_at = models.DateTimeField(null=True)
    # When and by whom a revoke was last started here, whatever its result; see ``keys.services.revoke``.
    revoke_begun_at = models.DateTimeField(null=True)
    revoke_begun_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    # Rows before this hour were pruned (``keys.log.ingest.retention``); upstream may still show them.
    kept_from = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ApiKeyQuerySet)()
    # Whether another key in the same list has this name, so that the label needs more than the name.
    has_namesake = False

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "upstream_id"], name="one_row_a_key")]
        indexes = [models.Index(fields=["workspace", "key_id"], name="key_by_public_id")]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("keys:detail", args=[self.workspace.slug, self.key_id])

    @property
    def label(self) -> str:
        """Return the name, with the last four characters where it isn't unique; the masked key if it has none."""
        if self.name and self.has_namesake and self.last4:
            return f"{self.name} (…{self.last4})"
        return self.name or self.masked

    @property
    def masked(self) -> str:
        """Return the known part of the secret: its first ten and last four characters."""
        return f"{self.prefix}…{self.last4}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.cached_now()

    @property
    def is_usable(self) -> bool:
        return self.is_active and not self.is_expired

    def is_known_since(self, read_at: datetime, now: datetime) -> bool:
        """Return whether the mirror's data on the key is newer than ``read_at``.

        A time in the future comes from a wrong clock and is ignored.
        """
        known_at = max(self.read_at, self.gone_at or self.read_at)
        return read_at < known_at <= now

    @property
    def uncaptured_count(self) -> int:
        """Return how many requests upstream has counted that were neither captured nor found to be lost."""
        if self.request_count is None:
            return 0
        if self.count_went_back:
            return self.request_count  # after a restart of the counter, every request is new
        return self.request_count - (self.count_before or 0) - self.captured_count - self.missed_count

    @property
    def count_went_back(self) -> bool:
        """Return whether upstream's request_count is lower than at the last comparison with the log."""
        count, before = self.request_count, self.settled_count
        return count is not None and before is not None and count < before

    @property
    def unused_since(self) -> datetime | None:
        """Return since when a key with an empty log has been unused; None if unknown.

        It is unknown if requests had left upstream's log before it was first read here.
        """
        return self.created_at if self.count_before == 0 else None


def mark_namesakes(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """Return ``keys``, the ones shown together, with labels that tell those of the same name apart."""
    listed = list(keys)
    counts = Counter({key.pk: key.name for key in listed}.values())
    for key in listed:
        key.has_namesake = counts[key.name] > 1
    return listed


clock.register(
    ApiKey,
    past=(
        "first_seen_at", "read_at", "gone_at", "revoked_at", "captured_since", "count_restarted_at",
        "revoke_begun_at", "kept_from",
    ),
)  # fmt: skip
