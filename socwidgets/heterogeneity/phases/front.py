"""The shape of a front: planar or all around, and what touches the surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.stats import spearmanr

from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.heterogeneity.phases.domains import smooth_inside
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class FrontGeometry:
    """Geometry of the front in one particle.

    Attributes
    ----------
    anisotropy : float
        ``(l1 - l2)/(l1 + l2)`` of the summed structure tensor over the boundary band (in 3-D the
        fractional anisotropy): about 0 for a front all around, about 1 for a plane. NaN without a
        boundary.
    direction_deg : float
        Angle of the front's normal from the x axis, -90 to 90 degrees (2-D).
    contact : float
        Share of the outer surface that the phase which touches more of it covers, 0.5 to 1.
    contact_phase : str
        ``rich`` or ``poor``: which one that is.
    core_shell_index : float
        Spearman correlation of the composition with the distance from the surface: negative for a
        rich shell.
    n_band, n_surface : int
        Pixels of the band and of the surface.
    """

    anisotropy: float
    direction_deg: float
    contact: float
    contact_phase: str
    core_shell_index: float
    n_band: int
    n_surface: int


def front_geometry(
    values: Any,
    inside: Any,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    noise_std: float = 0.0,
    pixel_um: tuple[float, ...] | None = None,
    smooth_px: float = 1.0,
    band: float = 0.25,
    cut: Any = None,
) -> FrontGeometry:
    """Anisotropy of the front, contact test and core-shell index of one particle.

    Parameters
    ----------
    values : array_like
        ``(y, x)`` or ``(z, y, x)``, composition; NaN is outside.
    inside : array_like
        bool, the particle.
    ends : (float, float)
        Compositions of the end members.
    noise_std : float
        Noise of a pixel, whose gradient has no direction: it is taken from the tensor.
    pixel_um : tuple of float, optional
        Pixel size along each axis; square pixels if left out.
    smooth_px : float
        Scale of the Gaussian derivatives and of the smoothing for the contact test.
    band : float
        Half width of the boundary band, in units of the range between the ends.
    cut : array_like, optional
        bool: pixels next to which the particle was cut by the mask or the field and that are no
        true surface. The edge of the array is always a cut.

    Returns
    -------
    FrontGeometry
        NaN where there is no boundary, no surface or no variation.

    Raises
    ------
    DataError, ParameterError
        If shapes do not fit, or a noise or pixel size makes no sense.
    """
    field = np.asarray(values, dtype=np.float64)
    mask = np.asarray(inside, bool)
    if mask.shape != field.shape or field.ndim not in (2, 3):
        raise DataError(
            "the mask does not fit the image", expected=str(field.shape), found=str(mask.shape)
        )
    size = np.ones(field.ndim) if pixel_um is None else np.asarray(pixel_um, float)
    if size.size != field.ndim or not np.all(size > 0) or not smooth_px > 0:
        raise ParameterError("pixel sizes and smoothing must be above zero, one size per axis")
    if not noise_std >= 0:
        raise ParameterError(
            "the noise is no standard deviation", expected="zero or more", found=f"{noise_std!r}"
        )
    if cut is not None and np.shape(cut) != field.shape:
        raise DataError(
            "`cut` does not fit the image", expected=str(field.shape), found=str(np.shape(cut))
        )
    # A pixel of the particle without a value is a gap in the map, not free space.
    gaps = mask & ~np.isfinite(field)
    mask = mask & ~gaps
    blocked = gaps if cut is None else np.asarray(cut, bool) | gaps
    low, high = checked_ends(ends)
    smooth = smooth_inside(field, mask, smooth_px)
    in_band = mask & (np.abs(smooth - 0.5 * (low + high)) < band * (high - low))
    tensor, count = _structure(field, mask, in_band, size, smooth_px, noise_std)
    anisotropy, direction = _anisotropy(tensor, count)
    surface, depth = surface_and_depth(mask, size, blocked)
    contact, phase = _contact(smooth, surface, 0.5 * (low + high))
    index = _core_shell_index(field, mask, depth)
    return FrontGeometry(
        anisotropy, direction, contact, phase, index, count, int(np.count_nonzero(surface))
    )


def _structure(
    field: np.ndarray,
    mask: np.ndarray,
    in_band: np.ndarray,
    size: np.ndarray,
    scale: float,
    noise_std: float,
) -> tuple[np.ndarray, int]:
    """Sum over the band of the outer products of the gradient (per um), noise taken out.

    Normalized derivatives: the kernel's mass outside the particle must not look like a slope.
    """
    weight = mask.astype(float)
    filled = np.where(mask, field, 0.0)
    mass = np.maximum(ndimage.gaussian_filter(weight, scale, mode="constant"), 1e-12)
    mean = ndimage.gaussian_filter(filled, scale, mode="constant") / mass
    gradient = []
    for axis in range(field.ndim):
        order = [int(axis == k) for k in range(field.ndim)]
        d_value = ndimage.gaussian_filter(filled, scale, order=order, mode="constant")
        d_mass = ndimage.gaussian_filter(weight, scale, order=order, mode="constant")
        gradient.append((d_value - mean * d_mass)[in_band] / mass[in_band] / size[axis])
    g = np.array(gradient)
    tensor = g @ g.T
    # Variance of a Gaussian derivative of white noise: 1/(2^(d+1) pi^(d/2) s^(d+2)).
    d = field.ndim
    noise = noise_std**2 / (2.0 ** (d + 1) * np.pi ** (d / 2) * scale ** (d + 2))
    return tensor - np.diag(g.shape[1] * noise / size**2), g.shape[1]


def _anisotropy(tensor: np.ndarray, count: int) -> tuple[float, float]:
    if count < 3:
        return float("nan"), float("nan")
    values, vectors = np.linalg.eigh(tensor)
    values = np.maximum(values, 0.0)
    total = values.sum()
    if not total > 0:
        return float("nan"), float("nan")
    if tensor.shape[0] == 2:
        # Vectors are (y, x); y points down in an image, which changes the sign only.
        main = vectors[:, 1]
        angle = np.degrees(np.arctan2(main[0], main[1]))
        return float((values[1] - values[0]) / total), float((angle + 90.0) % 180.0 - 90.0)
    spread = np.sum((values - values.mean()) ** 2) / np.sum(values**2)
    return float(np.sqrt(1.5 * spread)), float("nan")


def surface_and_depth(
    mask: np.ndarray, size: np.ndarray, cut: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the free surface, and the distance (um) of every pixel from it.

    Parameters
    ----------
    mask : ndarray
        bool, the particle.
    size : ndarray
        Pixel size along each axis.
    cut : array_like, optional
        bool: outside pixels that are no free space (another particle, excluded pixels).

    Returns
    -------
    surface : ndarray
        bool; the edge of the array is a cut and no surface.
    depth : ndarray
        0 outside. Distance from the nearest free pixel; infinite if there is none.
    """
    blocked = np.zeros(mask.shape, bool) if cut is None else np.asarray(cut, bool)
    if blocked.shape != mask.shape:
        raise DataError("`cut` does not fit the image", expected=str(mask.shape))
    free = ~mask & ~blocked
    if not free.any():
        return np.zeros(mask.shape, bool), np.where(mask, np.inf, 0.0)
    depth = ndimage.distance_transform_edt(~free, sampling=size)
    surface = mask & ndimage.binary_dilation(free)
    return surface, np.where(mask, depth, 0.0)


def _contact(smooth: np.ndarray, surface: np.ndarray, middle: float) -> tuple[float, str]:
    if not surface.any():
        return float("nan"), ""
    rich = float(np.mean(smooth[surface] >= middle))
    return (rich, "rich") if rich >= 0.5 else (1.0 - rich, "poor")


def _core_shell_index(field: np.ndarray, mask: np.ndarray, depth: np.ndarray) -> float:
    v, d = field[mask], depth[mask]
    if v.size < 10 or not np.all(np.isfinite(d)) or np.ptp(d) == 0 or np.ptp(v) == 0:
        return float("nan")
    return float(spearmanr(v, d).statistic)
