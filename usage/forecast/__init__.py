"""When a falling balance will have fallen so far: the arithmetic, without a database.

The credits spent in each hour of the last eight weeks give an expected burn for each hour of the week (``profiles``).
How that moves on is described by a few models: the usual level with a cautious trend, the level since a sudden step,
a steady growth or decline (``courses``), and a batch at a regular distance (``batches``). Forecasts by each of the
former, made at earlier moments of this very history, tell which of them to believe (``trials``), and by how far such
forecasts miss: that makes the 80 % interval wider or narrower. Its early end is no further ahead than half of the time
that was watched: what comes more rarely may come any day. The median of bursts is less than their mean, by the chance
of single days. Top-ups are not part of the burn.
``bench/runway_backtest.py`` measures it; constants were chosen on its tuning series.
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
