"""How uniform a particle is, on a scale from fully separated (0) to even (1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked, checked_ends
from socwidgets.model.errors import ParameterError

#: Mean compositions nearer to an end than this leave the coefficient undefined.
EDGE = 0.05


@dataclass(frozen=True, slots=True)
class Uniformity:
    """Uniformity coefficient of one particle.

    Attributes
    ----------
    value, std, low, high : float
        Coefficient, standard uncertainty and 95 % interval (what the measurement noise leaves
        open; the particle is imaged whole). NaN where it is undefined or no noise is known.
    observed : float
        The same without removing the noise: always lower.
    mean : float
        Mean composition, rescaled to the ends.
    n : int
        Number of values.
    """

    value: float
    std: float
    low: float
    high: float
    observed: float
    mean: float
    n: int


def uniformity_coefficient(
    values: Any,
    noise_variance: Any = None,
    weights: Any = None,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    kind: str = "bernoulli",
) -> Uniformity:
    """``UC = 1 - sigma_true/sqrt(m (1 - m))`` with the mean m rescaled to the ends (golden G-51).

    Parameters
    ----------
    values : array_like
        ``(n,)`` composition of the pixels of one particle; NaN is left out.
    noise_variance : array_like or float, optional
        Variance of the noise of each value. Without it only `Uniformity.observed` is known.
    weights : array_like, optional
        Thickness; equal if left out.
    ends : (float, float)
        Compositions of the end members.
    kind : {"bernoulli"}
        What it is normalized by: the spread of two separated end members of the same mean. Other
        definitions exist (Lim et al. 2016, Science 353, 566, in the same spirit).

    Returns
    -------
    Uniformity
        NaN for fewer than two values, or a mean within 0.05 of an end.

    Raises
    ------
    DataError, ParameterError
        For input that does not fit, or an unknown kind.

    Notes
    -----
    The variance of a sum of squares of fixed values with noise is ``sum w^2 (4 d^2 s^2 + 2 s^4)``
    with the true deviations d; ``d^2`` is estimated by the observed square less the noise.
    """
    if kind != "bernoulli":
        raise ParameterError(
            "this kind of uniformity coefficient is not known", expected="bernoulli", found=kind
        )
    low, high = checked_ends(ends)
    v, noise, w = checked(values, noise_variance, weights)
    nan = float("nan")
    if v.size < 2:
        return Uniformity(nan, nan, nan, nan, nan, nan, v.size)
    noise = np.where(np.isinf(noise), np.nan, noise)
    span = high - low
    s, noise = (v - low) / span, noise / span**2
    mean = float(np.sum(w * s))
    if not EDGE <= mean <= 1.0 - EDGE:
        return Uniformity(nan, nan, nan, nan, nan, mean, v.size)
    full = float(np.sqrt(mean * (1.0 - mean)))
    square = (s - mean) ** 2
    seen = float(np.sum(w * square))
    # The mean follows the noise a little, which takes w^2 of it out of the observed variance.
    true = seen - float(np.sum((w - w**2) * noise))
    error = np.sum(w**2 * (4.0 * square * noise - 2.0 * noise**2))
    error = np.sqrt(np.maximum(error, 2.0 * np.sum(w**2 * noise**2)))
    sigma = np.sqrt(np.maximum([true, true + 1.96 * error, true - 1.96 * error], 0.0)) / full
    value, uc_low, uc_high = (1.0 - sigma).tolist()
    return Uniformity(
        value, (uc_high - uc_low) / 3.92, uc_low, uc_high, 1.0 - np.sqrt(seen) / full, mean, v.size
    )


@dataclass(frozen=True, slots=True)
class EnsembleUniformity:
    """Mean uniformity coefficient of several particles.

    Attributes
    ----------
    value : float
        Mean over the particles that have one.
    std, low, high : float
        Standard error and 95 % interval: for five particles and more from resampling them, for
        fewer from the noise alone.
    n : int
        Particles.
    """

    value: float
    std: float
    low: float
    high: float
    n: int


def ensemble_uniformity(
    found: list[Uniformity], *, draws: int = 1000, seed: int = 0
) -> EnsembleUniformity:
    """Mean uniformity coefficient with its interval.

    Parameters
    ----------
    found : list of Uniformity
        One per particle; those without a value are left out.
    draws, seed : int
        Of the bootstrap over particles.

    Returns
    -------
    EnsembleUniformity
        NaN without particles.
    """
    value = np.array([one.value for one in found], dtype=np.float64)
    noise = np.array([one.std for one in found], dtype=np.float64)
    value, noise = value[np.isfinite(value)], noise[np.isfinite(value)]
    n = int(value.size)
    nan = float("nan")
    if not n:
        return EnsembleUniformity(nan, nan, nan, nan, 0)
    mean = float(value.mean())
    if n < 5:
        std = float(np.sqrt(np.sum(noise**2)) / n)
        return EnsembleUniformity(mean, std, mean - 1.96 * std, mean + 1.96 * std, n)
    rng = np.random.default_rng(seed)
    means = value[rng.integers(0, n, (draws, n))].mean(axis=1)
    # Few particles: resampling sees only (n-1)/n of their variance.
    means = mean + (means - mean) * np.sqrt(n / (n - 1))
    low, high = np.percentile(means, [2.5, 97.5])
    return EnsembleUniformity(mean, float(means.std()), float(low), float(high), n)
