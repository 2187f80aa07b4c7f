import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from core import clock
from keys.models.key import ApiKey
from workspaces.models import User, Workspace

# Longer than the client's total timeout: after it, a creation without an answer will not get one.
LONGEST_CALL = timedelta(minutes=1)


class KeyCreationQuerySet(models.QuerySet["KeyCreation"]):
    """Queries on attempts to create a key."""

    def answer_lost(self) -> "KeyCreationQuerySet":
        """Return creations with an unknown outcome.

        A creation sent less than a minute ago is not among them, because it may still be answered.
        """
        on_its_way = Q(state=KeyCreation.State.SENT, sent_at__gt=clock.cached_now() - LONGEST_CALL)
        return self.filter(state__in=[KeyCreation.State.SENT, KeyCreation.State.UNKNOWN]).exclude(on_its_way)


class KeyCreation(models.Model):
    """An attempt to create a key, stored before the call, so that it is not lost with the answer.

    ``form_id`` comes from the form: sent twice, it creates one key. ``known_ids`` are the keys that existed before; a
    key that upstream lists afterwards and that is not among them is the one with a secret that nobody saw.
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
    # The visible ends of the secret, to find the new key in the list: the answer contains no id.
    prefix = models.CharField(max_length=16, blank=True)
    last4 = models.CharField(max_length=8, blank=True)
    # When the page with the secret arrived, which may be before the key is found in the list.
    seen_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(KeyCreationQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "form_id"], name="one_creation_a_form")]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed key'}: {self.get_state_display()}"


clock.register(KeyCreation, past=("sent_at", "seen_at"))
