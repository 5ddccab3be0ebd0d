"""Particles from a thickness or edge-jump map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import LABELS, X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import pixel_size_um


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationParameters(Parameters):
    """Parameters of the segmentation into particles."""

    threshold: float | None = param(
        None, "Lowest thickness of a particle, in the map's units; empty for Otsu's choice."
    )
    min_area_um2: float = param(0.05, "Smaller objects are dropped.", unit="um^2", low=0.0)
    separation_um: float = param(
        0.3, "Touching particles whose centres are further apart than this are split.",
        unit="um", low=0.0,
    )  # fmt: skip
    smooth_px: float = param(1.0, "Gaussian smoothing before the threshold.", unit="px", low=0.0)


def segment_particles(
    thickness: xr.DataArray, params: SegmentationParameters | None = None, **changes: Any
) -> xr.DataArray:
    """Label particles by a threshold and a distance-transform watershed.

    Parameters
    ----------
    thickness : xarray.DataArray
        ``(y, x)``, any map that is high on particles; NaN is background.
    params : SegmentationParameters, optional
        `changes` are laid over them.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` int32, 0 = background, 1..n by size, largest first. ``attrs["touches_border"]``
        lists the labels cut by the field's edge, ``attrs["threshold"]`` says what was used.

    Raises
    ------
    DataError
        If the map has no finite value or is flat.
    """
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.segmentation import watershed

    given = params.to_dict() if params is not None else {}
    chosen = SegmentationParameters.from_mapping({**given, **changes})
    if thickness.dims != (Y, X):
        raise DataError(
            "segmentation needs one image", expected="(y, x)", found=str(thickness.dims)
        )
    values = np.asarray(thickness.values, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.any() or np.ptp(values[finite]) == 0:
        raise DataError(
            "there is nothing to segment", expected="a map with contrast", found="flat or all NaN"
        )
    filled = np.where(finite, values, values[finite].min())
    smooth = ndimage.gaussian_filter(filled, chosen.smooth_px) if chosen.smooth_px else filled
    threshold = chosen.threshold if chosen.threshold is not None else float(threshold_otsu(smooth))
    solid = (smooth > threshold) & finite
    size_y, size_x = np.nan_to_num(pixel_size_um(thickness), nan=1.0)
    depth = ndimage.distance_transform_edt(solid, sampling=(size_y, size_x))
    islands, _ = ndimage.label(solid)
    reach = max(1, round(chosen.separation_um / max(size_y, size_x)))
    # Smoothed depth: a ragged outline must not make a particle fall apart.
    peaks = peak_local_max(
        ndimage.gaussian_filter(depth, 1.0),
        min_distance=reach,
        labels=islands,
        exclude_border=False,
    )
    seeds = np.zeros(solid.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, seeds, mask=solid)
    labels = _by_size(labels, chosen.min_area_um2 / (size_y * size_x))
    result = thickness.copy(data=labels).rename(LABELS)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    result.attrs = {
        "long_name": "Particle",
        "units": "1",
        "threshold": threshold,
        "touches_border": [int(label) for label in border if label],
    }
    return result


def _by_size(labels: np.ndarray, min_pixels: float) -> np.ndarray:
    """Renumber by decreasing area; labels with fewer pixels than the limit become background."""
    area = np.bincount(labels.ravel())
    area[0] = 0
    order = np.argsort(area, kind="stable")[::-1]
    kept = order[area[order] >= max(min_pixels, 1)]
    table = np.zeros(area.size, dtype=np.int32)
    table[kept] = np.arange(1, kept.size + 1)
    return table[labels]
