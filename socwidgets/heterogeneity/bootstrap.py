"""Confidence intervals by resampling particles or blocks: pixels next to each other are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.sample import Sample


@dataclass(frozen=True, slots=True)
class Interval:
    """Bootstrap distribution of one number, in brief.

    Attributes
    ----------
    std : float
        Standard error.
    low, high : float
        Percentile interval of 95 %.
    """

    std: float
    low: float
    high: float


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


def bootstrap(
    sample: Sample, length_px: float, *, draws: int = 1000, seed: int = 0
) -> BootstrapResult:
    """Resample whole particles, or whole blocks where there are none.

    Parameters
    ----------
    sample : Sample
        Usable pixels. With labels the unit is the particle, else a square block whose edge is at
        least two correlation lengths.
    length_px : float
        Correlation length in pixels; NaN counts as one pixel.
    draws : int
        Number of resamples.
    seed : int
        Seed of the random generator; it belongs into the record.

    Notes
    -----
    All statistics follow from five sums per unit, so a draw is a weighted sum over units and not a
    pass over the pixels. With fewer than three units the intervals are NaN.
    """
    unit, name = _units(sample, length_px)
    n_units = int(unit.max()) + 1
    if n_units < 3:
        nothing = Interval(float("nan"), float("nan"), float("nan"))
        return BootstrapResult(nothing, nothing, nothing, name, n_units, draws, seed)
    v, w = sample.values - sample.values.mean(), sample.weights
    sums = np.stack(
        [
            np.bincount(unit, w * factor, minlength=n_units)
            for factor in (1.0, v, v**2, sample.noise_variance)
        ]
    )
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=draws)
    total, first, second, noise = sums @ counts.T
    mean = first / total
    variance = second / total - mean**2
    # A variance is underestimated by the share that the units' own mean takes: n/(n-1).
    variance *= n_units / (n_units - 1)
    true = np.sqrt(np.maximum(variance - noise / total, 0.0))
    return BootstrapResult(
        _interval(mean + sample.values.mean()),
        _interval(np.sqrt(np.maximum(variance, 0.0))),
        _interval(true),
        name,
        n_units,
        draws,
        seed,
    )


def _units(sample: Sample, length_px: float) -> tuple[np.ndarray, str]:
    if sample.labels is not None:
        _, unit = np.unique(sample.labels, return_inverse=True)
        return unit, "particle"
    edge = max(1, int(np.ceil(2 * length_px))) if length_px > 0 else 2
    across = sample.shape[1] // edge + 1
    _, unit = np.unique(sample.rows // edge * across + sample.columns // edge, return_inverse=True)
    return unit, f"block of {edge} x {edge} pixels"


def _interval(draws: np.ndarray) -> Interval:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(draws.std()), float(low), float(high))
