"""Sequential or concurrent: the spread of particle means against its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked, checked_ends, variance_of

#: Mean compositions (as a part of the range) between which kappa says something.
MEAN_RANGE = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Where an ensemble stands between concurrent (0) and sequential (1).

    Attributes
    ----------
    kappa : float
        ``var(particle means)/(m (1 - m))`` with the noise variance of the means taken out, an
        estimate for the population of particles (see `concurrency`); not cut off at 0. NaN for a
        mean outside `MEAN_RANGE` or fewer than two particles.
    low, high : float
        95 % interval from resampling particles; NaN with fewer than five. There is no standard
        error: kappa is too skewed for one number.
    observed : float
        The same without removing the noise.
    mean : float
        Mean composition as a part of the range.
    n : int
        Particles.
    draws, seed : int
        Of the bootstrap.
    """

    kappa: float
    low: float
    high: float
    observed: float
    mean: float
    n: int
    draws: int
    seed: int


def concurrency(
    means: Any,
    mean_std: Any = None,
    weights: Any = None,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    draws: int = 2000,
    seed: int = 0,
) -> Concurrency:
    """Kappa of an ensemble of particles (golden G-50).

    1 where every particle is at one of its ends (one reacts after the other), 0 where all have the
    same composition (all react together).

    Parameters
    ----------
    means : array_like
        ``(particle,)`` mean composition; NaN is left out.
    mean_std : array_like or float, optional
        Standard uncertainty of each mean, NaN where not known (the mean variance of the others is
        taken there); zero noise is assumed without any.
    weights : array_like, optional
        Volumes; every particle counts the same if left out.
    ends : (float, float)
        Compositions of the end members.
    draws, seed : int
        Of the bootstrap; no interval for ``draws=0``.

    Returns
    -------
    Concurrency

    Raises
    ------
    DataError, ParameterError
        For input that does not fit.

    Notes
    -----
    Both the variance and ``m (1 - m)`` are made unbiased, ``s^2 n/(n-1)`` over ``m (1 - m) +
    s^2/(n-1)``: particles at either end give 1 for any n. The interval is for the population that
    the particles were drawn from: bias-corrected percentiles (Efron 1987, J. Am. Stat. Assoc. 82,
    171), because kappa is skewed near its limits.
    """
    low, high = checked_ends(ends)
    variance = 0.0 if mean_std is None else variance_of(mean_std)
    v, noise, w = checked(means, variance, weights)
    # An infinite uncertainty says that the mean is not known at all.
    known = ~np.isinf(noise)
    v, noise, w = v[known], noise[known], w[known] / (w[known].sum() or 1.0)
    # Where one is not known it is taken to be like the others, not to be nothing.
    usual = float(np.mean(noise[np.isfinite(noise)])) if np.isfinite(noise).any() else 0.0
    noise = np.where(np.isfinite(noise), noise, usual) / (high - low) ** 2
    x = (v - low) / (high - low)
    nan, n = float("nan"), int(v.size)
    if n < 2:
        return Concurrency(nan, nan, nan, nan, float(x[0]) if n else nan, n, draws, seed)
    whole = _kappa(x[None], noise[None], w[None])
    mean = float(np.sum(w * x))
    if not MEAN_RANGE[0] < mean < MEAN_RANGE[1]:
        return Concurrency(nan, nan, nan, nan, mean, n, draws, seed)
    observed = float(_kappa(x[None], np.zeros((1, n)), w[None])[0])
    lowest = highest = nan
    if n >= 5 and draws:
        rng = np.random.default_rng(seed)
        found = np.concatenate(
            [_draw(x, noise, w, rng, part) for part in np.diff(np.r_[0:draws:200, draws])]
        )
        lowest, highest = _bias_corrected(found, float(whole[0]))
    return Concurrency(float(whole[0]), lowest, highest, observed, mean, n, draws, seed)


def _draw(
    x: np.ndarray, noise: np.ndarray, w: np.ndarray, rng: np.random.Generator, count: int
) -> np.ndarray:
    chosen = rng.integers(0, x.size, (int(count), x.size))
    return _kappa(x[chosen], noise[chosen], w[chosen])


def _kappa(x: np.ndarray, noise: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Kappa of each row, an unbiased variance over an unbiased limit."""
    w = w / w.sum(axis=1, keepdims=True)
    mean = np.sum(w * x, axis=1)
    # (sum w)^2/sum w^2 particles of equal weight would be as good.
    lost = np.sum(w**2, axis=1)
    spread = np.sum(w * (x - mean[:, None]) ** 2, axis=1) / np.maximum(1.0 - lost, 1e-12)
    variance = spread - np.sum(w * noise, axis=1)
    limit = mean * (1.0 - mean) + spread * lost
    return np.divide(variance, limit, out=np.full(mean.size, np.nan), where=limit > 1e-12)


def _bias_corrected(found: np.ndarray, value: float) -> tuple[float, float]:
    from scipy.stats import norm

    found = found[np.isfinite(found)]
    share = np.clip(np.mean(found < value) + 0.5 * np.mean(found == value), 1e-3, 1 - 1e-3)
    shift = 2.0 * norm.ppf(share)
    low, high = np.quantile(found, norm.cdf(shift + norm.ppf([0.025, 0.975])))
    return float(low), float(high)
