"""Intervals of the mean and of spreads, from a few sums per resampling unit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.bootstrap import (
    MIN_UNITS,
    NO_INTERVAL,
    Interval,
    Progress,
    Units,
    draw_counts,
    interval_of,
    resampling_units,
)
from socwidgets.heterogeneity.sample import Sample


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """Intervals of the mean and the spreads, and how they were made."""

    mean: Interval
    observed: Interval
    true: Interval
    unit: str
    n_units: int
    draws: int
    seed: int


def spread_interval(
    variance: Callable[[np.ndarray, float], np.ndarray],
    sums: np.ndarray,
    drawn: np.ndarray,
    units: Units,
) -> Interval:
    """Interval of the standard deviation of what the units were drawn from.

    Parameters
    ----------
    variance : callable
        ``variance(sums, freedom)`` of sums ``(k, n)``: an unbiased variance, ``(n,)``.
    sums : ndarray
        ``(k, units)``.
    drawn : ndarray
        ``(k, draws)`` sums over the units of each draw.
    units : Units
        What was drawn.
    """
    if units.count < MIN_UNITS or not drawn.size:
        return NO_INTERVAL
    whole = sums.sum(axis=1)[:, None]
    others = variance(whole - sums, max(units.freedom - 1.0, 1.0))
    found = [variance(whole, units.freedom), variance(drawn, units.freedom), others]
    estimate, draws, left_out = (np.sqrt(np.maximum(part, 0.0)) for part in found)
    return interval_of(float(estimate[0]), draws, units, positive=True, left_out=left_out)


def bootstrap(
    sample: Sample,
    length_px: float,
    *,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> BootstrapResult:
    """Intervals of the mean, the observed spread and the spread without noise.

    Parameters
    ----------
    sample : Sample
        Usable pixels. With labels the unit is the particle, else a block (`resampling_units`).
    length_px : float
        Correlation length in pixels; NaN counts as none.
    draws : int
        Number of resamples.
    seed : int
        Seed of the random generator; it belongs into the record.
    progress : callable, optional
        ``progress(done, total)`` in draws.
    cancel : threading.Event, optional
        Looked at every 100 draws.

    Notes
    -----
    All statistics follow from five sums per unit, so a draw is a weighted sum over units and not a
    pass over the pixels. With fewer than three units the intervals are NaN.
    """
    units = resampling_units(sample, length_px)
    v, w = sample.values - sample.values.mean(), sample.weights
    mass, first = units.sums(w), units.sums(w * v)
    noise = units.sums(w * sample.noise_variance)
    sums = np.stack([mass, first, units.sums(w * v**2), first**2 / mass, noise])
    chunks = [
        sums @ counts.T
        for counts in draw_counts(units, draws, seed, progress=progress, cancel=cancel)
    ]
    drawn = np.concatenate([np.empty((5, 0)), *chunks], axis=1)
    mean = float(first.sum() / mass.sum())
    middle = float(sample.values.mean())
    return BootstrapResult(
        interval_of(mean + middle, drawn[1] / drawn[0] + middle, units),
        spread_interval(observed_variance, sums[:4], drawn[:4], units),
        spread_interval(_true, sums, drawn, units),
        units.name,
        units.count,
        draws,
        seed,
    )


def observed_variance(sums: np.ndarray, freedom: float) -> np.ndarray:
    """Variance where the units come from: between few units it is less about their own mean.

    Parameters
    ----------
    sums : ndarray
        ``(4, n)`` sums of ``w``, ``w v``, ``w v^2`` and of each unit's ``(sum w v)^2/sum w``.
    freedom : float
        Of the units.
    """
    mass, first, second, of_means = sums
    mean = first / mass
    return second / mass - mean**2 + (of_means / mass - mean**2) / freedom


def _true(sums: np.ndarray, freedom: float) -> np.ndarray:
    """The same without the noise."""
    return observed_variance(sums[:4], freedom) - sums[4] / sums[0]
