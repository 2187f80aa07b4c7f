"""A rough burn rate until there are enough hours to learn from: paid calls times their price."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean

from cleanlist.pricing import MAX_CONTACTS
from core.db.rollups import HOUR
from keys.models import LoggedRequest
from usage.changes.enrichments import MAX_PER_CONTACT
from usage.changes.evidence import log_read_until, paid_calls
from usage.changes.types import PaidCall
from usage.forecast import BurnHour
from workspaces.models import Workspace

LONGEST = timedelta(days=7)
# A call of unknown cost costs at least one credit, and at most as much as the largest bulk request.
LEAST, MOST = 1.0, float(MAX_CONTACTS * MAX_PER_CONTACT)
# The factors by which the price from few calls, the pace of few hours, and the balance's fall alone may be off.
OFF_BY_PRICE, OFF_BY_PACE, OFF_BY_FALL = 3.0, 2.0, 4.0


@dataclass(frozen=True)
class ProvisionalRates:
    """Credits per hour: ``likely``, and hardly under ``low`` or over ``high``; from calls, or from falls alone."""

    low: float
    likely: float
    high: float
    is_by_calls: bool = True

    def scaled(self, factor: float, off_by: float) -> "ProvisionalRates":
        """Return all three multiplied, with a range wider by a factor on either side."""
        return ProvisionalRates(
            self.low * factor / off_by, self.likely * factor, self.high * factor * off_by, self.is_by_calls
        )


def provisional_rates(workspace: Workspace, hours: Sequence[BurnHour], now: datetime) -> ProvisionalRates | None:
    """Return the rates from a week's logged calls, or from the balance's fall if no log is read or no call was paid.

    ``hours`` are the hours read so far, oldest first. None without either; at most four queries.
    """
    watched, spent = sum(hour.covered for hour in hours), sum(hour.spent for hour in hours)
    calls = _calls(workspace, now)
    if calls is None:
        even = ProvisionalRates(1, 1, 1, is_by_calls=False)
        return even.scaled(spent / watched, OFF_BY_FALL) if watched >= 1 and spent > 0 else None
    length, found = calls
    begun = datetime.fromtimestamp(hours[0].number * 3600, UTC) if hours else now
    price = _price(found, sum(call.at >= begun for call in found), spent if watched >= 1 else 0.0)
    return price.scaled(len(found) / length, OFF_BY_PACE ** (1 / math.sqrt(min(length, len(found)))))


def _calls(workspace: Workspace, now: datetime) -> tuple[float, list[PaidCall]] | None:
    """Return the paid calls and the number of hours that they span; None if there are none."""
    until = log_read_until(workspace)
    found = list(paid_calls(workspace, now - LONGEST, now)) if until else []
    if until is None or not found:
        return None
    log = LoggedRequest.objects.of(workspace).by_customer().filter(created_at__gte=now - LONGEST)
    first = log.order_by("created_at").values_list("created_at", flat=True).first() or found[0].at
    return max(1.0, (until - first) / HOUR), found


def _price(calls: Sequence[PaidCall], watched_calls: int, spent: float) -> ProvisionalRates:
    """Return the cost of a call: from the balance's fall during ``watched_calls``, or else from the price list."""
    most = fmean(min(float(call.most), MOST) for call in calls)
    if watched_calls and spent > 0:
        seen = min(spent / watched_calls, most)
        return ProvisionalRates(seen / OFF_BY_PRICE, seen, min(seen * OFF_BY_PRICE, most))
    known = [call.cost[0] if call.cost else math.sqrt(min(float(call.most), MOST)) for call in calls]
    return ProvisionalRates(min(LEAST, most), fmean(known), most)
