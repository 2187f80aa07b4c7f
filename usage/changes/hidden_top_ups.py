"""Top-ups without a visible rise: smaller than the simultaneous spending, so that the balance only fell less."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from usage.changes.types import ZERO
from usage.rounding import round_estimate

# Amounts below this share of the balance are ignored.
LEAST_SHARE = Decimal("0.05")
CENT = Decimal("0.0001")


@dataclass(frozen=True)
class ObservedFall:
    """A fall, or no change, and the usual spending in that time with its ``deviation``."""

    fallen: Decimal
    before: Decimal
    after: Decimal
    expected: float
    deviation: float
    sizes: Sequence[Decimal] = ()
    is_long: bool = False


@dataclass(frozen=True)
class HiddenTopUp:
    """A hidden top-up: the likely amount, and the limits."""

    likely: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO


NOTHING = HiddenTopUp()


def find_hidden_top_up(fall: ObservedFall) -> HiddenTopUp:
    """Return what may be hidden in ``fall``; nothing if it is as large as usual, or nearly so."""
    missing = Decimal(repr(fall.expected)) - fall.fallen
    spread = Decimal(repr(fall.deviation))
    least = LEAST_SHARE * max(abs(fall.before), abs(fall.after), Decimal(1))
    most = missing + 2 * spread
    if fall.expected <= 0 or most < least:
        return NOTHING
    if missing > 3 * spread or (fall.is_long and missing > spread):
        return _estimate(fall, missing, spread, most, least)
    return HiddenTopUp(ZERO, ZERO, most.quantize(CENT)) if fall.is_long else NOTHING


def _estimate(fall: ObservedFall, missing: Decimal, spread: Decimal, most: Decimal, least: Decimal) -> HiddenTopUp:
    """Return a top-up if an earlier size fits, or if more was spent than there was; otherwise only the uncertainty."""
    fitting = [size for size in fall.sizes if abs(size - missing) <= 3 * spread and size >= least]
    # A balance does not fall below zero: spending beyond that had been added before.
    beyond = Decimal(repr(fall.expected)) - 2 * spread - max(ZERO, fall.before)
    if fitting:
        likely = min(fitting, key=lambda size: abs(size - missing))
    elif beyond > 0:
        likely = round_estimate(missing.quantize(CENT), 2 * spread)
    else:
        likely = ZERO
    high = max(most, likely).quantize(CENT)
    return HiddenTopUp(likely, max(ZERO, beyond).quantize(CENT) if likely else ZERO, high)
