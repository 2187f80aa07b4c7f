"""Revoking so many keys that it comes to revoking all: half of them or more, at once or one after another."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import transaction

from core import clock
from keys.models import ApiKey
from workspaces.audit.events import Actor
from workspaces.models import Workspace

# What one person revoked within this time counts together. Long, so that waiting between two keys wins little.
WITHIN = timedelta(days=1)


def is_mass_revocation(workspace: Workspace, actor: Actor, chosen: Iterable[ApiKey]) -> bool:
    """Return whether ``actor`` would have revoked half of the keys or more, counting what they did within a day."""
    keys = ApiKey.objects.of(workspace)
    active = set(keys.active().values_list("pk", flat=True))
    recent = keys.filter(revoke_begun_by=actor.user, revoke_begun_at__gt=clock.cached_now() - WITHIN)
    begun = set(recent.values_list("pk", flat=True))
    now = {key.pk for key in chosen} & active
    return bool(now) and 2 * len(begun | now) >= len(begun | active)


def begin_revocation(workspace: Workspace, actor: Actor, keys: list[ApiKey], confirm: Callable[[], None]) -> None:
    """Record that ``actor`` is about to revoke ``keys``; if it is a mass revocation, call ``confirm`` first.

    What ``confirm`` raises ends it. Recorded before anything is sent and one person after another, so that several
    simultaneous requests count as well.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if is_mass_revocation(workspace, actor, keys):
            confirm()
        chosen = ApiKey.objects.active().filter(pk__in=[key.pk for key in keys])
        chosen.update(revoke_begun_at=clock.now(), revoke_begun_by=actor.user)
