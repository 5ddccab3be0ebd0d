"""Particles from a thickness or edge-jump map, in an image or a volume."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.basins import join_rods, merge_basins
from socwidgets.analysis.particle_levels import (
    Levels,
    automatic_levels,
    half_height,
    own_heights,
    without_slope,
)
from socwidgets.model.errors import DataError
from socwidgets.model.names import LABELS, X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import spacing_of
from socwidgets.model.watch import Progress, Watch

#: Third dimension of a volume.
Z = "z"
#: Noise over height from which the landscape of the watershed is smoothed more.
_NOISY = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationParameters(Parameters):
    """Parameters of the segmentation into particles."""

    threshold: float | None = param(
        None, "Lowest thickness of a particle, in the map's units; empty for Otsu's choice."
    )
    otsu_share: float = param(
        0.7, "Without a threshold: the outline lies at 0.4 of this share of a particle's height "
        "(in an image); more cuts rims off.", low=0.05, high=1.5,
    )  # fmt: skip
    min_area_um2: float = param(0.05, "Smaller objects are too small.", unit="um^2", low=0.0)
    keep_small: bool = param(False, "Keep objects that are too small, and flag them.")
    separation_um: float = param(
        0.2, "Touching particles whose centers are further apart than this are split.",
        unit="um", low=0.0,
    )  # fmt: skip
    neck: float = param(
        0.8, "Two parts are one particle if the neck between them is higher than this share of the "
        "lower part, or than three quarters of that where both make a straight rod.",
        low=0.0, high=1.0,
    )  # fmt: skip
    smooth_px: float = param(1.0, "Gaussian smoothing before the threshold.", unit="px", low=0.0)


def segment_particles(
    thickness: xr.DataArray,
    params: SegmentationParameters | None = None,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.DataArray:
    """Label particles by a threshold and a watershed.

    Parameters
    ----------
    thickness : xarray.DataArray
        ``(y, x)`` or ``(z, y, x)``, any map that is high on particles; NaN is background.
    params : SegmentationParameters, optional
        `changes` are laid over them.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.DataArray
        Of the shape of `thickness`, int32, 0 = background, 1..n by size, largest first.
        ``attrs["touches_border"]`` lists the labels cut by the field's edge,
        ``attrs["too_small"]`` those that are smaller than the limit (empty unless they are kept),
        ``attrs["threshold"]`` is the given one, or the lowest height that counted as a particle.

    Raises
    ------
    DataError
        If the map has no finite value or is flat, or is neither an image nor a volume.
    CancelledError
        If `cancel` was set.

    Notes
    -----
    Without a threshold, a slope of the background is taken out, every summit that is clear of the
    background's scatter gets a basin, and the pixels that are high for their own basin are flooded
    again: thin particles are found beside thick ones, and halos are cut off. The watershed floods
    distance from the surface times thickness: a neck is narrow, thin, or both, and either alone
    misses some. Basins divided by a high neck are joined afterwards, which needs no scale, unlike
    smoothing until there are few enough maxima.
    """
    chosen = SegmentationParameters.merged(params, changes)
    dims = tuple(thickness.dims)
    if not isinstance(thickness, xr.DataArray) or dims not in ((Y, X), (Z, Y, X)):
        raise DataError(
            "segmentation needs one image or one volume",
            expected="a DataArray (y, x) or (z, y, x)",
            found=f"{type(thickness).__name__} {dims}",
            fix="pass one map of the set, such as maps['edge_jump'], and one state of a series",
        )
    watch = Watch(progress, cancel)
    watch(0, 1)
    values = np.asarray(thickness.values, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.any() or np.ptp(values[finite]) == 0:
        raise DataError(
            "there is nothing to segment", expected="a map with contrast", found="flat or all NaN"
        )
    filled = np.where(finite, values, values[finite].min())
    automatic = chosen.threshold is None
    filled = without_slope(filled, finite) if automatic else filled
    smooth = ndimage.gaussian_filter(filled, chosen.smooth_px) if chosen.smooth_px else filled
    spacing = spacing_of(thickness)
    levels = Levels(chosen.threshold or 0.0, 0.0, 0.0)
    if automatic:
        levels = automatic_levels(smooth, chosen.otsu_share)
    flood = partial(_basins, smooth=smooth, spacing=spacing, chosen=chosen, noise=levels.noise)
    solid = (smooth > levels.faint) & finite
    watch(1, 6)
    if automatic:
        solid &= own_heights(flood(solid)[0], smooth, levels, chosen.otsu_share)
    watch(3, 6)
    basins, height = flood(solid)
    watch(5, 6)
    joined = merge_basins(basins, height, chosen.neck)
    if joined.ndim == 2:
        joined = join_rods(joined, height, chosen.neck)
    if automatic and joined.ndim == 3:
        # A voxel holds no thickness: half of the height is the edge.
        joined = half_height(joined, smooth, levels.background)
    labels, small = _by_size(joined, spacing, chosen)
    result = thickness.copy(data=labels).rename(LABELS)
    result.attrs = {"long_name": "Particle", "units": "1", "threshold": float(levels.faint)}
    return flag_particles(result, too_small=small)


def flag_particles(labels: xr.DataArray, too_small: list[int] | None = None) -> xr.DataArray:
    """Renew the flags of a label image: which labels touch the border, which are too small.

    Parameters
    ----------
    labels : xarray.DataArray
        ``(y, x)`` or ``(z, y, x)`` integer; its attributes are kept. A border is a face of the
        image; the first and last layer of a volume count where it has more than one.
    too_small : list of int, optional
        The labels that are too small; those of the attributes that still occur if left out.

    Returns
    -------
    xarray.DataArray
        A copy with ``attrs["touches_border"]`` and ``attrs["too_small"]``, lists of labels.
    """
    values = labels.values
    faces = [
        np.unique(np.take(values, end, axis=axis))
        for axis in range(values.ndim)
        for end in (0, -1)
        if values.shape[axis] > 1
    ]
    border = np.unique(np.concatenate(faces)) if faces else np.zeros(0, int)
    known = labels.attrs.get("too_small", []) if too_small is None else too_small
    seen = np.zeros(int(values.max(initial=0)) + 1, dtype=bool)
    seen[values.ravel()] = True
    small = [int(i) for i in np.atleast_1d(known) if i < seen.size and seen[i]]
    result = labels.copy()
    result.attrs = {
        **labels.attrs,
        "touches_border": [int(label) for label in border if label],
        "too_small": small,
    }
    return result


def _basins(
    solid: np.ndarray,
    *,
    smooth: np.ndarray,
    spacing: tuple[float, ...],
    chosen: SegmentationParameters,
    noise: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Basins of the watershed of what is solid, and the landscape that was flooded."""
    from socwidgets.kernels.flood import basins, summits

    height = _landscape(solid, smooth, spacing, noisy=noise > _NOISY)
    reach = max(1, round(chosen.separation_um / max(spacing) / 2))
    top = summits(height, solid, reach)
    seeds, _ = ndimage.label(top, np.ones((3,) * top.ndim))
    return basins(height, seeds, solid), height


