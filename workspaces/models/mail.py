from datetime import datetime, timedelta

from django.db import models
from django.db.models import F

from core import clock

FIRST_WAIT, LONGEST_WAIT, GIVEN_UP_AFTER = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class AccountMailQuerySet(models.QuerySet["AccountMail"]):
    """Queries on the waiting e-mails about accounts."""

    def due(self, now: datetime) -> "AccountMailQuerySet":
        """Return the e-mails to send now, oldest first."""
        return self.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk")


class AccountMail(models.Model):
    """An e-mail about an account, to be composed and sent by a worker. The row is deleted once the mail server has it.

    It holds no secret: the link to reset a password is created when the e-mail is composed, and only if the address has
    an account. So the request takes equally long with and without an account.
    """

    template = models.CharField(max_length=100)  # renders the subject and the bodies
    address = models.CharField(max_length=254)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.cached_now)
    next_attempt_at = models.DateTimeField(default=clock.cached_now, db_index=True)
    attempt_count = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(AccountMailQuerySet)()

    def __str__(self) -> str:
        return f"{self.template} to {self.address}"

    def claim(self, now: datetime) -> bool:
        """Claim it for one attempt; only one worker gets True. If that worker dies, another tries after the wait."""
        wait = min(FIRST_WAIT * 2**self.attempt_count, LONGEST_WAIT)
        unclaimed = AccountMail.objects.filter(pk=self.pk, attempt_count=self.attempt_count)
        return unclaimed.update(attempt_count=F("attempt_count") + 1, next_attempt_at=now + wait) == 1

    def is_too_old(self, now: datetime) -> bool:
        """Return whether it has waited so long that it would only confuse its recipient."""
        return self.created_at < now - GIVEN_UP_AFTER


clock.register(AccountMail, past=("created_at",), due=("next_attempt_at",))
