"""What a person holds here as an operator: redeliveries that they are responsible for."""

from collections.abc import Iterable, Sequence

from django.utils import timezone

from webhooks.models import Redelivery, RedeliveryState
from workspaces.models import Role
from workspaces.rights import Holding, Loss, register


def _redeliveries(loss: Loss) -> Iterable[Redelivery]:
    if loss.spares(Role.OPERATOR):
        return []
    rows = Redelivery.objects.open().of_responsible_user(loss.user).select_related("workspace").order_by("pk")
    return rows.filter(workspace=loss.workspace) if loss.workspace else rows


def _pause(loss: Loss, rows: Sequence[Redelivery]) -> None:
    theirs = Redelivery.objects.open().filter(pk__in=[row.pk for row in rows])
    note = f"Paused because {loss.why}. An owner can take over and resume."
    theirs.update(state=RedeliveryState.PAUSED, note=note, next_run_at=None)


def _describe(job: Redelivery) -> str:
    return f"started {timezone.localtime(job.created_at):%Y-%m-%d %H:%M}"


register(
    Holding(
        "redeliveries",
        "This account's redeliveries pause until an owner takes over",
        _redeliveries,
        _pause,
        _describe,
    )
)
