from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Case, F, Value, When

from core import clock
from core.db.leases import Leased, LeasedQuerySet
from workspaces.models import Workspace

# Rules are evaluated every minute. If they were not for longer, no worker ran.
MAX_WAIT = timedelta(minutes=5)


class EvaluationQuerySet(LeasedQuerySet["Evaluation"]):
    """Queries on evaluations, and their leases."""

    def due(self, now: datetime) -> "EvaluationQuerySet":
        """Keep those that should be evaluated now, the longest overdue first."""
        return self.free(now).filter(next_run_at__lte=now).order_by("next_run_at")

    def acquire_free(self, workspaces: Iterable[int], now: datetime, seconds: float) -> "list[Evaluation]":
        """Acquire the free leases among those of ``workspaces``.

        Whoever holds one of the others may have read before the latest ingest, so it is asked to evaluate once more.
        """
        wanted = set(workspaces)
        with transaction.atomic():
            taken = list(self.free(now).lock_unlocked().filter(workspace__in=wanted))
            self.acquire_locked(taken, now + timedelta(seconds=seconds))
        if missed := wanted - {evaluation.workspace_id for evaluation in taken}:
            self.filter(workspace__in=missed).update(again=True, next_run_at=now)
        return taken

    def record_pauses(self, evaluations: "Collection[Evaluation]", now: datetime) -> None:
        """Record since when each workspace was not evaluated, if that is long ago; no query if none was."""
        late = [
            evaluation
            for evaluation in evaluations
            if evaluation.evaluated_at and now - evaluation.evaluated_at > MAX_WAIT
        ]
        for evaluation in late:
            evaluation.paused_from, evaluation.resumed_at = evaluation.evaluated_at, now
        if late:
            self.bulk_update(late, ["paused_from", "resumed_at"])

    def finish(self, evaluations: "Collection[Evaluation]", now: datetime, wait: timedelta | None) -> int:
        """Release the leases of evaluations that are done; return how many were still held.

        The next evaluation is due after ``wait``, or as planned already; at once if it was requested meanwhile. A row
        whose lease has expired and was acquired by another worker is left alone.
        """
        later = F("next_run_at") if wait is None else Value(now + wait)
        following = Case(When(again=True, then=Value(now)), default=later)
        return self.release(*evaluations, evaluated_at=now, next_run_at=following, again=False)


class Evaluation(Leased):
    """The lease for evaluating a workspace's rules, and when that is due next.

    ``known_kinds`` are the kinds whose default rules were created, so that a removed default stays removed.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="evaluation")
    next_run_at = models.DateTimeField(default=clock.cached_now, db_index=True)
    evaluated_at = models.DateTimeField(null=True)
    # The last interval in which nothing was evaluated, because the console was not running.
    paused_from = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True)
    again = models.BooleanField(default=False)  # something was ingested while another worker evaluated
    known_kinds = models.JSONField(default=list)

    objects = models.Manager.from_queryset(EvaluationQuerySet)()

    def __str__(self) -> str:
        return f"evaluation of {self.workspace_id}"

    @property
    def was_paused_lately(self) -> bool:
        """Return whether the console did not run for a while within the last day."""
        return self.resumed_at is not None and clock.cached_now() - self.resumed_at < timedelta(days=1)


class SendingTurn(Leased):
    """The lease of the one worker that sends e-mail, so that a hanging mail server holds up only one."""

    ONLY = 1

    objects = models.Manager.from_queryset(LeasedQuerySet["SendingTurn"])()

    def __str__(self) -> str:
        return f"taken until {self.leased_until}"


clock.register(
    Evaluation, past=("evaluated_at", "paused_from", "resumed_at"), due=("next_run_at",), leases=("leased_until",)
)
clock.register(SendingTurn, leases=("leased_until",))
