"""Rounds estimates to the digits that their uncertainty allows."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

# From this difference in credits between lowest and highest on, a value is an estimate; less is rounding of readings.
ESTIMATE = Decimal(2)
# The step is this share of the difference, at least a whole credit.
FINEST = Decimal("0.01")
WHOLE = Decimal(1)


def round_estimate(value: Decimal, spread: Decimal) -> Decimal:
    """Round ``value`` to steps of 1, 10, 100 … credits, depending on its uncertainty ``spread``."""
    if spread < ESTIMATE:
        return value
    step = Decimal(10) ** max(0, math.floor((spread * FINEST).log10()))
    return (value / step).to_integral_value() * step


def round_range(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """Widen the range of an estimate to whole credits."""
    if high - low < ESTIMATE:
        return low, high
    return low.quantize(WHOLE, ROUND_FLOOR), high.quantize(WHOLE, ROUND_CEILING)