def _landscape(
    solid: np.ndarray, smooth: np.ndarray, spacing: tuple[float, ...], noisy: bool
) -> np.ndarray:
    """Distance from the surface times thickness, smoothed against ragged outlines and noise.

    More smoothing than that would fill the necks of small particles.
    """
    from socwidgets.kernels.distance import distance_inside

    depth = distance_inside(solid, spacing)
    width = 1.5 if noisy else 1.0
    thickness = ndimage.gaussian_filter(smooth, width) if noisy else smooth
    height = ndimage.gaussian_filter(depth, width) * np.maximum(thickness, 0.0)
    return np.where(solid, height, 0.0)


def _by_size(
    labels: np.ndarray, spacing: tuple[float, ...], chosen: SegmentationParameters
) -> tuple[np.ndarray, list[int]]:
    """Renumber by decreasing size; labels below the limit become background or are listed."""
    area = np.bincount(labels.ravel())
    area[0] = 0
    pixels = _least_pixels(chosen, spacing)
    order = np.argsort(area, kind="stable")[::-1]
    order = order[area[order] > 0]
    kept = order if chosen.keep_small else order[area[order] >= pixels]
    table = np.zeros(area.size, dtype=np.int32)
    table[kept] = np.arange(1, kept.size + 1)
    return table[labels], [int(table[i]) for i in kept if area[i] < pixels]


def _least_pixels(chosen: SegmentationParameters, spacing: tuple[float, ...]) -> float:
    """Pixels of the smallest particle."""
    limit = chosen.min_area_um2
    if len(spacing) == 3:
        # The sphere whose section has that area.
        limit = 4.0 / 3.0 * np.pi * (limit / np.pi) ** 1.5
    return max(limit / float(np.prod(spacing)), 1.0)
