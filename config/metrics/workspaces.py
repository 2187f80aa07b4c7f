"""The metrics of each workspace, labelled with its slug.

A thousand workspaces make twenty thousand lines. They are written directly as text: prometheus_client's objects, one
per line, took longer than everything else together.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

import redis
from django.db.models import Count, F, FloatField, Func, Max, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler

from alerts.models import Alert, Notification, Severity
from core import clock
from keys.models import ApiKey, LogGap
from keys.models.key import MOST_ACTIVE_KEYS, status_conditions
from usage import metrics_cache
from usage.metrics_cache import NEVER, CachedMetrics
from usage.models import BalanceReading
from usage.spend.enrichments import reservations_by_workspace
from webhooks import health, tracked_workflows
from workspaces.models import Poll, Workspace
from workspaces.polling import metrics_store
from workspaces.polling.registry import KEYS, LIGHT_KEYS

DELIVERIES = (tracked_workflows.DELIVERIES, tracked_workflows.WORKFLOW_DELIVERIES)


class Epoch(Func):
    """A time as seconds since 1970. For thousands of rows the database computes it faster than Python."""

    output_field = FloatField()

    template = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **more: Any) -> tuple[str, Any]:
        """Compute it in SQLite, accurate to the millisecond."""
        template = "ROUND((julianday(%(expressions)s) - 2440587.5) * 86400.0, 3)"
        return self.as_sql(compiler, connection, template=template, **more)


def text() -> str:
    """Return every family in Prometheus' text format, in a fixed number of queries."""
    now = clock.cached_now()
    latest = BalanceReading.objects.filter(workspace=OuterRef("pk")).order_by("-read_at")
    credits_ = Subquery(latest.annotate(number=Cast("credits", FloatField())).values("number")[:1])
    read_at = Subquery(latest.annotate(number=Epoch("read_at")).values("number")[:1])
    found: Any = Workspace.objects.order_by("pk").annotate(paused=Q(paused_at__isnull=False))
    rows = list(found.values_list("pk", "slug", "paused", credits_, read_at))
    slugs = {pk: slug for pk, slug, *_ in rows}
    paused = {pk: 1 for pk, _, is_paused, *_ in rows if is_paused}
    balances = {pk: (balance, at) for pk, *_, balance, at in rows if at is not None}
    written = [
        _family("console_workspaces", "Connected workspaces.", f"console_workspaces {len(slugs)}\n"),
        _family("console_keys_limit", "Active keys that Cleanlist allows.", f"console_keys_limit {MOST_ACTIVE_KEYS}\n"),
        _gauge("console_polling_paused", "1 where someone has paused polling.", slugs, paused),
        *_balances(slugs, balances, now),
        *_cached(slugs, now),
        *_mirrored(slugs, now),
        _alerts(slugs),
        *_mail(slugs, now),
    ]
    return "".join(written)


