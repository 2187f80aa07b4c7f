"""What the runway is held against: a straight line, a seasonal bootstrap, and AutoETS where it is installed.

All see whole days counted back from now, and answer after how many hours an amount will have been spent.
"""

import math
import random
import warnings
from collections.abc import Sequence
from itertools import product
from statistics import quantiles

LONGEST_DAYS = 365
PATHS = 60


def days_of(hours: Sequence[float]) -> list[float]:
    """Return sums of whole days that end with the last hour, oldest first."""
    first = len(hours) % 24
    return [sum(hours[place : place + 24]) for place in range(first, len(hours), 24)]


def linear(hours: Sequence[float], amount: float) -> float:
    """Divide by the mean burn of the last seven days."""
    burn = daily(hours) / 24
    return amount / burn if burn > 0 else math.inf


def daily(hours: Sequence[float]) -> float:
    """Return the mean burn of a day in the last seven."""
    recent = hours[-7 * 24 :]
    return 24 * sum(recent) / len(recent)


def bootstrap(hours: Sequence[float], amount: float, rng: random.Random) -> tuple[float, float, float]:
    """Return the 10, 50 and 90 per cent points over paths of whole past weeks, or days where there is no week."""
    days = days_of(hours)
    length = 7 if len(days) >= 7 else 1
    blocks = [days[-end - length : len(days) - end] for end in range(0, len(days) - length + 1, length)]
    found = quantiles((_path(blocks, amount, rng) for _ in range(PATHS)), n=10)
    return found[0], found[4], found[8]


def _path(blocks: Sequence[Sequence[float]], amount: float, rng: random.Random) -> float:
    spent, passed = 0.0, 0
    while passed < LONGEST_DAYS:
        for day in rng.choice(blocks):
            if spent + day >= amount:
                return 24 * (passed + (amount - spent) / day)
            spent += day
            passed += 1
    return 24.0 * LONGEST_DAYS


def auto_ets(hours: Sequence[float], amount: float) -> float | None:
    """Return the median of the exponential smoothing with the least AICc; None where it is not installed."""
    try:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415 - optional
    except ImportError:
        return None
    days = days_of(hours)
    forms = product(("add", "mul") if min(days) > 0 else ("add",), ((None, False), ("add", False), ("add", True)))
    seasons = (None, "add") if len(days) >= 15 else (None,)
    best, forecast = math.inf, [sum(days) / len(days)] * LONGEST_DAYS
    for (error, (trend, damped)), season in product(forms, seasons):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = ETSModel(_array(days), error, trend, damped, season, seasonal_periods=7 if season else None)
                fitted = model.fit(disp=False, maxiter=100)
                score = fitted.aicc
                if score < best:
                    best, forecast = score, list(fitted.forecast(LONGEST_DAYS))
        except (ValueError, ZeroDivisionError, FloatingPointError, IndexError):
            continue  # too few days for this form
    return _path([[max(0.0, value) for value in forecast]], amount, random.Random(0))  # noqa: S311 - one path


def _array(days: Sequence[float]) -> object:
    import numpy as np  # noqa: PLC0415 - comes with statsmodels

    return np.asarray(days)
