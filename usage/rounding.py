"""Rounds estimates to the digits that their uncertainty allows."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

# A difference of so many credits between the least and the most makes an estimate; less is how readings are rounded.
ESTIMATE = Decimal(2)
# Steps are of this part of the difference, a whole credit at least.
FINEST = Decimal("0.01")
WHOLE = Decimal(1)


def round_estimate(value: Decimal, spread: Decimal) -> Decimal:
    """Return ``value`` in steps of 1, 10, 100 … credits, as uncertain as it is by ``spread``."""
    if spread < ESTIMATE:
        return value
    step = Decimal(10) ** max(0, math.floor((spread * FINEST).log10()))
    return (value / step).to_integral_value() * step


def round_range(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """Return a range of whole credits that holds the range of an estimate."""
    if high - low < ESTIMATE:
        return low, high
    return low.quantize(WHOLE, ROUND_FLOOR), high.quantize(WHOLE, ROUND_CEILING)
