"""What changed from one version to another, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Tuple

from bot.status import Status
from bot.store.statistics import Tally

# 95 % of a normal distribution lie within so many standard deviations.
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Change:
    """A rate before and after, and the 95 % confidence interval of the difference: it holds 0 where chance may explain it."""

    status: Status
    before: float
    after: float
    low: float
    high: float

    @property
    def may_be_chance(self) -> bool:
        """Whether no difference lies within the interval."""
        return self.low <= 0 <= self.high


def compare(before: Tally, after: Tally) -> Tuple[Change, ...]:
    """Each status before and after, in the order of Status.

    The interval is the hybrid score interval of two independent proportions (Newcombe, Statistics in Medicine 1998;17:873,
    method 10). Turns of one conversation are not quite independent: it is a little too narrow.
    """
    return tuple(_change(status, before, after) for status in Status)


def _change(status: Status, before: Tally, after: Tally) -> Change:
    (low1, rate1, high1), (low2, rate2, high2) = (_score_interval(tally.count(status), tally.turns) for tally in (before, after))
    difference = rate2 - rate1
    low = difference - sqrt((rate2 - low2) ** 2 + (high1 - rate1) ** 2)
    high = difference + sqrt((high2 - rate2) ** 2 + (rate1 - low1) ** 2)
    return Change(status, rate1, rate2, low, high)


def _score_interval(count: int, total: int) -> Tuple[float, float, float]:
    """A rate between the ends of its 95 % interval (Wilson's score interval)."""
    if not total:
        return 0.0, 0.0, 1.0
    rate, square = count / total, _NORMAL_95**2
    spread = _NORMAL_95 * sqrt(rate * (1 - rate) / total + square / (4 * total**2))
    centre, scale = rate + square / (2 * total), 1 + square / total
    return (centre - spread) / scale, rate, (centre + spread) / scale
