"""The usual credits of each hour of the week, from hours that were seen a few times at most."""

from collections.abc import Sequence

HOURS_A_WEEK = 168
# An hour that counts: its hour of the week (0 for Monday 00:00 UTC), its weight, and credits spent in it.
Weighed = tuple[int, float, float]


def weekly_profile(hours: Sequence[Weighed]) -> list[float]:
    """Return the expected credits of each hour of the week: a mean that leans on coarser means where data is thin."""
    mean = sum(weight * rate for _, weight, rate in hours) / sum(weight for _, weight, _ in hours)
    if mean <= 0:
        return [0.0] * HOURS_A_WEEK
    by_hour = _means([(slot % 24, weight, rate) for slot, weight, rate in hours], [mean] * 24)
    by_day = _means([(slot // 24, weight, rate) for slot, weight, rate in hours], [mean] * 7)
    coarse = [max(0.0, by_hour[slot % 24] * by_day[slot // 24] / mean) for slot in range(HOURS_A_WEEK)]
    return [max(0.0, value) for value in _means(hours, coarse)]


def _means(hours: Sequence[Weighed], prior: Sequence[float]) -> list[float]:
    """Return the weighted mean of each group, leaning on ``prior`` as far as the groups differ by chance only."""
    weights, sums = [0.0] * len(prior), [0.0] * len(prior)
    for group, weight, rate in hours:
        weights[group] += weight
        sums[group] += weight * rate
    lean = _lean(hours, weights, sums, prior)
    return [(total + lean * value) / (weight + lean) for total, weight, value in zip(sums, weights, prior, strict=True)]


def _lean(hours: Sequence[Weighed], weights: Sequence[float], sums: Sequence[float], prior: Sequence[float]) -> float:
    """Return for how many observations ``prior`` counts: the variance within groups over that between them."""
    groups = [(w, total / w - value) for w, total, value in zip(weights, sums, prior, strict=True) if w > 0]
    seen = sum(w for w, _ in groups)
    freedom = len(hours) - len(groups)
    if freedom < len(groups) / 2:
        return 1000.0  # seen about once each: what is chance and what is pattern cannot be told
    within = sum(w * (rate - sums[group] / weights[group]) ** 2 for group, w, rate in hours)
    within *= len(hours) / freedom / seen
    strayed = sum(w * offset**2 for w, offset in groups) / seen
    between = strayed - within * len(groups) / len(hours)
    return 1000.0 if between <= within / 1000 else max(0.2, within / between)
