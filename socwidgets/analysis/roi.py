"""Pixels and spectra of regions of interest: a question of data, not of widgets."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import is_lazy
from socwidgets.analysis.roi_index import flat_signal, region_sums, spectrum_of
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim
from socwidgets.model.roi import ROI, Area, Ellipse, Polygon, Rectangle, Shape, Threshold


def roi_mask(
    roi: ROI | Shape, like: xr.Dataset | xr.DataArray, maps: xr.Dataset | None = None
) -> xr.DataArray:
    """Pixels whose center lies in a region.

    Parameters
    ----------
    roi : ROI or shape
        Geometry in um.
    like : xarray.Dataset or DataArray
        Anything with the coordinates ``y`` and ``x``.
    maps : xarray.Dataset, optional
        Map set that a `Threshold` looks its variable up in; `like` if left out.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` bool. Borders count as inside for rectangles, ellipses and thresholds; NaN never
        belongs to a threshold.

    Raises
    ------
    DataError
        If a threshold names a map that is not there.
    """
    shape = roi.shape if isinstance(roi, ROI) else roi
    y, x = like[Y].values, like[X].values
    if isinstance(shape, Rectangle):
        x0, x1 = sorted((shape.x0, shape.x1))
        y0, y1 = sorted((shape.y0, shape.y1))
        inside = ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))[None, :]
    elif isinstance(shape, Ellipse):
        rx, ry = max(abs(shape.rx), 1e-12), max(abs(shape.ry), 1e-12)
        inside = ((y - shape.cy) / ry)[:, None] ** 2 + ((x - shape.cx) / rx)[None, :] ** 2 <= 1.0
    elif isinstance(shape, Polygon):
        inside = _polygon_mask([np.array(shape.vertices)], y, x)
    elif isinstance(shape, Area):
        inside = _polygon_mask([np.array(ring) for ring in shape.rings], y, x)
    else:
        inside = _threshold_mask(shape, like if maps is None else maps)
    return xr.DataArray(inside, {Y: like[Y], X: like[X]}, (Y, X), name="roi")


def _polygon_mask(rings: list[np.ndarray], y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Even-odd rule: a pixel is inside after an odd number of edges to its left.

    Each crossing of an edge with a row of pixels toggles everything to its right; the sum of the
    toggles along a row, modulo two, is the mask. Coordinates may rise or fall.
    """
    inside = np.zeros((y.size, x.size), dtype=bool)
    rows, cuts = _crossings(rings, y)
    if not rows.size:
        return inside
    falls = x.size > 1 and x[-1] < x[0]
    # Left of the first pixel whose center is beyond the crossing, in rising order.
    columns = np.searchsorted(x[::-1] if falls else x, cuts)
    first, last = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max())
    toggles = np.zeros((last - first, right - left + 1), np.uint8)
    np.add.at(toggles, (rows - first, columns - left), 1)
    # Sums wrap at 256, which keeps their parity.
    parity = np.cumsum(toggles[:, :-1], axis=1, dtype=np.uint8) & 1
    view = inside[:, ::-1] if falls else inside
    view[first:last, left:right] = parity
    return inside


def _crossings(rings: list[np.ndarray], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and x of each crossing of an edge with the line through the centers of a row."""
    (x0, y0), (x1, y1) = (
        np.concatenate([np.roll(ring, shift, axis=0) for ring in rings]).T for shift in (0, -1)
    )
    order = np.argsort(y, kind="stable")
    ranked = y[order]
    # Half-open in y, so that a vertex on a row counts once.
    first = np.searchsorted(ranked, np.minimum(y0, y1), side="left")
    count = np.searchsorted(ranked, np.maximum(y0, y1), side="left") - first
    edge = np.repeat(np.arange(count.size), count)
    within = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    rows = order[first[edge] + within]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    return rows, x0[edge] + (y[rows] - y0[edge]) * slope


def _threshold_mask(shape: Threshold, maps: xr.Dataset | xr.DataArray) -> np.ndarray:
    if not isinstance(maps, xr.Dataset) or shape.variable not in maps:
        names = ", ".join(map(str, maps.data_vars)) if isinstance(maps, xr.Dataset) else "none"
        raise DataError(
            f"there is no map {shape.variable!r} for this threshold",
            expected=f"one of {names}",
            fix="pass maps= with the map set that the threshold was made on",
        )
    values = maps[shape.variable].values
    low, high = sorted((shape.low, shape.high))
    return (values >= low) & (values <= high)


def roi_spectrum(stack: xr.Dataset, mask: xr.DataArray) -> xr.Dataset:
    """Mean spectrum of the pixels of a mask.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``, numpy or dask.
    mask : xarray.DataArray
        ``(y, x)`` bool.

    Returns
    -------
    xarray.Dataset
        Over the spectral dim: ``mean``, ``std`` (population, the spread between pixels), ``sem``
        (standard error of the mean for independent pixels) and ``count`` of finite samples. NaN
        samples are left out; an empty mask gives NaN and zero counts.
    """
    if not is_lazy(stack[SIGNAL]):
        return spectrum_of(stack, region_sums(flat_signal(stack), mask.values.ravel(), 2), mask)
    rows, columns = _bounding_box(mask.values)
    part = stack[[SIGNAL]].isel({Y: rows, X: columns})
    inside = mask.values[rows, columns].ravel()
    return spectrum_of(stack, region_sums(flat_signal(part), inside, 2), mask)


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def label_spectra(stack: xr.Dataset, labels: xr.DataArray) -> xr.DataArray:
    """Mean spectrum of every labelled particle.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``.
    labels : xarray.DataArray
        ``(y, x)`` integer, 0 = background.

    Returns
    -------
    xarray.DataArray
        ``(particle, spectral)``; NaN samples are left out.
    """
    dim = spectral_dim(stack[SIGNAL])
    flat = labels.values.ravel()
    regions = int(flat.max(initial=0)) + 1
    ids = np.unique(flat[flat > 0])
    if is_lazy(stack[SIGNAL]):
        # Frame by frame: no more than one image in memory.
        frames = (stack[[SIGNAL]].isel({dim: [e]}) for e in range(stack.sizes[dim]))
        means = [region_sums(flat_signal(frame), flat, regions).moments()[0] for frame in frames]
        mean = np.concatenate(means)
    else:
        mean = region_sums(flat_signal(stack), flat, regions).moments()[0]
    return xr.DataArray(mean.T[ids], {"particle": ids, dim: stack[dim]}, ("particle", dim))
