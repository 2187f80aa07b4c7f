"""How much of a key's traffic the mirror holds, as numbers and as a sentence."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import ngettext

from core.formatting import counted
from keys.models import ApiKey, LogGap


@dataclass(frozen=True)
class Completeness:
    """``captured`` of ``expected`` requests since the log was first read; None if upstream gives no count.

    ``has_lost``: some requests are missing for good, not just newer than the last reading. ``has_restarted``:
    upstream's counter started over, so it is unknown what was missing before.
    """

    captured: int
    expected: int | None
    explanation: str
    has_lost: bool = False
    has_restarted: bool = False

    @property
    def is_complete(self) -> bool:
        return self.expected == self.captured

    @property
    def percent(self) -> float | None:
        """Return the share of captured requests, from 0 to 100."""
        if self.expected is None:
            return None
        return 100.0 * self.captured / self.expected if self.expected else 100.0


def log_completeness(key: ApiKey) -> Completeness:
    """Compare the captured rows with upstream's request_count. Uses the key's gaps, prefetched or not."""
    if key.captured_since is None:
        return Completeness(0, None, "The log of this key has not synced yet.")
    if key.request_count is None or key.count_before is None:
        return Completeness(key.captured_count, None, "Cleanlist reports no request count for this key.")
    newer = max(0, key.uncaptured_count)
    expected = key.captured_count + key.missed_count + newer
    lost, restarted = _lost(key), _restarted(key)
    reasons = [*lost, *restarted, *_newer(newer)]
    if not reasons and key.count_before > 0:
        reasons = [f"{counted(key.count_before, 'request')} were no longer available at first sync."]
    return Completeness(key.captured_count, expected, " ".join(reasons), bool(lost), bool(restarted))


def _restarted(key: ApiKey) -> list[str]:
    if key.count_went_back:
        return ["Cleanlist's counter restarted since the last sync."]
    if key.count_restarted_at is None:
        return []
    day = f"{timezone.localtime(key.count_restarted_at):%-d %B %Y}"
    return [f"Cleanlist's counter restarted by {day}; what was missing then is unknown."]


def _lost(key: ApiKey) -> list[str]:
    gaps = sorted(key.gaps.all(), key=lambda gap: gap.before)
    fell = sum(gap.size or 0 for gap in gaps)
    found = []
    if gaps:
        size = counted(fell, "request") if fell else "An unknown number of requests"
        if fell and any(gap.size is None for gap in gaps):
            size = f"{size} and an unknown number more"
        found.append(f"{size} fell into {counted(len(gaps), 'gap')} on {_days(gaps)}.")
    if key.missed_count > fell:
        found.append(f"Cleanlist counted {counted(key.missed_count - fell, 'request')} that its log did not show.")
    return found


def _newer(count: int) -> list[str]:
    if not count:
        return []
    return [f"{counted(count, 'newer request')} {ngettext('arrives', 'arrive', count)} with the next sync."]


def _days(gaps: list[LogGap]) -> str:
    days = [f"{timezone.localtime(gap.before):%-d %B %Y}" for gap in (gaps[0], gaps[-1])]
    return days[0] if days[0] == days[1] else f"{days[0]} to {days[1]}"
