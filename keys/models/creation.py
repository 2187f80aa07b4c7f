import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from core import clock
from keys.models.key import ApiKey
from workspaces.models import User, Workspace

# Longer than the client's total time-out: after it, a creation without an answer will not get one.
LONGEST_CALL = timedelta(minutes=1)


class KeyCreationQuerySet(models.QuerySet["KeyCreation"]):
    """The questions asked of attempts to create a key."""

    def answer_lost(self) -> "KeyCreationQuerySet":
        """Keep those of which nobody knows yet what came of them; one on its way gets a minute for its answer."""
        on_its_way = Q(state=KeyCreation.State.SENT, sent_at__gt=clock.cached_now() - LONGEST_CALL)
        return self.filter(state__in=[KeyCreation.State.SENT, KeyCreation.State.UNKNOWN]).exclude(on_its_way)


class KeyCreation(models.Model):
    """One attempt to create a key, written before the call, so that a lost answer leaves a trace.

    ``form_id`` comes with the form: sent twice, it creates once. ``known_ids`` are the keys that existed before;
    a key that upstream lists afterwards and that is not among them is the one whose secret nobody saw.
    """

    class State(models.TextChoices):
        SENT = "sent", "Sent"
        SUCCEEDED = "succeeded", "Succeeded"
        REFUSED = "refused", "Refused"
        UNKNOWN = "unknown", "Answer lost"
        CREATED_UNSEEN = "unseen", "Answer lost, but the key was created"
        NOTHING_CREATED = "nothing", "Answer lost, nothing was created"

    form_id = models.UUIDField(default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="key_creations")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(default=clock.cached_now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.SENT)
    key = models.OneToOneField(ApiKey, null=True, on_delete=models.SET_NULL, related_name="creation")
    known_ids = models.JSONField(default=list)
    # The visible ends of the secret, by which the new key is found in the list: the answer carries no id.
    prefix = models.CharField(max_length=16, blank=True)
    last4 = models.CharField(max_length=8, blank=True)
    # When the page with the secret arrived; the key itself may be found in the list only later.
    seen_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(KeyCreationQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "form_id"], name="one_creation_a_form")]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed key'}: {self.get_state_display()}"


clock.register(KeyCreation, past=("sent_at", "seen_at"))
