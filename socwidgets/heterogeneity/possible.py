"""What a number of a map can be at all, so that no interval reaches beyond it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from socwidgets.heterogeneity.bootstrap import Interval
from socwidgets.heterogeneity.limits.shares import window_suits
from socwidgets.heterogeneity.sample import Sample
from socwidgets.model.errors import ParameterError

#: Share of the pixels at either end that may be outliers, and how many sigmas noise alone reaches
#: in that share: what is left is what lies outside the window without the noise.
OUTLIERS, GUARD = 0.001, 3.09


@dataclass(frozen=True, slots=True)
class Possible:
    """Range of a quantity, and what follows for numbers made of it.

    Attributes
    ----------
    low, high : float
        Range of the quantity; infinite where its kind has none.
    """

    low: float
    high: float

    def value(self, interval: Interval, found: float) -> Interval:
        """Interval of a mean, median or other value of the quantity."""
        return within(interval, found, self.low, self.high)

    def spread(self, interval: Interval, found: float) -> Interval:
        """Interval of a standard deviation: half of the range at most (Popoviciu 1935)."""
        return within(interval, found, 0.0, 0.5 * (self.high - self.low))

    def width(self, interval: Interval, found: float) -> Interval:
        """Interval of a distance between two quantiles."""
        return within(interval, found, 0.0, self.high - self.low)

    def difference(self, interval: Interval, found: float) -> Interval:
        """Interval of a difference of two values."""
        return within(interval, found, self.low - self.high, self.high - self.low)


def possible_range(
    sample: Sample, limits: tuple[float, float] = (0.0, 1.0), guard: float = GUARD
) -> Possible:
    """Range of a quantity: its window, and beyond it what was seen there above the noise.

    Parameters
    ----------
    sample : Sample
        Usable pixels.
    limits : (float, float)
        Window of the quantity; 0 to 1 counts for compositions only.
    guard : float
        Sigmas of its noise by which a pixel must lie outside to widen the window; 0 for numbers
        that hold the noise.

    Returns
    -------
    Possible
        The window, widened to the pixels outside, one in a thousand at either end not counted.
        Infinite for kinds without a window.

    Raises
    ------
    ParameterError
        If the limits do not rise.
    """
    if not limits[0] < limits[1]:
        raise ParameterError("the limits do not rise", found=f"{limits[0]:g} and {limits[1]:g}")
    if not window_suits(limits, sample.kind):
        return Possible(float("-inf"), float("inf"))
    margin = guard * np.sqrt(np.where(np.isnan(sample.noise_variance), 0.0, sample.noise_variance))
    lowest = float(np.quantile(sample.values + margin, OUTLIERS))
    highest = float(np.quantile(sample.values - margin, 1.0 - OUTLIERS))
    return Possible(min(limits[0], lowest), max(limits[1], highest))


def within(interval: Interval, found: float, low: float, high: float) -> Interval:
    """Cut an interval at what is possible; a standard error is no larger than half of that.

    Parameters
    ----------
    interval : Interval
        NaN stays NaN.
    found : float
        The number itself, which stays inside: noise can push it beyond.
    low, high : float
        What the number can be.
    """
    low, high = min(low, found), max(high, found)
    return replace(
        interval,
        std=float(np.minimum(interval.std, 0.5 * (high - low))),
        low=float(np.clip(interval.low, low, high)),
        high=float(np.clip(interval.high, low, high)),
    )
