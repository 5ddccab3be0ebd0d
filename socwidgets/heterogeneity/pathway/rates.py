"""Local rates: what the few active particles have to carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from socwidgets.model.errors import DataError, ParameterError

FARADAY = 96485.33212
#: Site density of LiFePO4, mol m^-3 (PyBaMM, parameter set Prada2013); change it for others.
LFP_C_MAX = 22806.0


def particle_rate(c_rate_per_h: float, active: float) -> float:
    """Rate of the active particles in h^-1 when they carry all of the current (golden G-53).

    Parameters
    ----------
    c_rate_per_h : float
        Rate of the cell, h^-1.
    active : float
        Active fraction, above 0 to 1.

    Returns
    -------
    float
        h^-1.

    Raises
    ------
    ParameterError
        Outside of that.
    """
    if not 0 < active <= 1:
        raise ParameterError(
            "without active particles there is no local rate",
            expected="an active fraction above 0, up to 1",
            found=f"{active!r}",
        )
    return c_rate_per_h / active


def local_current_density(
    rate_per_h: Any,
    size_um: Any,
    *,
    shape: str = "sphere",
    c_max_mol_m3: float = LFP_C_MAX,
) -> Any:
    """Current density (A m^-2) at the reacting surface of a particle.

    ``j = r F c_max (V/A)/3600``, with ``V/A`` = R/3 of a sphere, or t/2 of a platelet of thickness
    t that takes up lithium through both faces.

    Parameters
    ----------
    rate_per_h : float or array_like
        Rate of the particle, h^-1.
    size_um : float or array_like
        Radius of a sphere or thickness of a platelet, um.
    shape : {"sphere", "platelet"}
        Geometry.
    c_max_mol_m3 : float
        Lithium sites per volume.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ParameterError
        For an unknown shape or sizes that are not above zero.
    """
    per_size = {"sphere": 3.0, "platelet": 2.0}
    if shape not in per_size:
        raise ParameterError("the shape is not known", expected="sphere or platelet", found=shape)
    size = np.asarray(size_um, dtype=np.float64)
    if np.any(size <= 0) or not c_max_mol_m3 > 0:
        raise ParameterError("sizes and site density must be above zero", found=str(size_um))
    depth_m = size * 1e-6 / per_size[shape]
    return np.asarray(rate_per_h) * FARADAY * c_max_mol_m3 * depth_m / 3600.0


def tracked_rates(means: Any, times_h: Any, mean_std: Any = None) -> xr.Dataset:
    """Rate ``dx/dt`` of every particle between successive states.

    Parameters
    ----------
    means : array_like
        ``(state, particle)`` mean composition of tracked particles; NaN where one is missing.
    times_h : array_like
        ``(state,)``, rising, h.
    mean_std : array_like, optional
        ``(state, particle)``, standard uncertainty of the means.

    Returns
    -------
    xarray.Dataset
        ``rate`` and ``rate_std`` ``(step, particle)`` in h^-1; ``spread_true`` ``(step,)``, the
        standard deviation of the rates without that of the noise (0 if below it); ``time_h``
        ``(step,)``.

    Raises
    ------
    DataError
        For shapes that do not fit or times that do not rise.
    """
    x, time = np.asarray(means, dtype=np.float64), np.asarray(times_h, dtype=np.float64)
    sigma = np.full(x.shape, np.nan) if mean_std is None else np.asarray(mean_std, np.float64)
    if x.ndim != 2 or time.shape != x.shape[:1] or sigma.shape != x.shape:
        raise DataError(
            "means, times and uncertainties do not fit",
            expected="(state, particle), (state,) and (state, particle)",
            found=f"{x.shape}, {time.shape} and {sigma.shape}",
        )
    step = np.diff(time)
    if np.any(sigma < 0):
        raise DataError("a standard uncertainty is negative", expected="zero or more")
    if not step.size or not np.all(step > 0):
        raise DataError("rates need two states or more at rising times", found=str(time.tolist()))
    rate = np.diff(x, axis=0) / step[:, None]
    std = np.hypot(sigma[1:], sigma[:-1]) / step[:, None]
    seen = np.isfinite(rate)
    count = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, rate, 0).sum(axis=1) / count
    variance = np.where(seen, (rate - mean[:, None]) ** 2, 0).sum(axis=1) / count
    noise = np.where(seen, std**2, 0).sum(axis=1) / count
    units = {"units": "h-1"}
    return xr.Dataset(
        {
            "rate": (("step", "particle"), rate, {**units, "long_name": "Rate of the particle"}),
            "rate_std": (("step", "particle"), std, units),
            "spread_true": (
                "step",
                np.where(seen.any(axis=1), np.sqrt(np.maximum(variance - noise, 0.0)), np.nan),
                units,
            ),
        },
        {"time_h": ("step", 0.5 * (time[1:] + time[:-1]), {"units": "h"})},
    )


@dataclass(frozen=True, slots=True)
class ActiveCurve:
    """``f = 1/(1 + C*/C)``: a descriptive curve of active fraction against rate.

    Attributes
    ----------
    c_half, low, high : float
        C*, the rate in h^-1 at which half of the particles are active, and its 95 % interval; zero
        or infinite where the data do not bound it.
    deviance : float
        Twice the difference of the log-likelihood from that of free shares; compare with the
        number of rates less one.
    n_rates : int
        Number of rates.
    """

    c_half: float
    low: float
    high: float
    deviance: float
    n_rates: int

    def fraction(self, c_rate_per_h: Any) -> Any:
        """Active fraction at a rate (h^-1)."""
        rate = np.asarray(c_rate_per_h, dtype=np.float64)
        return rate / (rate + self.c_half)


def active_curve(c_rates_per_h: Any, n_active: Any, n: Any) -> ActiveCurve:
    """Fit the active fraction against the rate (Li et al. 2014, Nat. Mater. 13, 1149: the idea).

    Parameters
    ----------
    c_rates_per_h : array_like
        ``(rate,)``, above zero, h^-1.
    n_active, n : array_like
        ``(rate,)``, active particles and all of them.

    Returns
    -------
    ActiveCurve
        By binomial maximum likelihood, with the interval from its profile.

    Raises
    ------
    DataError
        For sizes that do not fit, rates that are not above zero, counts beyond their total, or when
        all particles everywhere are active or none is: then nothing bounds C*.
    """
    rate, hits, total = (
        np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (c_rates_per_h, n_active, n)
    )
    if not rate.shape == hits.shape == total.shape or rate.ndim != 1:
        raise DataError("rates and counts do not fit", found=f"{rate.shape}, {hits.shape}")
    ordered = (rate > 0) & np.isfinite(rate) & (hits >= 0) & (hits <= total)
    if not ordered.all() or not total.sum() > 0:
        raise DataError(
            "rates must be above zero and counts between zero and their total",
            found=f"rates {rate.tolist()}, {hits.tolist()} of {total.tolist()}",
        )
    if hits.sum() == 0 or hits.sum() == total.sum():
        raise DataError(
            "nothing bounds the rate at which half of the particles are active",
            expected="some particles active and some not",
            found=f"{int(hits.sum())} of {int(total.sum())} active",
        )

    def log_likelihood(log_half: float) -> float:
        z = np.log(rate) - log_half
        return float(np.sum(hits * -np.logaddexp(0, -z) + (total - hits) * -np.logaddexp(0, z)))

    def slope(log_half: float) -> float:
        return float(np.sum(total / (1 + np.exp(log_half - np.log(rate))) - hits))

    far = 40.0
    best = brentq(slope, np.log(rate.min()) - far, np.log(rate.max()) + far)
    top = log_likelihood(best)

    def drop(log_half: float) -> float:
        return top - log_likelihood(log_half) - 1.9207

    low, high = (np.exp(brentq(drop, best, best + sign * 2 * far)) for sign in (-1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = hits / total
        free = np.nansum(hits * np.log(p)) + np.nansum((total - hits) * np.log1p(-p))
    return ActiveCurve(
        float(np.exp(best)), float(low), float(high), float(2 * (free - top)), rate.size
    )
