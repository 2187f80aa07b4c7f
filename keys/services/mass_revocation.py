"""Detects mass revocations, which amount to revoking all: half of the keys or more, at once or one after another."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import transaction

from core import clock
from keys.models import ApiKey
from workspaces.audit.events import Actor
from workspaces.models import Workspace

# A person's revocations within this time count together. It is long, so that waiting between keys gains little.
WITHIN = timedelta(days=1)


def is_mass_revocation(workspace: Workspace, actor: Actor, chosen: Iterable[ApiKey]) -> bool:
    """Return whether ``actor`` would have revoked half of the keys or more, counting the last day."""
    keys = ApiKey.objects.of(workspace)
    active = set(keys.active().values_list("pk", flat=True))
    recent = keys.filter(revoke_begun_by=actor.user, revoke_begun_at__gt=clock.cached_now() - WITHIN)
    begun = set(recent.values_list("pk", flat=True))
    now = {key.pk for key in chosen} & active
    return bool(now) and 2 * len(begun | now) >= len(begun | active)


def begin_revocation(workspace: Workspace, actor: Actor, keys: list[ApiKey], confirm: Callable[[], None]) -> None:
    """Record that ``actor`` is about to revoke ``keys``; for a mass revocation, call ``confirm`` first.

    An exception from ``confirm`` cancels it. This is recorded before anything is sent, and under a lock, so that
    simultaneous requests are counted as well.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if is_mass_revocation(workspace, actor, keys):
            confirm()
        chosen = ApiKey.objects.active().filter(pk__in=[key.pk for key in keys])
        chosen.update(revoke_begun_at=clock.now(), revoke_begun_by=actor.user)
