"""What a cycle leaves behind: recovery and broadening (Fig. 8g, 27b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked, variance_of
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio with its interval.

    Attributes
    ----------
    value, std, low, high : float
        Ratio, standard error and 95 % interval from resampling units; NaN where it has no meaning,
        the interval with fewer than three units in a state.
    numerator, denominator : float
        What was divided.
    draws, seed : int
        Of the bootstrap.
    """

    value: float
    std: float
    low: float
    high: float
    numerator: float
    denominator: float
    draws: int
    seed: int


def discharged_fraction(
    values: Any, weights: Any = None, *, discharged: float = 0.0, charged: float = 1.0
) -> float:
    """Share of the material nearer to the discharged end.

    Parameters
    ----------
    values : array_like
        Any shape; NaN is left out.
    weights : array_like, optional
        Equal if left out.
    discharged, charged : float
        Values of the two ends; either may be the larger one.

    Returns
    -------
    float
        NaN without values.

    Raises
    ------
    ParameterError
        If both ends are the same.
    """
    if discharged == charged:
        raise ParameterError("the two ends are the same", found=f"{discharged!r}")
    v, _, w = checked(values, None, weights)
    if not v.size:
        return float("nan")
    return float(np.sum(w * _nearer_discharged(v, discharged, charged)))


def _nearer_discharged(v: np.ndarray, discharged: float, charged: float) -> np.ndarray:
    """1 for what is nearer to the discharged end, and a half on the boundary itself."""
    place = (v - discharged) / (charged - discharged)
    return (place < 0.5) + 0.5 * (place == 0.5)


def recovery(
    after: Any,
    pristine: Any,
    *,
    after_weights: Any = None,
    pristine_weights: Any = None,
    after_units: Any = None,
    pristine_units: Any = None,
    discharged: float = 0.0,
    charged: float = 1.0,
    draws: int = 1000,
    seed: int = 0,
) -> Ratio:
    """Share of the material that came back: ``f_dis(after)/f_dis(pristine)`` (golden G-21).

    Parameters
    ----------
    after, pristine : array_like
        Values of the state after discharge and of the pristine one.
    after_weights, pristine_weights : array_like, optional
        Thickness.
    after_units, pristine_units : array_like, optional
        Particles or blocks to resample; single values if left out, which is right for independent
        pixels only.
    discharged, charged : float
        Values of the two ends.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Ratio
        NaN where nothing was discharged in the pristine state.

    Raises
    ------
    DataError
        If a state holds no value, or units or weights do not fit.
    ParameterError
        If both ends are the same.
    """
    if discharged == charged:
        raise ParameterError("the two ends are the same", found=f"{discharged!r}")
    sums = []
    for v, w, u in (
        _units(after, after_weights, after_units),
        _units(pristine, pristine_weights, pristine_units),
    ):
        share = _nearer_discharged(v, discharged, charged)
        sums.append(np.stack([np.bincount(u, w), np.bincount(u, w * share)]))
    return _ratio(sums, lambda s: s[1] / s[0], draws, seed)


def width_ratio(
    second: Any,
    first: Any,
    second_noise_std: Any,
    first_noise_std: Any,
    *,
    second_units: Any = None,
    first_units: Any = None,
    draws: int = 1000,
    seed: int = 0,
) -> Ratio:
    """Ratio of the standard deviations of two states, noise taken out (golden G-72).

    Parameters
    ----------
    second, first : array_like
        Values, any unit (positions, energies, SOC); the ratio is second over first.
    second_noise_std, first_noise_std : array_like or float
        Standard uncertainty of the values.
    second_units, first_units : array_like, optional
        Particles or blocks to resample; single values if left out.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Ratio
        NaN where the first state has no spread beyond its noise.

    Raises
    ------
    DataError
        If a state holds no value, sizes do not fit, or a standard uncertainty is negative.
    """
    parts = []
    for values, noise, units in (
        (second, second_noise_std, second_units), (first, first_noise_std, first_units)
    ):  # fmt: skip
        v, w, u = _units(values, None, units)
        sigma = np.asarray(noise, dtype=np.float64)
        keep = np.isfinite(np.asarray(values, dtype=np.float64).ravel())
        sigma = np.full(v.size, float(sigma)) if sigma.ndim == 0 else _kept(sigma, keep)
        d = v - v.mean()
        columns = [w, w * d, w * d**2, w * variance_of(sigma)]
        parts.append(np.stack([np.bincount(u, c) for c in columns]))

    def width(s: np.ndarray) -> np.ndarray:
        variance = s[2] / s[0] - (s[1] / s[0]) ** 2 - s[3] / s[0]
        return np.sqrt(np.maximum(variance, 0.0))

    return _ratio(parts, width, draws, seed)


def _kept(sigma: np.ndarray, keep: np.ndarray) -> np.ndarray:
    if sigma.size != keep.size:
        raise DataError(
            "the noise does not fit the values", expected=str(keep.size), found=str(sigma.size)
        )
    return sigma.ravel()[keep]


def _units(values: Any, weights: Any, units: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    raw = np.asarray(values, dtype=np.float64).ravel()
    v, _, w = checked(values, None, weights)
    if not v.size:
        raise DataError("a state holds no value", expected="finite values with weights")
    if units is None:
        return v, w, np.arange(v.size)
    u = np.asarray(units).ravel()
    if u.size != raw.size:
        raise DataError("the units do not fit", expected=str(raw.size), found=str(u.size))
    mass = np.ones(raw.size) if weights is None else np.asarray(weights, float).ravel()
    _, index = np.unique(u[np.isfinite(raw) & (mass > 0)], return_inverse=True)
    return v, w, index


def _ratio(sums: list[np.ndarray], measure: Any, draws: int, seed: int) -> Ratio:
    """Ratio of a measure of summed columns, with bootstrap over their units."""
    top, bottom = (float(measure(s.sum(axis=1))) for s in sums)
    nan = float("nan")
    value = top / bottom if bottom > 0 else nan
    if min(s.shape[1] for s in sums) < 3 or not draws or np.isnan(value):
        return Ratio(value, nan, nan, nan, top, bottom, draws, seed)
    rng = np.random.default_rng(seed)
    drawn = []
    for s in sums:
        n = s.shape[1]
        # In parts: one count per unit and draw is too much memory for single pixels.
        parts = [
            s @ rng.multinomial(n, np.full(n, 1 / n), size=int(c)).T
            for c in np.diff(np.r_[0 : draws : max(1, 2_000_000 // n), draws])
        ]
        drawn.append(measure(np.concatenate(parts, axis=1)))
    found = np.divide(drawn[0], drawn[1], out=np.full(draws, nan), where=drawn[1] > 0)
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5])
    return Ratio(value, float(found.std()), float(low), float(high), top, bottom, draws, seed)
