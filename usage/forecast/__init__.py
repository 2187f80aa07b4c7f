"""Forecasts when a falling balance reaches a threshold. Pure arithmetic, no database.

The credits spent in each hour of the last eight weeks give an expected burn for each hour of the week (``profiles``). A
few models describe how that burn develops: the usual level with a cautious trend, the level since a sudden step, and
steady growth or decline (``burn_models``), plus a batch that recurs at a regular interval (``batches``). Backtests on
the same history choose the model, and their errors widen or narrow the 80 % interval (``model_selection``). The early
end of the interval is at most half of the watched time ahead: rarer events may happen any day. If spending comes in
bursts, the median is below the mean, by the variance of single days. Top-ups are not part of the burn.
``bench/runway_backtest.py`` measures the forecast; its tuning series were used to choose the constants.
"""

from usage.forecast.burn_models import STEP, TREND
from usage.forecast.model_selection import HOURS_NEEDED, WEEKS_LEARNED, fit_pattern, usable_hours
from usage.forecast.pattern import BurnHour, Crossing, Pattern, RecurringBatch, SpendForecast

__all__ = [
    "HOURS_NEEDED",
    "STEP",
    "TREND",
    "WEEKS_LEARNED",
    "BurnHour",
    "Crossing",
    "Pattern",
    "RecurringBatch",
    "SpendForecast",
    "fit_pattern",
    "usable_hours",
]
