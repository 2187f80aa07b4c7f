from datetime import datetime, timedelta

from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from workspaces.models import Workspace


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """The questions asked of the table of evaluations."""

    def free(self, now: datetime) -> "EvaluationQuerySet":
        """Keep those that no living worker is at."""
        return self.filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now))

    def due(self, now: datetime) -> "EvaluationQuerySet":
        """Keep what should be evaluated now, longest waiting first."""
        return self.free(now).filter(next_run_at__lte=now).order_by("next_run_at")


class Evaluation(models.Model):
    """Whose turn it is to evaluate a workspace's rules, and when the next one is.

    ``known_kinds`` are the kinds whose default rules were made, so that a removed default stays removed.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="evaluation")
    next_run_at = models.DateTimeField(default=timezone.now, db_index=True)
    leased_until = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(null=True)
    again = models.BooleanField(default=False)  # something landed while another worker was at it
    known_kinds = models.JSONField(default=list)

    objects = models.Manager.from_queryset(EvaluationQuerySet)()

    def __str__(self) -> str:
        return f"evaluation of {self.workspace_id}"

    def take(self, now: datetime, seconds: float) -> bool:
        """Take the lease unless somebody holds it; the moment it ends is the proof of holding it."""
        until = now + timedelta(seconds=seconds)
        if Evaluation.objects.free(now).filter(pk=self.pk).update(leased_until=until) != 1:
            return False
        self.leased_until = until
        return True

    def ask_again(self, now: datetime) -> None:
        """Have it done once more: whoever holds the lease may have read before the latest landing."""
        Evaluation.objects.filter(pk=self.pk).update(again=True, next_run_at=now)

    def finish(self, now: datetime, next_run_at: datetime) -> bool:
        """Give the lease back; False when it had run out and another worker has taken it since."""
        mine = Evaluation.objects.filter(pk=self.pk, leased_until=self.leased_until)
        following = Case(When(again=True, then=Value(now)), default=Value(next_run_at))
        return mine.update(leased_until=None, evaluated_at=now, next_run_at=following, again=False) == 1


class SendingTurn(models.Model):
    """The one row that says which worker sends e-mail now, so that a hanging mail server holds up only one."""

    ONLY = 1

    leased_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"taken until {self.leased_until}"

    @classmethod
    def take(cls, now: datetime, seconds: float) -> datetime | None:
        """Return the end of the turn, which is the proof of having it, or None while another worker has it."""
        cls.objects.get_or_create(pk=cls.ONLY)
        until = now + timedelta(seconds=seconds)
        free = cls.objects.filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now), pk=cls.ONLY)
        return until if free.update(leased_until=until) == 1 else None

    @classmethod
    def extend(cls, mine: datetime, now: datetime, seconds: float) -> datetime | None:
        """Return the new end of a turn that is still held, or None."""
        until = now + timedelta(seconds=seconds)
        held = cls.objects.filter(pk=cls.ONLY, leased_until=mine)
        return until if held.update(leased_until=until) == 1 else None

    @classmethod
    def give_back(cls, mine: datetime) -> None:
        """End a turn that is still held."""
        cls.objects.filter(pk=cls.ONLY, leased_until=mine).update(leased_until=None)
