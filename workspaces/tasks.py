from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from core import clock
from workspaces.accounts.sessions import SessionStore
from workspaces.audit import events
from workspaces.models import Heartbeat
from workspaces.polling import engine, heartbeats, shutdown
from workspaces.services import account_mail, credential_probe


@shared_task(ignore_result=True)
def poll_due() -> None:
    """Fetch and land everything that is due: one tick costs one task, and not one a call."""
    engine.run_turn()


@shared_task(ignore_result=True)
def mend_clock() -> None:
    """Take back what a clock that was ahead has dated into the future, or put off."""
    clock.repair_future_times()


@shared_task(ignore_result=True)
def probe_credentials() -> None:
    """Try rejected credentials again that are due."""
    credential_probe.probe_rejected()


@shared_task(ignore_result=True)
def send_account_mail() -> None:
    """Send the e-mails about accounts that wait."""
    account_mail.send_due()


@shared_task(ignore_result=True)
def clear_sessions() -> None:
    """Remove what is stored of sessions that are over, and heartbeats of workers that are long gone."""
    SessionStore.clear_expired()
    Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, beat_at__lt=clock.now() - timedelta(days=1)).delete()


@shared_task(ignore_result=True)
def log_audit_anchor() -> None:
    """Write to the log, signed, how long the audit trail is and how it ends."""
    events.log_anchor()


__all__ = ["heartbeats"]  # whose receivers tell that workers live


@worker_init.connect
def _begin(**_: Any) -> None:
    shutdown.reset()


@worker_shutting_down.connect
def _end(**_: Any) -> None:
    shutdown.request()
