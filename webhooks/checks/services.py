"""Checks of webhook URLs: requested by a person, run by a worker."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from core import clock
from core.task_queue import enqueue_on_commit
from webhooks.checks.probe import FAILED, probe
from webhooks.models import EndpointCheck
from webhooks.outgoing import parse_target
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Role, Workspace
from workspaces.models.workspace import holds_role
from workspaces.polling import shutdown

logger = structlog.get_logger(__name__)
# Within each of these, so many checks of one workspace.
LIMITS = ((timedelta(minutes=1), 6), (timedelta(hours=1), 60))
# Longer than a probe may take.
LEASE_SECONDS = 30.0
MAX_TRIES = 3


class TooManyChecks(Exception):
    """The workspace has reached its limit of checks; the message says until when."""


def start_check(workspace: Workspace, actor: Actor, url: str) -> EndpointCheck:
    """Have ``url`` checked by a worker. Raises URLNotAllowed or TooManyChecks."""
    parse_target(url)
    with transaction.atomic():
        Workspace.objects.lock(workspace.pk)
        rights.require_role(actor, workspace, Role.OPERATOR)
        _check_limits(workspace, clock.now())
        check = EndpointCheck.objects.create(workspace=workspace, requested_by=actor.user, url=url)
        record_event(Action.ENDPOINT_CHECKED, actor, workspace=workspace, subject=(str(check.check_id), url))
        enqueue_on_commit("webhooks.tasks.check_endpoints")
    return check


def _check_limits(workspace: Workspace, now: datetime) -> None:
    for span, most in LIMITS:
        latest = EndpointCheck.objects.of(workspace).filter(created_at__gt=now - span)[:most]
        if len(latest) == most:
            free_at = timezone.localtime(latest[most - 1].created_at + span)
            within = "minute" if span <= timedelta(minutes=1) else "hour"
            raise TooManyChecks(
                f"{most} checks were run in the last {within}. You can run the next one at {free_at:%H:%M:%S}."
            )


def run_due() -> int:
    """Run the pending checks, also those that a worker has left unfinished; return how many."""
    made = 0
    while not shutdown.requested():
        check = EndpointCheck.objects.due(clock.now()).first()
        if check is None:
            break
        if _acquire(check):
            _run(check)
            made += 1
    return made


def _acquire(check: EndpointCheck) -> bool:
    """Acquire the lease of a check; return False if another worker was faster."""
    unfinished = EndpointCheck.objects.filter(finished_at=None)
    return bool(unfinished.acquire(check, seconds=LEASE_SECONDS, tries=check.tries + 1))


def _run(check: EndpointCheck) -> None:
    if check.tries > MAX_TRIES:
        _finish(check, "unknown", [_gave_up()])
        return
    if not EndpointCheck.objects.filter(holds_role("requested_by", Role.OPERATOR), pk=check.pk).exists():
        _finish(check, "unknown", [_not_made("Skipped: the person who requested it no longer has permission", "")])
        return
    reason = probe(check.url, str(check.check_id), lambda steps: _store_steps(check, steps))
    _finish(check, reason, check.steps)


def _store_steps(check: EndpointCheck, steps: list[dict[str, object]]) -> None:
    """Store the steps so far, for the page that waits for them."""
    check.steps = steps
    EndpointCheck.objects.held(check).update(steps=steps)


def _finish(check: EndpointCheck, reason: str, steps: list[dict[str, object]]) -> None:
    EndpointCheck.objects.release(check, steps=steps, reason=reason, finished_at=clock.now())
    logger.info("endpoint_checked", check=str(check.check_id), reason=reason or "none")


def _gave_up() -> dict[str, object]:
    words = "The console's worker stopped during the check three times"
    return _not_made(words, "Details are in the console's log.")


def _not_made(words: str, advice: str) -> dict[str, object]:
    return {"name": "url", "state": FAILED, "found": words, "advice": advice, "took_ms": None}
