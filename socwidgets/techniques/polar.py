"""Polar angles of two optical densities, what they say of a mixture, and domains."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError

#: Domains by lithiated fraction (Yu et al. 2018): below the first FP-rich, above the second
#: LFP-rich, mixed in between.
DOMAIN_LIMITS = (0.3, 0.7)
DOMAINS = ("FP-rich", "mixed", "LFP-rich")


def polar_angle(u: Any, v: Any) -> tuple[Any, Any, Any]:
    """Angle ``atan2(v, u)`` in degrees, and its derivatives by both optical densities."""
    square = u**2 + v**2
    scale = 180.0 / np.pi
    return scale * np.arctan2(v, u), -scale * v / square, scale * u / square


def lithiated_fraction(
    angle: Any, ends: tuple[float, float], length_ratio: float = 1.0
) -> tuple[Any, Any]:
    """Fraction of the lithiated phase in a mixture that is seen at a polar angle, and its slope.

    Parameters
    ----------
    angle : array_like
        Degrees.
    ends : (float, float)
        Angles of the lithiated and of the delithiated phase, degrees.
    length_ratio : float
        Length of the delithiated phase's vector over that of the lithiated one.

    Returns
    -------
    fraction, slope
        Same shape; the slope is per degree. The vectors ``f A + (1 - f) B`` add, so ``f =
        rho sin(b - t)/(rho sin(b - t) + sin(t - a))`` (golden G-26, G-27).
    """
    turn = np.pi / 180.0
    towards = length_ratio * np.sin((ends[1] - angle) * turn)
    along = np.sin((angle - ends[0]) * turn)
    whole = towards + along
    slope_towards = -length_ratio * np.cos((ends[1] - angle) * turn) * turn
    slope_along = np.cos((angle - ends[0]) * turn) * turn
    return towards / whole, (slope_towards * along - towards * slope_along) / whole**2


def phase_angles(
    angle: xr.DataArray, *, seed: int = 0
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Centers, widths and share of the two phases in a histogram of angles.

    Parameters
    ----------
    angle : xarray.DataArray
        Degrees, any shape; NaN is left out.
    seed : int
        Of the starts of the fit.

    Returns
    -------
    centers, widths : (float, float)
        Degrees, the lithiated phase (smaller angle) first: two Gaussians, fitted by maximum
        likelihood, so no bins matter.
    share : float
        Of the lithiated phase.

    Raises
    ------
    DataError
        If fewer than 20 values are left.
    """
    from sklearn.mixture import GaussianMixture

    values = angle.values[np.isfinite(angle.values)].reshape(-1, 1)
    if values.size < 20:
        raise DataError(
            "too few angles for two phases", expected="20 or more", found=str(values.size)
        )
    model = GaussianMixture(2, n_init=3, random_state=seed).fit(values)
    order = np.argsort(model.means_.ravel())
    first, second = (float(model.means_.ravel()[i]) for i in order)
    low, high = (float(np.sqrt(model.covariances_.ravel()[i])) for i in order)
    return (first, second), (low, high), float(model.weights_[order[0]])


def domains(fraction: xr.DataArray, limits: tuple[float, float] = DOMAIN_LIMITS) -> xr.DataArray:
    """Domain of each pixel: 0 none, 1 FP-rich, 2 mixed, 3 LFP-rich; `DOMAINS` are their names.

    Noise alone puts pixels of a pure phase into the mixed class where it exceeds the distance to
    the limit; compare with the same count on pure standards.

    Parameters
    ----------
    fraction : xarray.DataArray
        Fraction of LFP; NaN becomes 0, no domain.
    limits : tuple of float
        Where the mixed domain begins and ends.

    Returns
    -------
    xarray.DataArray
        int8 of the same shape, with flag attributes.
    """
    codes = 1 + (fraction >= limits[0]).astype(np.int8) + (fraction > limits[1]).astype(np.int8)
    result: xr.DataArray = codes.where(fraction.notnull(), 0).astype(np.int8)
    return result.assign_attrs(
        long_name="Domain", flag_values=[1, 2, 3], flag_meanings="fp_rich mixed lfp_rich"
    )
