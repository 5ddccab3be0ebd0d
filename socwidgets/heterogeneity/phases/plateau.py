"""The intermediate fraction: how much is really between the end members, noise aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm
from scipy.stats import t as student

from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.kernels.mixture import fit_shares
from socwidgets.model.errors import DataError, ParameterError

#: Narrowest noise, in units of the distance between the ends: a delta needs some width.
_NARROWEST = 0.005


@dataclass(frozen=True, slots=True)
class PhaseShares:
    """Shares of the two end members and of what lies between.

    Attributes
    ----------
    poor, rich, intermediate : float
        Shares of the fit of two points and a plateau, each as broad as the noise makes it. They
        sum to one; NaN where there is no value or no noise is known.
    std, low, high : float
        Standard uncertainty of `intermediate` and its 95 % interval, from resampling units; NaN
        with fewer than five units.
    naive : float
        Share of values in the window, noise and all: never below what the noise alone makes.
    window : (float, float)
        The window of `naive`, in the values' unit.
    n_units : int
        Units that were resampled.
    """

    poor: float
    rich: float
    intermediate: float
    std: float
    low: float
    high: float
    naive: float
    window: tuple[float, float]
    n_units: int


def phase_shares(
    values: Any,
    noise_std: Any,
    weights: Any = None,
    *,
    units: Any = None,
    ends: tuple[float, float] = (0.0, 1.0),
    window: tuple[float, float] = (0.1, 0.9),
    draws: int = 500,
    seed: int = 0,
) -> PhaseShares:
    """Fit two points and a uniform plateau between them, each convolved with the noise.

    ``p(x) = w_a N(x_a, sigma_i) + w_b N(x_b, sigma_i) + w_int [Phi((x - x_a)/sigma_i) -
    Phi((x - x_b)/sigma_i)]/(x_b - x_a)``, by maximum likelihood, with the noise of every pixel.

    Parameters
    ----------
    values : array_like
        ``(n,)`` composition; NaN is left out.
    noise_std : array_like or float
        Standard uncertainty of each value; values without one are left out.
    weights : array_like, optional
        Thickness; equal if left out.
    units : array_like, optional
        ``(n,)`` integer: what is resampled for the interval, particles or blocks. Single values if
        left out, which is right for independent pixels only.
    ends : (float, float)
        Compositions of the end members.
    window : (float, float)
        Of the naive share, as a part of the range between the ends.
    draws, seed : int
        Of the bootstrap; no interval for ``draws=0``.

    Returns
    -------
    PhaseShares

    Raises
    ------
    DataError
        For noise, weights or units that do not fit or are negative.
    ParameterError
        If the ends or the window span nothing.

    Notes
    -----
    A projection mixes the phases along the beam: its intermediates are no solid solution.
    """
    low, high = checked_ends(ends)
    inner = _window(window, low, high)
    v, sigma, w, unit = _inputs(values, noise_std, weights, units)
    nothing = float("nan")
    if not v.size:
        return PhaseShares(nothing, nothing, nothing, nothing, nothing, nothing, nothing, inner, 0)
    naive = float(np.average((v > inner[0]) & (v < inner[1]), weights=w))
    density = _densities(v, sigma, low, high)
    shares = _fit(density, w)
    n_units = int(unit.max()) + 1
    spread = (nothing, nothing, nothing)
    if n_units >= 5 and draws:
        spread = _interval(density, w, unit, draws, seed)
    poor, rich, between = (float(share) for share in shares)
    return PhaseShares(poor, rich, between, *spread, naive, inner, n_units)


def shares_by_group(
    values: np.ndarray,
    noise_std: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    ends: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """Shares (poor, rich, intermediate) of every particle, in one compiled pass.

    Parameters
    ----------
    values, noise_std, weights : ndarray
        ``(n,)``, finite.
    group : ndarray
        ``(n,)``, 0 to g - 1.
    ends : (float, float)
        Compositions of the end members.

    Returns
    -------
    ndarray
        ``(g, 3)``; NaN for a group without values.
    """
    density = _densities(values, noise_std, *checked_ends(ends))
    shares = np.full((int(group.max()) + 1 if group.size else 0, 3), 1.0 / 3.0)
    fit_shares(density, weights, group.astype(np.int64), shares, 200, 1e-5)
    return shares


def _inputs(
    values: Any, noise_std: Any, weights: Any, units: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    v = np.asarray(values, dtype=np.float64).ravel()
    parts = [noise_std, 1.0 if weights is None else weights]
    parts.append(np.arange(v.size) if units is None else units)
    try:
        sigma, w, unit = (np.broadcast_to(np.asarray(p).ravel(), v.shape) for p in parts)
    except ValueError:
        sizes = ", ".join(str(np.size(p)) for p in parts)
        raise DataError(
            "noise, weights or units do not fit the values",
            expected=f"{v.size} numbers each",
            found=sizes,
        ) from None
    if np.any(sigma < 0) or np.any(w < 0):
        raise DataError("a standard uncertainty or a weight is negative", expected="zero or more")
    keep = np.isfinite(v) & np.isfinite(sigma) & (w > 0)
    if np.isfinite(v).any() and not (w > 0).any():
        raise DataError("all weights are zero or NaN", expected="at least one weight above zero")
    _, index = np.unique(unit[keep], return_inverse=True)
    return v[keep], sigma[keep].astype(float), w[keep].astype(float), index


def _window(window: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    if not 0 <= window[0] < window[1] <= 1:
        raise ParameterError(
            "the window of intermediate compositions is empty or outside the range",
            expected="0 <= low < high <= 1, as a part of the range between the ends",
            found=f"{window[0]:g} and {window[1]:g}",
        )
    return low + window[0] * (high - low), low + window[1] * (high - low)


def _densities(v: np.ndarray, sigma: np.ndarray, low: float, high: float) -> np.ndarray:
    """``(n, 3)`` density of each value if it belongs to the poor, the rich end or between."""
    s = np.maximum(sigma, _NARROWEST * (high - low))
    a, b = (v - low) / s, (v - high) / s
    peak = 1.0 / (np.sqrt(2.0 * np.pi) * s)
    plateau = (ndtr(a) - ndtr(b)) / (high - low)
    poor, rich = peak * np.exp(-0.5 * a**2), peak * np.exp(-0.5 * b**2)
    # Beyond an end by many sigma nothing explains a value; it belongs to that end.
    tiny = 1e-300
    return np.stack([poor + tiny * (v < low), rich + tiny * (v > high), plateau], axis=1)


def _fit(density: np.ndarray, w: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    shares = np.full((1, 3), 1.0 / 3.0) if start is None else start[None].copy()
    fit_shares(density, w, np.zeros(w.size, np.int64), shares, 2000, 1e-7)
    return shares[0]


def _interval(
    density: np.ndarray, w: np.ndarray, unit: np.ndarray, draws: int, seed: int
) -> tuple[float, float, float]:
    """Bootstrap over units; each draw only changes the weights of the values."""
    rng = np.random.default_rng(seed)
    n = int(unit.max()) + 1
    best = _fit(density, w)
    start = 0.98 * best + 0.02 / 3.0
    found = np.empty(draws)
    for i in range(draws):
        counts = rng.multinomial(n, np.full(n, 1.0 / n))
        shares = start[None].copy()
        fit_shares(density, w * counts[unit], np.zeros(w.size, np.int64), shares, 500, 1e-5)
        found[i] = shares[0, 2]
    # Few units: resampling sees only (n-1)/n of their variance, and Student's tails are wider.
    wider = np.sqrt(n / (n - 1)) * student.ppf(0.975, n - 1) / norm.ppf(0.975)
    low, high = best[2] + (np.percentile(found, [2.5, 97.5]) - best[2]) * wider
    std = float(found.std() * np.sqrt(n / (n - 1)))
    return std, float(max(low, 0.0)), float(min(high, 1.0))
