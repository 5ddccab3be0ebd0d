"""Domains of the two phases: where they are, how many, how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.model.errors import DataError, ParameterError

#: Codes of a domain map.
OUTSIDE, POOR, RICH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Domains:
    """Domains of one image or volume.

    Attributes
    ----------
    phase : ndarray
        uint8 of the image's shape: 0 outside, 1 poor, 2 rich.
    labels : ndarray
        int32, number of the domain.
    table : pandas.DataFrame
        Indexed by domain: ``phase`` (``poor`` or ``rich``), ``n_pixels``, ``size`` (um^2 or um^3;
        pixels without a pixel size), ``share`` of all material (by weight).
    poor, rich : float
        Shares of the material.
    largest_share : float
        Share of the largest domain.
    perimeter : float
        Length (2-D, um) of the boundary between poor and rich; area in um^2 in 3-D. From counted
        faces, so up to 4/pi (2-D) or 3/2 (3-D) too long: see `boundary_length` for the contour.
    threshold : float
        Value between the phases.
    """

    phase: np.ndarray
    labels: np.ndarray
    table: pd.DataFrame
    poor: float
    rich: float
    largest_share: float
    perimeter: float
    threshold: float

    @property
    def count(self) -> int:
        """Number of domains."""
        return len(self.table)


def smooth_inside(values: np.ndarray, inside: np.ndarray, smooth_px: float) -> np.ndarray:
    """Gaussian smoothing that takes nothing from outside the particle.

    Parameters
    ----------
    values : ndarray
        Image or volume; NaN counts as outside.
    inside : ndarray
        bool, same shape.
    smooth_px : float
        Width; 0 leaves the values as they are.

    Returns
    -------
    ndarray
        NaN outside.
    """
    keep = inside & np.isfinite(values)
    if not smooth_px > 0:
        return np.where(keep, values, np.nan)
    mass = ndimage.gaussian_filter(keep.astype(float), smooth_px, mode="constant")
    filled = ndimage.gaussian_filter(np.where(keep, values, 0.0), smooth_px, mode="constant")
    return np.where(keep, filled / np.maximum(mass, 1e-12), np.nan)


def find_domains(
    values: Any,
    inside: Any = None,
    weights: Any = None,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    threshold: float | str = "midpoint",
    smooth_px: float = 1.0,
    min_pixels: int = 4,
    pixel_um: tuple[float, ...] | None = None,
) -> Domains:
    """Split an image or volume into domains of the poor and the rich phase.

    Parameters
    ----------
    values : array_like
        ``(y, x)`` or ``(z, y, x)``, composition; NaN is outside.
    inside : array_like, optional
        bool; everything finite if left out.
    weights : array_like, optional
        Thickness, for the shares.
    ends : (float, float)
        Compositions of the end members.
    threshold : float or {"midpoint", "otsu"}
        Where the phases part.
    smooth_px : float
        Gaussian smoothing before the threshold: noise alone would make single-pixel domains.
    min_pixels : int
        Smaller domains are given to what surrounds them.
    pixel_um : tuple of float, optional
        Pixel size along each axis; sizes are in pixels without it.

    Returns
    -------
    Domains

    Raises
    ------
    DataError
        If shapes do not fit or there is no value.
    ParameterError
        For an unknown threshold, a negative smoothing or pixel sizes that do not fit.
    """
    field = np.asarray(values, dtype=np.float64)
    mask = np.ones(field.shape, bool) if inside is None else np.asarray(inside, bool)
    mass = np.ones(field.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if mask.shape != field.shape or mass.shape != field.shape or field.ndim not in (2, 3):
        raise DataError(
            "mask or weights do not fit the image",
            expected=f"(y, x) or (z, y, x) of {field.shape}",
            found=f"{mask.shape} and {mass.shape}",
        )
    if pixel_um is not None and (len(pixel_um) != field.ndim or not np.all(np.array(pixel_um) > 0)):
        raise ParameterError(
            "the pixel sizes do not fit", expected=f"{field.ndim} above zero", found=str(pixel_um)
        )
    if not smooth_px >= 0:
        raise ParameterError("the smoothing is negative", found=f"{smooth_px!r}")
    mask = mask & np.isfinite(field)
    mass = np.where(mask, np.nan_to_num(mass), 0.0)
    if not mask.any() or np.any(mass < 0) or not mass.sum() > 0:
        raise DataError(
            "there is nothing to split into domains",
            expected="values inside the mask with weights of zero or more, not all zero",
            found=f"{int(mask.sum())} values",
        )
    smooth = smooth_inside(field, mask, smooth_px)
    limit = _threshold(threshold, smooth[mask], ends)
    phase = np.where(mask, np.where(smooth >= limit, RICH, POOR), OUTSIDE).astype(np.uint8)
    phase = _without_specks(phase, min_pixels)
    labels, kinds = _label(phase)
    size = float(np.prod(pixel_um)) if pixel_um is not None else 1.0
    count = np.bincount(labels.ravel(), minlength=kinds.size + 1)[1:]
    share = np.bincount(labels.ravel(), mass.ravel(), minlength=kinds.size + 1)[1:] / mass.sum()
    table = pd.DataFrame(
        {
            "phase": np.where(kinds == RICH, "rich", "poor"),
            "n_pixels": count,
            "size": count * size,
            "share": share,
        },
        index=pd.RangeIndex(1, kinds.size + 1, name="domain"),
    )
    rich = float(mass[phase == RICH].sum() / mass.sum())
    faces = _faces(phase, pixel_um)
    return Domains(phase, labels, table, 1.0 - rich, rich, float(share.max()), faces, limit)


def _threshold(wanted: float | str, values: np.ndarray, ends: tuple[float, float]) -> float:
    if not isinstance(wanted, str):
        if not np.isfinite(wanted):
            raise ParameterError("the threshold is not finite", found=repr(wanted))
        return float(wanted)
    if wanted == "midpoint":
        low, high = checked_ends(ends)
        return 0.5 * (low + high)
    if wanted == "otsu":
        from skimage.filters import threshold_otsu

        return float(threshold_otsu(values)) if np.ptp(values) > 0 else float(values[0])
    raise ParameterError(
        "the threshold is not known", expected="a number, 'midpoint' or 'otsu'", found=repr(wanted)
    )


def _without_specks(phase: np.ndarray, min_pixels: int) -> np.ndarray:
    """Give domains below the limit to the other phase."""
    result = phase.copy()
    for kind, other in ((POOR, RICH), (RICH, POOR)):
        labels, n = ndimage.label(result == kind)
        if not n:
            continue
        small = np.bincount(labels.ravel()) < min_pixels
        small[0] = False
        # A particle that has nothing else keeps its only domain.
        if np.any(result == other):
            result[small[labels]] = other
    return result


def _label(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each pixel's domain, and the phase of each domain."""
    poor, n_poor = ndimage.label(phase == POOR)
    rich, n_rich = ndimage.label(phase == RICH)
    labels = np.where(phase == RICH, rich + n_poor, poor).astype(np.int32)
    return labels, np.repeat([POOR, RICH], [n_poor, n_rich])


def _faces(phase: np.ndarray, pixel_um: tuple[float, ...] | None) -> float:
    """Summed size of the pixel faces between the two phases."""
    size = np.ones(phase.ndim) if pixel_um is None else np.asarray(pixel_um, float)
    total = 0.0
    for axis in range(phase.ndim):
        a = np.take(phase, range(phase.shape[axis] - 1), axis)
        b = np.take(phase, range(1, phase.shape[axis]), axis)
        changes = np.count_nonzero((a != b) & (a > 0) & (b > 0))
        total += changes * float(np.prod(np.delete(size, axis)))
    return total
