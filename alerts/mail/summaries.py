"""The regular summary, also when all is well: proof that alerting works."""

from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from alerts.engine.evaluation import observe
from alerts.engine.rule_kinds import Fact, NoData, all_summaries
from alerts.mail.messages import zone_of
from alerts.models import Alert, Evaluation, Notification, Recipient, Rule
from alerts.services.notifications import new_message_id, send_soon
from core import clock
from core.formatting import counted, time_marker
from workspaces.models import Workspace

WELL, INCOMPLETE = "all is well", "no alerts, but some data is missing"
logger = structlog.get_logger(__name__)


@clock.cache_now()
def write_due(now: datetime | None = None) -> int:
    """Queue the summaries that are due; return how many."""
    current_time = now or clock.now()
    wanting = Recipient.objects.exclude(summary="").filter(summary_off_at__isnull=True)
    written = 0
    for recipient in wanting.select_related("workspace"):
        morning = recipient.summary_due(current_time, zone_of(recipient.address))
        if morning is not None:
            written += _write(recipient, morning, current_time)
    if written:
        send_soon()
    return written


def _write(recipient: Recipient, morning: datetime, now: datetime) -> bool:
    days = 7 if recipient.summary == Recipient.Summary.WEEKLY else 1
    row = Notification(
        key=f"summary:{recipient.pk}:{morning:%Y-%m-%d}",
        workspace=recipient.workspace,
        recipient=recipient,
        kind=Notification.Kind.SUMMARY,
        payload=summarize(recipient.workspace, now, days),
        message_id=new_message_id(f"summary-{recipient.pk}"),
    )
    row.thread_id = row.message_id
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            Recipient.objects.filter(pk=recipient.pk).update(summary_at=morning)
    except IntegrityError:
        return False  # another worker has written it
    return True


def summarize(workspace: Workspace, now: datetime, days: int) -> dict[str, object]:
    """Return the content of a summary of the last ``days``."""
    since = now - timedelta(days=days)
    alerts = Alert.objects.filter(workspace=workspace, is_demo=False)
    current = [f"{alert.rule_name}: {alert.headline}" for alert in alerts.current().worst_first()[:20]]
    headline, blind = _headline(workspace, len(current)), _blind(workspace, now)
    if blind and not current:
        headline = INCOMPLETE
    facts = _facts(workspace, since)
    said = {text for _, text in facts}
    return {
        "days": days,
        "period": "week" if days == 7 else "day",
        "facts": [*map(list, facts), *(["Unknown", reason] for reason in blind if reason not in said)],
        "current": current,
        "fired": alerts.filter(fired_at__gte=since).count(),
        "resolved": alerts.filter(resolved_at__gte=since, fired_at__isnull=False).count(),
        "headline": headline,
        "is_well": headline == WELL,
        "pause": _pause(workspace, since),
        "at": now.isoformat(),
    }


def _pause(workspace: Workspace, since: datetime) -> str:
    """Return when the console did not run, or an empty string."""
    turn = Evaluation.objects.filter(workspace=workspace, resumed_at__gte=since).first()
    if turn is None or turn.paused_from is None or turn.resumed_at is None:
        return ""
    return f"from {time_marker(turn.paused_from)} to {time_marker(turn.resumed_at)}: the console was not running"


def _headline(workspace: Workspace, current: int) -> str:
    if current:
        return counted(current, "alert is firing", "alerts are firing")
    unread = Q(consecutive_failures__gt=0) | Q(last_success_at__isnull=True)
    if workspace.polls.filter(unread, paused_reason="").exists():
        return "no alerts, but some data could not be synced"
    return WELL


def _blind(workspace: Workspace, now: datetime) -> list[str]:
    """Return why rules have no data, each reason once: then silence does not mean that all is well."""
    seen = observe(workspace, Rule.objects.enabled().filter(workspace=workspace).mildest_first(), now)
    reasons = [one.reason for one in seen.values() if isinstance(one, NoData)]
    return list(dict.fromkeys([workspace.pause, *reasons] if workspace.pause else reasons))


def _facts(workspace: Workspace, since: datetime) -> list[Fact]:
    found: list[Fact] = []
    for summary in all_summaries():
        try:
            found += summary(workspace, since)
        except Exception:
            logger.exception("summary_failed", workspace=workspace.pk)
            found.append(("Incomplete", "Part of this summary is not available. The console's log has the reason."))
    return found
