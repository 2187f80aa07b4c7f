"""What happened in a range, as marks on its charts: top-ups, keys created and revoked, alerts."""

from collections.abc import Sequence

from django.db.models import Q

from alerts.models import Alert
from core.charts.chart import Mark
from core.formatting import counted, format_number
from keys.models import ApiKey
from usage.burn import TopUp
from usage.page.ranges import Range
from workspaces.models import Workspace

MOST = 100


def events(workspace: Workspace, span: Range, top_ups: Sequence[TopUp]) -> list[Mark]:
    """Return the marks of ``span`` in two queries; of very many, the latest."""
    known = [_top_up(one) for one in top_ups if span.since <= one.at <= span.until]
    return [*known, *_keys(workspace, span), *_alerts(workspace, span)]


def _top_up(one: TopUp) -> Mark:
    about = "about " if one.is_range else ""
    amount = counted(round(one.credits, 2), "credit")
    return Mark(one.at, "top-up", f"Top-up of {about}{amount}", f"+{format_number(one.credits)}")


def _keys(workspace: Workspace, span: Range) -> list[Mark]:
    inside = (span.since, span.until)
    rows = ApiKey.objects.of(workspace).filter(Q(created_at__range=inside) | Q(revoked_at__range=inside))
    found: list[Mark] = []
    for key in rows.order_by("-first_seen_at", "pk")[:MOST]:
        if key.created_at and span.since <= key.created_at <= span.until:
            found.append(Mark(key.created_at, "created", f"Key created: {key.label}"))
        if key.revoked_at and span.since <= key.revoked_at <= span.until:
            found.append(Mark(key.revoked_at, "revoked", f"Key revoked: {key.label}"))
    return found


def _alerts(workspace: Workspace, span: Range) -> list[Mark]:
    rows = Alert.objects.filter(workspace=workspace, fired_at__range=(span.since, span.until)).order_by("-fired_at")
    return [Mark(at, "alert", f"Alert: {name}") for at, name in rows.values_list("fired_at", "rule_name")[:MOST] if at]
