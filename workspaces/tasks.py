from datetime import timedelta

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from core import clock
from workspaces.accounts.sessions import SessionStore
from workspaces.audit import events
from workspaces.models import Heartbeat
from workspaces.polling import engine, heartbeats, poll_setup, shutdown
from workspaces.services import account_mail


@shared_task(ignore_result=True)
def poll_due() -> None:
    """Run all due polls, so that a tick costs one task and not one per call."""
    engine.run_turn()


@shared_task(ignore_result=True)
def mend_clock() -> None:
    """Repair future times that were stored while the clock was ahead."""
    clock.repair_future_times()


@shared_task(ignore_result=True)
def probe_credentials() -> None:
    poll_setup.probe_rejected()


@shared_task(ignore_result=True)
def send_account_mail() -> None:
    account_mail.send_due()


@shared_task(ignore_result=True)
def clear_sessions() -> None:
    """Delete expired sessions, and heartbeats of workers that stopped more than a day ago."""
    SessionStore.clear_expired()
    Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, beat_at__lt=clock.now() - timedelta(days=1)).delete()


@shared_task(ignore_result=True)
def log_audit_anchor() -> None:
    events.log_anchor()


__all__ = ["heartbeats"]  # imported for its receivers, which write heartbeats


@worker_init.connect
def _begin(**_: object) -> None:
    shutdown.reset()


@worker_shutting_down.connect
def _end(**_: object) -> None:
    shutdown.request()
