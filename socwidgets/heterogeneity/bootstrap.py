"""Confidence intervals by resampling particles or blocks: pixels next to each other are alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import erf
from scipy.stats import t as student

from socwidgets.heterogeneity.sample import Sample, compact
from socwidgets.model.errors import ParameterError
from socwidgets.model.watch import Progress as Progress
from socwidgets.model.watch import stop_if as stop_if

#: Fewer units than this give no interval.
MIN_UNITS = 3
#: Blocks are made larger rather than more numerous than this.
MAX_BLOCKS = 1024
#: Draws made at once: bounds the memory, and the time until a cancel is seen.
CHUNK = 100
#: Wanted block edge and blocks per axis, in Gaussian correlation lengths.
WANTED_EDGE, WANTED_BLOCKS = 6.0, 6
#: Above this standard error of its logarithm a scale is not told to a factor: one particle of
#: many may carry it, and the logarithm of nearly nothing says nothing.
MAX_LOG_ERROR = 1.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Bootstrap distribution of one number, in brief.

    Attributes
    ----------
    std : float
        Standard error.
    low, high : float
        Interval of 95 %.
    """

    std: float
    low: float
    high: float


NO_INTERVAL = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn with replacement.

    Attributes
    ----------
    index : ndarray
        ``(n,)`` int, the unit of every pixel.
    count : int
        Number of units.
    name : str
        In words.
    stretch : float
        By how much the spread of the draws is smaller than the standard error: blocks that are
        not long against the correlation miss what neighbors share, and the variance of n draws
        lacks n/(n-1).
    freedom : float
        Degrees of freedom of the standard error.
    """

    index: np.ndarray
    count: int
    name: str
    stretch: float
    freedom: float

    @property
    def few(self) -> float:
        """The part of `stretch` that is due to the number of units alone."""
        return float(np.sqrt((self.freedom + 1.0) / self.freedom))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """``(count,)`` sums of per-pixel `values` over each unit."""
        return np.bincount(self.index, values, minlength=self.count)


def resampling_units(sample: Sample, length_px: float) -> Units:
    """Particles where there are at least three, else square blocks.

    Parameters
    ----------
    sample : Sample
        Usable pixels.
    length_px : float
        Correlation length in pixels (1/e of the autocovariance); NaN counts as none, infinite
        leaves one block and with it no interval.

    Returns
    -------
    Units
        Which unit each value belongs to, and by what a standard error from them is stretched.

    Notes
    -----
    Blocks have an edge of six Gaussian correlation lengths where the image holds enough of them,
    never less than two lengths (Lahiri 2003, Resampling Methods for Dependent Data, ch. 3 and 12).
    What they still miss is made up with the ratio of the variance of a block's mean to its limit
    for a covariance ``exp(-h^2/(2 l^2))``.
    """
    if sample.labels is not None:
        index = compact(sample.labels)
        if int(index.max()) + 1 >= MIN_UNITS:
            return _finished(index, "particle", 1.0, sample.weights)
    if np.isinf(length_px):
        return _finished(np.zeros(sample.size, np.int64), "the whole image", 1.0, sample.weights)
    reach = length_px / np.sqrt(2.0) if length_px > 0 else 0.0
    low = [int(p.min()) for p in sample.position]
    extent = [int(p.max()) - a + 1 for p, a in zip(sample.position, low, strict=True)]
    smallest = max(2.0, 2.0 * length_px if length_px > 0 else 2.0)
    smallest = max(smallest, (np.prod(extent) / MAX_BLOCKS) ** (1 / len(extent)))
    edge = max(smallest, min(WANTED_EDGE * reach, max(extent) / WANTED_BLOCKS))
    index, missed, sides = np.zeros(sample.size, np.int64), 1.0, []
    for place, start, size in zip(sample.position, low, extent, strict=True):
        parts = max(1, round(size / edge))
        index = index * parts + (place - start) * parts // size
        sides.append(f"{size / parts:.0f}")
        missed *= _kept(size, reach) / _kept(size / parts, reach)
    index = compact(index)
    name = f"block of {' x '.join(sides)} pixels"
    return _finished(index, name, float(np.sqrt(missed)), sample.weights)


def _kept(edge: float, reach: float) -> float:
    """Variance of the mean over `edge`, relative to that of an endless one of the same density."""
    if not reach > 0:
        return 1.0
    u = edge / (np.sqrt(2.0) * reach)
    return float(erf(u) - (1.0 - np.exp(-(u**2))) / (u * np.sqrt(np.pi)))


def _finished(index: np.ndarray, name: str, stretch: float, weights: np.ndarray) -> Units:
    count = int(index.max()) + 1
    mass = np.bincount(index, weights, minlength=count)
    freedom = max(float(mass.sum() ** 2 / np.sum(mass**2)) - 1.0, 1.0)
    stretch *= np.sqrt((freedom + 1.0) / freedom)
    return Units(index, count, name, stretch, freedom)


def draw_counts(
    units: Units,
    draws: int,
    seed: int,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[np.ndarray]:
    """Yield how often each unit is drawn, ``(some draws, units)``, until `draws` are made.

    Raises
    ------
    CancelledError
        If `cancel` is set, between two chunks.
    ParameterError
        If `draws` is negative.
    """
    if draws < 0:
        raise ParameterError("draws must not be negative", expected="0 or more", found=str(draws))
    rng = np.random.default_rng(seed)
    equal = np.full(units.count, 1.0 / units.count)
    for start in range(0, draws, CHUNK):
        stop_if(cancel)
        size = min(CHUNK, draws - start)
        yield rng.multinomial(units.count, equal, size=size).astype(float)
        if progress is not None:
            progress(start + size, draws)


def interval_of(
    estimate: float,
    draws: np.ndarray,
    units: Units,
    *,
    positive: bool = False,
    left_out: np.ndarray | None = None,
) -> Interval:
    """Interval around an estimate from its bootstrap draws.

    Parameters
    ----------
    estimate : float
        The number from the whole sample.
    draws : ndarray
        ``(draws,)``; NaN draws are left out.
    units : Units
        For the correction of the spread and the degrees of freedom.
    positive : bool
        A scale: the interval is symmetric in the logarithm, as that of a standard deviation nearly
        is; where it comes near zero, or its logarithm scatters by more than one, the interval is
        taken on squares and ends at zero.
    left_out : ndarray, optional
        ``(units,)``, a scale without each unit in turn.

    Notes
    -----
    Student's quantile times the corrected bootstrap standard error. Percentiles of a few dozen
    units cover too little. Of a scale, draws of few units have too light tails; the jackknife of
    its logarithm (Miller 1968, Ann. Math. Stat. 39, 567) is taken where it says more.
    """
    kept = draws[np.isfinite(draws)]
    if units.count < MIN_UNITS or kept.size < 2 or not np.isfinite(estimate):
        return NO_INTERVAL
    if positive and not kept.any():
        # What no draw sees is not known to be nothing.
        return NO_INTERVAL
    quantile = student.ppf(0.975, units.freedom)
    relative = _error_of_log(estimate, kept, left_out, units) if positive else float("nan")
    if np.isfinite(relative):
        width = float(np.exp(quantile * relative))
        return Interval(float(estimate * relative), estimate / width, estimate * width)
    std = kept.std() * units.stretch
    if positive:
        width = quantile * (kept**2).std() * units.stretch
        low, high = np.sqrt(np.maximum(estimate**2 + np.array([-width, width]), 0.0))
        return Interval(float(std), float(low), float(high))
    return Interval(float(std), float(estimate - quantile * std), float(estimate + quantile * std))


def _error_of_log(
    estimate: float, kept: np.ndarray, left_out: np.ndarray | None, units: Units
) -> float:
    """Standard error of the logarithm of a scale; NaN where the draws come too near zero."""
    errors = []
    if estimate > 0 and np.all(kept > 0.3 * estimate):
        errors.append(float(np.log(kept).std()) * units.stretch)
    if left_out is not None and estimate > 0 and np.all(kept > 0) and np.all(left_out > 0):
        missed = units.stretch / units.few
        errors.append(float(np.log(left_out).std()) * np.sqrt(units.count - 1.0) * missed)
    error = max(errors, default=float("nan"))
    return error if error < MAX_LOG_ERROR else float("nan")
