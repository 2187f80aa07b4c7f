"""Detects batches that recur after days or weeks and make up most of the spending: a weekly or monthly job."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, stdev

from usage.forecast.pattern import BurnHour, RecurringBatch, month_later

# The most expensive hours that make up this share of all spending are batches, if they are at least this many days
# apart.
SHARE, LEAST_DAYS_APART = 0.6, 5
# Hours this close are one batch, which is no longer than LONGEST_HOURS; an hour of at least PART of the smallest of the
# expensive ones belongs to a batch as well.
JOINED_HOURS, LONGEST_HOURS, PART = 12, 72, 0.4
# Spending in more than this share of the hours is no batch but the usual burn.
MOST_OF_THE_HOURS = 0.15
# Three or more distances that deviate by more than this share have no rhythm.
LEAST_REGULAR = 0.25
WEEK, MONTH = 7 * 24.0, 730.0
# The deviation of a batch on the same day of each month, in hours, and of one with a guessed distance, as a share of
# it.
MONTHLY_STRAY, GUESSED_STRAY = 12.0, 0.3
# The assumed deviation of batch sizes before any are seen, as a share.
USUAL_SIZE_ERROR = 0.2
# A batch that is overdue by this share of its distance has ended.
OVERDUE = 0.25


@dataclass(frozen=True)
class BatchRhythm:
    """The hours without the batches, and the recurring batch, if there is one.

    ``is_less_than_one_cycle`` is true if there was only one: then its distance is a guess, or the batch stays in
    ``rest`` if there is nothing to guess from.
    """

    rest: Sequence[BurnHour]
    batch: RecurringBatch | None = None
    is_less_than_one_cycle: bool = False


def find_rhythm(older: Sequence[BurnHour], hours: Sequence[BurnHour], now: int) -> BatchRhythm:
    """Find batches in ``hours`` and, before those, in the most expensive ``older`` ones; all oldest first."""
    known = [*older, *hours]
    groups = _groups(known)
    if not groups or (now - known[0].number) / len(groups) < 24 * LEAST_DAYS_APART * (len(groups) > 1):
        return BatchRhythm(hours)
    if max(group[-1].number - group[0].number for group in groups) >= LONGEST_HOURS:
        return BatchRhythm(hours)
    if sum(map(len, groups)) > MOST_OF_THE_HOURS * len(known):
        return BatchRhythm(hours)
    batch = _single(groups[0], known[0].number, now) if len(groups) == 1 else _batch(groups)
    is_single = len(groups) == 1
    if batch is None or now > batch.last + batch.every * (1 + OVERDUE):
        return BatchRhythm(hours, is_less_than_one_cycle=is_single)
    in_batches = {hour.number for group in groups for hour in group}
    rest = [replace(hour, spent=0.0) if hour.number in in_batches else hour for hour in hours]
    return BatchRhythm(rest, batch, is_single)


def _groups(hours: Sequence[BurnHour]) -> list[list[BurnHour]]:
    """Return the most expensive hours, grouped into batches."""
    total, dear = sum(hour.spent for hour in hours), 0.0
    least = 0.0
    for hour in sorted(hours, key=lambda hour: -hour.spent):
        if dear >= SHARE * total:
            break
        dear, least = dear + hour.spent, hour.spent
    groups: list[list[BurnHour]] = []
    for hour in hours:
        if hour.spent < PART * least or hour.spent <= 0:
            continue
        if groups and hour.number - groups[-1][-1].number <= JOINED_HOURS:
            groups[-1].append(hour)
        else:
            groups.append([hour])
    return groups


def _single(group: Sequence[BurnHour], begin: int, now: int) -> RecurringBatch | None:
    """Return a batch seen once, at the shortest usual distance at which it would not have been seen twice."""
    size, at = sum(hour.spent for hour in group), group[0].number
    least = max(at - begin, now - at)
    if least > MONTH:
        return None
    every = WEEK if least < WEEK else MONTH
    return RecurringBatch(size, 2 * USUAL_SIZE_ERROR, at, every, GUESSED_STRAY * every, every == MONTH)


def _batch(groups: Sequence[Sequence[BurnHour]]) -> RecurringBatch | None:
    """Return the recurring batch; None if the distances show no rhythm."""
    times = [_middle(group) for group in groups]
    gaps = [later - time for time, later in pairwise(times)]
    every = fmean(gaps)
    is_monthly = all(abs(month_later(time, 1) - later) <= MONTHLY_STRAY for time, later in pairwise(times))
    stray = MONTHLY_STRAY if is_monthly else _stray(gaps) if len(gaps) > 1 else _stray_of_weeks(every)
    if stray is None or stray > LEAST_REGULAR * every:
        return None
    # A batch that takes hours may be spent at any of them.
    stray = math.hypot(stray, fmean(group[-1].number - group[0].number for group in groups) / math.sqrt(12))
    sizes = [sum(hour.spent for hour in group) for group in groups][-6:]
    size = fmean(sizes)
    strays = sum((one / size - 1) ** 2 for one in sizes) + 2 * USUAL_SIZE_ERROR**2
    error = math.sqrt(strays / (len(sizes) + 1))
    return RecurringBatch(size, error, times[-1], every, max(1.0, stray), is_monthly, len(sizes))


def _middle(group: Sequence[BurnHour]) -> float:
    """Return the hour by which about half of a batch is spent."""
    return sum(hour.number * hour.spent for hour in group) / sum(hour.spent for hour in group)


def _stray(gaps: Sequence[float]) -> float:
    """Return by how many hours the next of two or more distances may deviate, for an 80 % interval.

    The fewer were seen, the less is known of their mean and deviation: approximately Student's t.
    """
    free = len(gaps) - 1
    return stdev(gaps) * math.sqrt(1 + 1 / len(gaps)) * (1 + 0.68 / free + 0.72 / free**2)


def _stray_of_weeks(every: float) -> float | None:
    """Return by how many hours a distance seen once may deviate; known only for whole weeks."""
    return 2.0 if abs(every - WEEK * round(every / WEEK)) <= 3 else None
