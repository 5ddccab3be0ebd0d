"""The boundary between the phases: how long it is, and how wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import erf

from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.heterogeneity.phases.contour import contour_size, signed_distance
from socwidgets.heterogeneity.phases.domains import smooth_inside
from socwidgets.model.errors import DataError, ParameterError

#: 10-90 % width of ``tanh(n/w)`` in units of w, ``ln 9``; and of an error function in units of
#: its standard deviation, ``2 sqrt2 erfinv(0.8)`` (golden G-56).
TANH_10_90 = float(np.log(9.0))
ERF_10_90 = 2.5631031310892007
_FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
_UNRESOLVED = 1.2


def psf_width_um(fwhm_um: float) -> float:
    """10-90 % width (um) that a Gaussian resolution of this full width gives a sharp edge."""
    return ERF_10_90 * fwhm_um / _FWHM_PER_SIGMA


def boundary_length(
    values: Any,
    inside: Any,
    pixel_um: tuple[float, ...],
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    smooth_px: float = 1.0,
) -> float:
    """Length (2-D, um) or area (3-D, um^2) of the surface at the middle composition.

    Marching squares or cubes on the smoothed map; the particle's own outline is no boundary.

    Parameters
    ----------
    values : array_like
        ``(y, x)`` or ``(z, y, x)``, composition.
    inside : array_like
        bool, the particle.
    pixel_um : tuple of float
        Pixel size along each axis.
    ends : (float, float)
        Compositions of the end members.
    smooth_px : float
        Smoothing before: noise makes a boundary ragged, and without bound longer.

    Returns
    -------
    float
        0 where there is no boundary.

    Raises
    ------
    DataError
        If shapes do not fit.
    """
    field, mask, size = _inputs(values, inside, pixel_um)
    smooth = smooth_inside(field, mask, smooth_px)
    return contour_size(smooth, 0.5 * sum(checked_ends(ends)), size)


def _inputs(
    values: Any, inside: Any, pixel_um: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    field = np.asarray(values, dtype=np.float64)
    mask, size = np.asarray(inside, bool), np.asarray(pixel_um, dtype=np.float64)
    if mask.shape != field.shape or size.size != field.ndim or field.ndim not in (2, 3):
        raise DataError(
            "mask or pixel size do not fit the image",
            expected=f"a mask of {field.shape} and {field.ndim} pixel sizes",
            found=f"{mask.shape} and {size.size}",
        )
    if not np.all(size > 0):
        raise ParameterError("a pixel size is not above zero", found=str(pixel_um))
    return field, mask & np.isfinite(field), size


@dataclass(frozen=True, slots=True)
class BoundaryWidth:
    """Width of a boundary.

    Attributes
    ----------
    observed : float
        10-90 % width in um as measured, resolution included.
    std : float
        Standard uncertainty of `observed` (from the scatter of the pixels about the fit).
    true : float
        Width in um with the resolution taken out in squares; NaN where unresolved.
    resolution : float
        10-90 % width that the resolution alone gives, um.
    status : str
        ``ok``, ``unresolved`` (below 1.2 times the resolution: then `observed` is an upper limit),
        ``no boundary`` or ``no fit``.
    n_pixels : int
        Pixels in the fit.
    """

    observed: float
    std: float
    true: float
    resolution: float
    status: str
    n_pixels: int


def boundary_width(
    values: Any,
    inside: Any,
    pixel_um: tuple[float, ...],
    *,
    resolution_um: float,
    ends: tuple[float, float] = (0.0, 1.0),
    shape: str = "tanh",
    smooth_px: float = 2.0,
    reach_px: float = 6.0,
) -> BoundaryWidth:
    """Fit the profile across a boundary: every pixel against its distance from the contour.

    Parameters
    ----------
    values, inside
        ``(y, x)`` or ``(z, y, x)``, composition and bool.
    pixel_um : tuple of float
        Pixel size along each axis.
    resolution_um : float
        Full width at half maximum of the resolution; 0 if there is none to take out.
    ends : (float, float)
        Compositions of the end members; the plateaus on both sides are free.
    shape : {"tanh", "erf"}
        ``a + d tanh(n/w)`` or ``a + d erf(n/(sqrt2 s))``.
    smooth_px : float
        Smoothing for the contour only; the fit sees the values themselves. A contour that follows
        each pixel's own noise would make the boundary look sharper.
    reach_px : float
        Pixels farther from the contour are left out.

    Returns
    -------
    BoundaryWidth

    Raises
    ------
    DataError, ParameterError
        For shapes that do not fit, an unknown profile or negative widths.
    """
    if shape not in ("tanh", "erf"):
        raise ParameterError("the profile is not known", expected="tanh or erf", found=shape)
    if not (resolution_um >= 0 and reach_px > 0):
        raise ParameterError("the resolution must not be negative, and the reach be above zero")
    field, mask, size = _inputs(values, inside, pixel_um)
    limit, nan = psf_width_um(resolution_um), float("nan")
    low, high = checked_ends(ends)
    pixel = float(size.prod() ** (1.0 / size.size))
    distance, seen = signed_distance(
        smooth_inside(field, mask, smooth_px), 0.5 * (low + high), size
    )
    near = np.abs(distance) < reach_px * pixel
    n, v = distance[near], field[seen][near]
    if n.size < 12 or np.ptp(n) == 0:
        return BoundaryWidth(nan, nan, nan, limit, "no boundary", int(n.size))
    fitted = _fit_profile(n, v, shape, 0.5 * (high - low), pixel)
    if fitted is None:
        return BoundaryWidth(nan, nan, nan, limit, "no fit", int(n.size))
    width, std = fitted
    if width < _UNRESOLVED * limit:
        return BoundaryWidth(width, std, nan, limit, "unresolved", int(n.size))
    true = float(np.sqrt(width**2 - limit**2))
    return BoundaryWidth(width, std, true, limit, "ok", int(n.size))


def _fit_profile(
    n: np.ndarray, v: np.ndarray, shape: str, half: float, pixel: float
) -> tuple[float, float] | None:
    """10-90 % width and its standard uncertainty."""

    def rise(q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reduced distance, the profile there and its derivative."""
        t = (n - q[2]) / abs(q[3])
        if shape == "tanh":
            return t, np.tanh(t), 1.0 - np.tanh(t) ** 2
        return t, erf(t / np.sqrt(2.0)), np.sqrt(2.0 / np.pi) * np.exp(-0.5 * t**2)

    def residual(q: np.ndarray) -> np.ndarray:
        return q[0] + q[1] * rise(q)[1] - v

    def slopes(q: np.ndarray) -> np.ndarray:
        t, height, slope = rise(q)
        steep = -q[1] * slope
        return np.stack([np.ones_like(t), height, steep / abs(q[3]), steep * t / q[3]], axis=1)

    start = (float(np.mean(v)), half, 0.0, 1.5 * pixel)
    fit = least_squares(residual, start, slopes, method="lm", max_nfev=500)
    found, normal = fit.x, fit.jac.T @ fit.jac
    if not fit.success or np.linalg.cond(normal) > 1e12:
        return None
    scatter = 2.0 * fit.cost / max(n.size - found.size, 1)
    scale = TANH_10_90 if shape == "tanh" else ERF_10_90
    w = abs(float(found[3]))
    std = float(np.sqrt(scatter * np.linalg.inv(normal)[3, 3]))
    if w > 20 * np.ptp(n):
        return None
    return scale * w, scale * std
