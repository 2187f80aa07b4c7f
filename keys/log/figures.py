"""What stands beside the log: who, what, when and how it ended, over the newest requests of the filtered range."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, Sum
from django.utils import timezone

from keys.log.filters import LogFilterForm
from keys.log.page import asked_for
from keys.models import ApiKey, KeyTraffic, WorkspaceTraffic
from keys.models.request_log import LoggedRequestQuerySet
from workspaces.bounded import time_limit
from workspaces.models import Workspace

# Reading so many rows takes a few hundredths of a second, however long the log is.
MOST_READ = 10_000
LISTED = 6
MOST_BARS = 48
SECONDS = 3.0
NEW_WITHIN = timedelta(hours=24)
CLASSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx", 0: "other"}


class Read(NamedTuple):
    """What is read of each row."""

    created_at: datetime
    path: str
    status_code: int | None
    duration_ms: int | None
    ip_address: str
    user_agent: str
    pk: int


@dataclass(frozen=True)
class Item:
    """One value with how often it occurs, and the filter that a click on it sets."""

    text: str
    count: int
    url: str
    status: int | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Bar:
    """The requests of one stretch of time by class of status, with their rectangles in a drawing of 100 by 100."""

    start: datetime
    end: datetime
    counts: dict[int, int]
    url: str
    rectangles: tuple[tuple[int, str, str, str, str], ...]

    @property
    def total(self) -> int:
        """Return how many requests there were."""
        return sum(self.counts.values())

    @property
    def parts(self) -> list[int]:
        """Return the counts in the order of CLASSES."""
        return [self.counts.get(number, 0) for number in CLASSES]


@dataclass(frozen=True)
class Figures:
    """Everything beside the log."""

    read: int
    is_cut: bool
    oldest: datetime | None
    bars: list[Bar]
    bars_complete: bool
    calls: list[Item]
    errors: list[Item]
    paths: list[Item]
    addresses: list[Item]
    agents: list[Item]
    slowest: list[tuple[Read, str]]

    @property
    def classes(self) -> list[str]:
        """Return the names of the classes of status."""
        return list(CLASSES.values())


def figures_of(
    form: LogFilterForm, scope: LoggedRequestQuerySet, workspace: Workspace, key: ApiKey | None, now: datetime
) -> Figures:
    """Read the newest MOST_READ requests that a valid ``form`` asks for, and sum them up.

    Raises TooMuchToLookThrough.
    """
    with time_limit(SECONDS):
        found = asked_for(form, scope, now).newest_first().values_list(*Read._fields)[: MOST_READ + 1]
        rows = [Read(*row) for row in found]
        is_cut, rows = len(rows) > MOST_READ, rows[:MOST_READ]
        hours = _from_rollup(form, workspace, key, now) if is_cut else None
        times = hours or Counter((row.created_at, _class(row.status_code)) for row in rows)
        addresses = Counter(row.ip_address for row in rows if row.ip_address)
        agents = Counter(row.user_agent for row in rows if row.user_agent)
        new = _new_addresses(scope, workspace, _top(addresses), now), _new_agents(scope, _top(agents), now)
    slowest = sorted((r for r in rows if r.duration_ms is not None), key=lambda r: -(r.duration_ms or 0))[:LISTED]
    return Figures(
        read=len(rows),
        is_cut=is_cut,
        oldest=rows[-1].created_at if rows else None,
        bars=_bars(times, form, now if rows else None, of_hours=hours is not None),
        bars_complete=hours is not None or not is_cut,
        calls=[Item(str(code), n, form.link(status=str(code))) for code, n in _refusals(rows)],
        errors=_errors(rows, form),
        paths=[Item(p, n, form.link(path=f"={p}")) for p, n in Counter(row.path for row in rows).most_common(LISTED)],
        addresses=[Item(ip, n, form.link(ip=ip), is_new=ip in new[0]) for ip, n in addresses.most_common(LISTED)],
        agents=[
            Item(name, n, form.link(agent=name[:300]), is_new=name in new[1]) for name, n in agents.most_common(LISTED)
        ],
        slowest=[(row, form.link(slower=str(max(0, (row.duration_ms or 0) - 1)))) for row in slowest],
    )


def _top(counter: Counter[str]) -> list[str]:
    return [text for text, _ in counter.most_common(LISTED)]


def _class(code: int | None) -> int:
    return code // 100 if code is not None and 200 <= code < 600 else 0


def _refusals(rows: Sequence[Read]) -> Iterable[tuple[int, int]]:
    counts = Counter(row.status_code for row in rows)
    return [(code, counts[code]) for code in (401, 429) if counts[code]]


def _errors(rows: Sequence[Read], form: LogFilterForm) -> list[Item]:
    counts = Counter((r.status_code, r.path) for r in rows if r.status_code is not None and r.status_code >= 400)
    return [
        Item(path, n, form.link(status=str(code), path=f"={path}"), status=code)
        for (code, path), n in counts.most_common(LISTED)
    ]


def _is_old_enough(scope: LoggedRequestQuerySet, before: datetime) -> bool:
    """Say whether the log reaches back so far that something can be called new."""
    return scope.filter(created_at__lt=before).exists()


def _new_addresses(scope: LoggedRequestQuerySet, workspace: Workspace, addresses: list[str], now: datetime) -> set[str]:
    """Return those of ``addresses`` that the log does not know from before the last NEW_WITHIN, by one query."""
    before = now - NEW_WITHIN
    if not addresses or not _is_old_enough(scope, before):
        return set()
    earlier = scope.filter(workspace=workspace, created_at__lt=before)
    known = {f"known_{place}": Exists(earlier.filter(ip_address=ip)) for place, ip in enumerate(addresses)}
    asked = Workspace.objects.filter(pk=workspace.pk).annotate(**known).values_list(*known)
    return {ip for ip, is_known in zip(addresses, asked[0], strict=True) if not is_known}


def _new_agents(scope: LoggedRequestQuerySet, agents: list[str], now: datetime) -> set[str]:
    """Return those of ``agents`` that are not in the MOST_READ requests before the last NEW_WITHIN."""
    earlier = scope.filter(created_at__lt=now - NEW_WITHIN).newest_first()
    known = set(earlier.values_list("user_agent", flat=True)[:MOST_READ]) if agents else set()
    return set(agents) - known if known else set()


def _from_rollup(
    form: LogFilterForm, workspace: Workspace, key: ApiKey | None, now: datetime
) -> Counter[tuple[datetime, int]] | None:
    """Return the counts by hour and class from the rollup, None where a filter asks for what it does not hold."""
    data = form.cleaned_data
    if any(data.get(name) for name in ("status", "method", "path", "ip", "agent", "own")) or data["slower"] is not None:
        return None
    chosen = key or data.get("key")
    cells = KeyTraffic.objects.filter(key=chosen) if chosen else WorkspaceTraffic.objects.filter(workspace=workspace)
    end = data["end"] or now
    start = data["start"] or (now - data["since"] if data["since"] else end - timedelta(days=30))
    found = cells.everything().between(start, end).values_list("hour", "status_class").annotate(n=Sum("count"))
    return Counter({(hour, number if number in CLASSES else 0): n for hour, number, n in found})


def _bars(
    times: Counter[tuple[datetime, int]], form: LogFilterForm, now: datetime | None, *, of_hours: bool
) -> list[Bar]:
    if not times or now is None:
        return []
    hour = 3600 if of_hours else 60
    first, last = (edge(at for at, _ in times).timestamp() for edge in (min, max))
    first -= first % hour
    # Whole minutes, or whole hours, so that the link of a bar filters what the bar shows.
    step = max(hour, -(-(last + 1 - first) // (MOST_BARS * hour)) * hour)
    slots: dict[int, Counter[int]] = {}
    for (at, number), n in times.items():
        slots.setdefault(int((at.timestamp() - first) // step), Counter())[number] += n
    count = max(slots) + 1
    highest = max(sum(slot.values()) for slot in slots.values())
    return [_bar(place, count, slots.get(place, Counter()), highest, first, step, form) for place in range(count)]


def _bar(  # noqa: PLR0917 - a drawing has so many measures
    place: int, count: int, counts: Counter[int], highest: int, first: float, step: float, form: LogFilterForm
) -> Bar:
    start = datetime.fromtimestamp(first + place * step, UTC)
    end = start + timedelta(seconds=step)
    width, top, rectangles = 100 / count, 100.0, []
    for number in CLASSES:
        if height := counts[number] / highest * 100:
            top -= height
            x, wide = place * width + width * 0.1, width * 0.8
            rectangles.append((number, f"{x:.2f}", f"{top:.2f}", f"{wide:.2f}", f"{height:.2f}"))
    url = form.link(since="", start=f"{start:%Y-%m-%dT%H:%M:%SZ}", end=f"{end:%Y-%m-%dT%H:%M:%SZ}")
    return Bar(timezone.localtime(start), timezone.localtime(end), dict(counts), url, tuple(rectangles))
