"""Statistics of every particle of a map: moments, quantiles, profiles by depth."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.blocks import processors
from socwidgets.analysis.roi_index import region_sums
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import X, Y
from socwidgets.model.stack import pixel_size_um, positions_at

#: Quantiles that `label_statistics` gives unless told.
QUARTILES = (0.25, 0.5, 0.75)


def label_statistics(
    values: xr.DataArray,
    labels: xr.DataArray,
    weights: xr.DataArray | None = None,
    quantiles: Sequence[float] = QUARTILES,
) -> pd.DataFrame:
    """Describe the pixels of every label.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``; pixels that are not finite are left out.
    labels : xarray.DataArray
        ``(y, x)`` integer, 0 = background.
    weights : xarray.DataArray, optional
        ``(y, x)``, for instance the thickness. Weights that are not above zero count as none.
    quantiles : sequence of float
        In [0, 1], any order; may be empty.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``label``, a row for every label that occurs: ``n_pixels`` (finite ones),
        ``mean``, ``std`` (population), ``min``, ``max``, ``y`` and ``x`` (mean position of those
        pixels, in the unit of the coordinates, or pixels), one ``q<percent>`` per quantile, and
        with weights ``weight`` (their sum), ``weighted_mean`` and ``weighted_std``. NaN where a
        label has no finite pixel.

    Raises
    ------
    DataError
        If the shapes differ, or labels are negative or not integer.
    ParameterError
        If a quantile is outside [0, 1].
    """
    from socwidgets.kernels.labels import COLUMNS, label_sums

    v, flat = _aligned(values, labels)
    w = v if weights is None else _floating(_like(weights, labels))
    levels = np.asarray(quantiles, dtype=np.float64)
    if levels.size and not ((levels >= 0) & (levels <= 1)).all():
        raise ParameterError(
            "a quantile is out of range", expected="numbers from 0 to 1", found=str(list(quantiles))
        )
    ids = present_labels(flat)
    table = np.empty((int(flat.max(initial=0)) + 1, len(COLUMNS)))
    label_sums(v, flat, w, weights is not None, table)
    sums = pd.DataFrame(table[ids], columns=list(COLUMNS), index=pd.Index(ids, name="label"))
    frame = _moments(sums, weights is not None, values)
    if levels.size:
        found = _quantiles(v, flat, table[:, 0].astype(np.intp), np.sort(levels))[ids]
        for column, level in zip(found.T, np.sort(levels), strict=True):
            frame[f"q{100 * level:g}"] = column
    return frame


def present_labels(labels: np.ndarray) -> np.ndarray:
    """Labels that occur in an integer image, ascending, without 0; linear in the pixels."""
    seen = np.zeros(int(labels.max(initial=0)) + 1, dtype=bool)
    seen[labels.ravel()] = True
    seen[0] = False
    return np.flatnonzero(seen)


def _moments(sums: pd.DataFrame, weighted: bool, like: xr.DataArray) -> pd.DataFrame:
    count = sums["count"].where(sums["count"] > 0)
    shifted = sums.total / count
    frame = pd.DataFrame(index=sums.index)
    frame["n_pixels"] = sums["count"].astype(np.int64)
    frame["mean"] = sums.reference + shifted
    frame["std"] = np.sqrt(np.maximum(sums.square / count - shifted**2, 0.0))
    frame["min"], frame["max"] = sums.low.where(count > 0), sums.high.where(count > 0)
    frame["y"] = positions_at(like, Y, sums.y / count)
    frame["x"] = positions_at(like, X, sums.x / count)
    if weighted:
        total = sums.weight.where(sums.weight > 0)
        shifted = sums.weighted / total
        frame["weight"] = sums.weight
        frame["weighted_mean"] = sums.reference + shifted
        frame["weighted_std"] = np.sqrt(np.maximum(sums.weighted_square / total - shifted**2, 0.0))
    return frame


def _quantiles(
    values: np.ndarray, labels: np.ndarray, counts: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """``(labels, Q)``; labels are shared out among threads by their number of pixels."""
    from socwidgets.kernels.labels import quantiles, sort_by_label

    counts[0] = 0
    end = np.cumsum(counts)
    begin = end - counts
    ordered = np.empty(int(end[-1]), values.dtype)
    sort_by_label(values, labels, begin.copy(), ordered)
    result = np.empty((counts.size, levels.size))
    workers = processors()
    shares = np.searchsorted(end, np.linspace(0, end[-1], workers + 1)[1:-1])
    cuts = [0, *shares.tolist(), counts.size]
    with ThreadPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(quantiles, ordered, begin, end, levels, first, last, result)
            for first, last in pairwise(cuts)
        ]
        for job in jobs:
            job.result()
    return result


def label_profiles(
    values: xr.DataArray, labels: xr.DataArray, *, bins: int = 10, depth: xr.DataArray | None = None
) -> xr.Dataset:
    """Mean of a map by depth below the surface of every particle.

    Parameters
    ----------
    values, labels : xarray.DataArray
        ``(y, x)``; pixels that are not finite are left out.
    bins : int
        Bins of equal width in relative depth, from the surface (0) to the deepest pixel (1).
    depth : xarray.DataArray, optional
        ``(y, x)``, distance from the surface; from `surface_depth` if left out.

    Returns
    -------
    xarray.Dataset
        ``(particle, depth)``: ``mean``, ``std`` (population), ``count``; ``depth`` is the middle of
        the bin. NaN where a bin has no pixel.

    Raises
    ------
    ParameterError
        If there is no bin.
    DataError
        If the maps do not fit.
    """
    from socwidgets.kernels.labels import depth_bins

    if bins < 1:
        raise ParameterError("there must be a bin", expected="bins >= 1", found=str(bins))
    v, flat = _aligned(values, labels)
    distance = _like(surface_depth(labels) if depth is None else depth, labels)
    binned = np.empty(flat.shape, np.int32)
    depth_bins(flat, _floating(distance), bins, binned)
    largest = int(flat.max(initial=0))
    sums = region_sums(v.reshape(1, -1), binned.ravel(), largest * bins + 1)
    ids = present_labels(flat)
    parts = {
        name: moment[0, 1:].reshape(largest, bins)[ids - 1]
        for name, moment in zip(("mean", "std", "count"), sums.moments(), strict=True)
    }
    coords = {"particle": ids, "depth": (np.arange(bins) + 0.5) / bins}
    return xr.Dataset({k: (("particle", "depth"), a) for k, a in parts.items()}, coords)


def surface_depth(labels: xr.DataArray) -> xr.DataArray:
    """Distance of each pixel of a particle from the particle's surface.

    Parameters
    ----------
    labels : xarray.DataArray
        ``(y, x)`` integer, 0 = background.

    Returns
    -------
    xarray.DataArray
        ``(y, x)``, um where the pixel size is known, else pixels; 0 in the background, one pixel
        for pixels that touch it. The edge of the image is no surface: what lies beyond is not
        known. Where particles touch, the pixels on either side count as their surface.

    Raises
    ------
    DataError
        If one label covers everything.
    """
    from socwidgets.kernels.distance import surface_distance

    flat = labels.transpose(Y, X).values
    size = np.asarray(pixel_size_um(labels), dtype=float)
    depth = surface_distance(flat, tuple(np.where(np.isfinite(size) & (size > 0), size, 1.0)))
    if not np.isfinite(depth).all():
        raise DataError(
            "the particle has no surface",
            expected="background pixels, or a second particle",
            found="one label on every pixel",
        )
    coords = {d: labels[d] for d in (Y, X) if d in labels.coords}
    return xr.DataArray(depth, coords, (Y, X), name="depth")


def _aligned(values: xr.DataArray, labels: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Values and labels as contiguous ``(y, x)`` arrays of a type that is compiled already."""
    flat = labels.transpose(Y, X).values
    if flat.dtype.kind not in "iu" or (flat.size and flat.min() < 0):
        raise DataError(
            "labels must be integers from 0",
            expected="0 for the background, one positive number per particle",
            found=f"{flat.dtype}" + (f" from {flat.min()}" if flat.size else ""),
        )
    return _floating(_like(values, labels)), np.ascontiguousarray(flat, dtype=np.int32)


def _like(array: xr.DataArray, labels: xr.DataArray) -> np.ndarray:
    if set(array.dims) != {Y, X} or array.size != labels.size:
        raise DataError(
            "the map does not fit the labels",
            expected=f"(y, x) of {(labels.sizes[Y], labels.sizes[X])}",
            found=f"{array.dims} of {array.shape}",
        )
    return array.transpose(Y, X).values


def _floating(values: np.ndarray) -> np.ndarray:
    kind = values.dtype if values.dtype in (np.float32, np.float64) else np.float64
    return np.ascontiguousarray(values, dtype=kind)