def _family(name: str, text: str, *lines: str, kind: str = "gauge") -> str:
    """Return a family of ``lines`` made by ``_lines``."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{''.join(lines)}"


def _lines(name: str, slugs: Mapping[int, str], values: Mapping[int, object], more: str = "") -> str:
    """Return a line for each workspace that has a value. Slugs need no quoting.

    ``more`` holds further labels in their final form, after a comma.
    """
    known = [(slugs[pk], value) for pk, value in values.items() if pk in slugs]
    return "".join([f'{name}{{workspace="{slug}"{more}}} {value}\n' for slug, value in known])


def _gauge(name: str, text: str, slugs: Mapping[int, str], values: Mapping[int, object]) -> str:
    """Return a family with one value per workspace."""
    return _family(name, text, _lines(name, slugs, values))


def _balances(slugs: Mapping[int, str], balances: Mapping[int, tuple[float, float]], now: datetime) -> Iterator[str]:
    credits_ = {pk: balance for pk, (balance, _) in balances.items()}
    yield _gauge("console_balance_credits", "The balance as last read.", slugs, credits_)
    read_at = {pk: at for pk, (_, at) in balances.items()}
    yield _gauge("console_balance_read_timestamp_seconds", "When that was.", slugs, read_at)
    reserved = dict.fromkeys(balances, 0) | {
        pk: sum(amount for _, amount in holds)
        for pk, holds in reservations_by_workspace(None, now).items()
        if pk in balances
    }
    text = "What running enrichments are known to hold, which the balance is without."
    yield _gauge("console_reserved_credits", text, slugs, reserved)


def _cached(slugs: Mapping[int, str], now: datetime) -> Iterator[str]:
    """Yield the metrics that polls have cached and counted; nothing if Redis is unreachable."""
    try:
        found, counted = metrics_cache.cached_metrics(slugs), metrics_store.read_workspace_counts()
    except redis.RedisError:
        return
    spent = {pk: one.spent for pk, one in found.items() if one.spent is not None}
    yield _gauge("console_spent_credits", "Credits that were spent in the last 24 hours.", slugs, spent)
    burn = {pk: one.burn for pk, one in found.items() if one.burn is not None}
    text = "Credits that were spent an hour, over the hours of the last 24 that were watched."
    yield _gauge("console_burn_credits_per_hour", text, slugs, burn)
    yield _runways(slugs, found, now.timestamp())
    yield from _budgets(slugs, found)
    text = "When spent, burn, runway and budget were worked out."
    yield _gauge("console_figures_timestamp_seconds", text, slugs, {pk: one.at for pk, one in found.items()})
    yield _requests(slugs, counted)


def _runways(slugs: Mapping[int, str], found: Mapping[int, CachedMetrics], now: float) -> str:
    name, lines = "console_runway_seconds", []
    for bound, moment_of in _EMPTY.items():
        times = [(pk, moment_of(one)) for pk, one in found.items()]
        left = {pk: "+Inf" if at >= NEVER else max(0.0, at - now) for pk, at in times if at is not None}
        lines.append(_lines(name, slugs, left, f',bound="{bound}"'))
    text = "How long the credits last: the median, and the 80% interval around it; infinite beyond a year."
    return _family(name, text, *lines)


_EMPTY = {
    "early": attrgetter("empty_early_at"),
    "median": attrgetter("empty_at"),
    "late": attrgetter("empty_late_at"),
}


def _budgets(slugs: Mapping[int, str], found: Mapping[int, CachedMetrics]) -> Iterator[str]:
    budgets = {pk: one.budget for pk, one in found.items() if one.budget is not None}
    most = {pk: one.credits for pk, one in budgets.items()}
    yield _gauge("console_budget_credits", "The budget of the present month or week.", slugs, most)
    name, lines = "console_budget_used_credits", []
    for bound in ("low", "likely", "high"):
        used = [(pk, getattr(one, bound)) for pk, one in budgets.items()]
        known = {pk: value for pk, value in used if value is not None}
        lines.append(_lines(name, slugs, known, f',bound="{bound}"'))
    yield _family(name, "What was used of the budget: likely, at least and at most.", *lines)


def _requests(slugs: Mapping[int, str], counted: Mapping[tuple[int, str], float]) -> str:
    name, classes = "console_logged_requests_total", sorted({what for _, what in counted})
    lines = [
        _lines(name, slugs, {pk: count for (pk, of), count in counted.items() if of == what}, f',class="{what}"')
        for what in classes
    ]
    text = "Requests of the customer that the request log brought, by the class of their status."
    return _family(name, text, *lines, kind="counter")


def _mirrored(slugs: Mapping[int, str], now: datetime) -> Iterator[str]:
    """Yield metrics of mirrored keys, logs and webhooks, for workspaces in which they were read."""
    wanted = [KEYS, LIGHT_KEYS, *DELIVERIES]
    reads: Any = Poll.objects.filter(resource__in=wanted, last_success_at__isnull=False).order_by()
    rows = reads.values_list("workspace").annotate(
        keys=Epoch(Max("last_success_at", filter=Q(resource__in=[KEYS, LIGHT_KEYS]))),
        full=Count("pk", filter=Q(resource=KEYS)),
        deliveries=Count("pk", filter=Q(resource__in=DELIVERIES)),
    )
    found = [_ReadTimes(*row) for row in rows]
    yield from _keys(slugs, found, now)
    failing = dict.fromkeys((one.workspace for one in found if one.deliveries), 0) | health.count_failing_endpoints(now)
    text = "Hosts at which the latest three or more webhooks never arrived."
    yield _gauge("console_endpoints_failing", text, slugs, failing)


class _ReadTimes(NamedTuple):
    """When a workspace's key list was last read, and how many polls of its full list and of webhooks succeeded."""

    workspace: int
    keys: float | None
    full: int
    deliveries: int


def _keys(slugs: Mapping[int, str], reads: Sequence[_ReadTimes], now: datetime) -> Iterator[str]:
    read_at = {one.workspace: one.keys for one in reads if one.keys}
    counted: Any = ApiKey.objects.order_by().values_list("workspace")
    is_active = status_conditions(now)["active"]
    rows = list(counted.annotate(active=Count("pk", filter=is_active), missed=Sum("missed_count")))
    active = dict.fromkeys(read_at, 0) | {pk: count for pk, count, _ in rows}
    yield _gauge("console_keys_active", "Keys that Cleanlist accepts.", slugs, active)
    yield _gauge("console_keys_read_timestamp_seconds", "When a list of keys was last read.", slugs, read_at)
    logged = dict.fromkeys((one.workspace for one in reads if one.full), 0)
    missed = logged | {pk: count for pk, _, count in rows if pk in logged}
    text = "Requests that Cleanlist counted and no longer showed."
    yield _gauge("console_log_missed_requests", text, slugs, missed)
    found: Any = LogGap.objects.order_by().values_list(F("key__workspace"))
    gaps = logged | dict(found.annotate(Count("pk")))
    yield _gauge("console_log_gaps", "Gaps in the request logs of the keys there are.", slugs, gaps)


def _alerts(slugs: Mapping[int, str]) -> str:
    rows: Any = Alert.objects.current().order_by().values_list("workspace", "severity")
    firing = {(pk, severity): count for pk, severity, count in rows.annotate(Count("pk"))}
    name, lines = "console_alerts_firing", []
    for severity in Severity.values:
        counts = {pk: firing.get((pk, severity), 0) for pk in slugs}
        lines.append(_lines(name, slugs, counts, f',severity="{severity}"'))
    return _family(name, "Alerts that fire, by severity, milder ones beside a worse one included.", *lines)


def _mail(slugs: Mapping[int, str], now: datetime) -> Iterator[str]:
    rows: Any = Notification.objects.unsent().order_by().values_list("workspace")
    waiting = {pk: (count, oldest) for pk, count, oldest in rows.annotate(Count("pk"), oldest=Epoch(Min("created_at")))}
    counts = dict.fromkeys(slugs, 0) | {pk: count for pk, (count, _) in waiting.items()}
    yield _gauge("console_mail_queued", "Emails of alerts that wait to be sent.", slugs, counts)
    ages = {pk: max(0.0, now.timestamp() - oldest) for pk, (_, oldest) in waiting.items()}
    yield _gauge("console_mail_oldest_age_seconds", "How long the oldest of them has waited.", slugs, ages)
