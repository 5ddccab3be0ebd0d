"""Correcting a segmentation by hand: merge, split, exclude. Labels that are not touched stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.label_table import present_labels
from socwidgets.analysis.segmentation import flag_particles
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import spacing_of


def merge_labels(labels: xr.DataArray, chosen: Iterable[int]) -> xr.DataArray:
    """Make one particle of several.

    Parameters
    ----------
    labels : xarray.DataArray
        ``(y, x)`` or ``(z, y, x)`` integer, 0 = background.
    chosen : iterable of int
        Two labels or more; the result has the lowest of them.

    Returns
    -------
    xarray.DataArray
        A new label image, int32, flags renewed.

    Raises
    ------
    ParameterError
        If a label does not occur, or fewer than two are given.
    """
    ids = _existing(labels, chosen)
    if len(ids) < 2:
        raise ParameterError("merging needs two particles", expected="two labels", found=str(ids))
    values = labels.values.astype(np.int32)
    values[np.isin(values, ids)] = min(ids)
    return flag_particles(labels.copy(data=values))


def exclude_labels(
    labels: xr.DataArray, chosen: Iterable[int] = (), *, border: bool = False, small: bool = False
) -> xr.DataArray:
    """Turn particles into background.

    Parameters
    ----------
    labels : xarray.DataArray
        Integer, 0 = background, flags as `segment_particles` sets them.
    chosen : iterable of int
        Labels to exclude.
    border, small : bool
        Also all that touch the border, or are flagged as too small.

    Returns
    -------
    xarray.DataArray
        The labels, flags renewed; numbers are kept.

    Raises
    ------
    ParameterError
        If a label does not occur.
    """
    ids = _existing(labels, chosen)
    flagged = flag_particles(labels)
    ids += flagged.attrs["touches_border"] if border else []
    ids += flagged.attrs["too_small"] if small else []
    values = labels.values.astype(np.int32)
    values[np.isin(values, ids)] = 0
    return flag_particles(labels.copy(data=values))


def split_label(
    labels: xr.DataArray, chosen: int, points: Sequence[Sequence[float]] | int = 2
) -> xr.DataArray:
    """Make several particles of one.

    Parameters
    ----------
    labels : xarray.DataArray
        Integer, 0 = background.
    chosen : int
        The label to split; its first part keeps the number, the others get new ones.
    points : sequence of points, or int
        One point inside each part, in the coordinates of the image (y, x or z, y, x): the cut
        follows the valley of the distance from the surface between them. Or the number of parts,
        cut across the long axis.

    Returns
    -------
    xarray.DataArray
        The labels, flags renewed.

    Raises
    ------
    ParameterError
        If the label does not occur, or fewer than two parts come out.
    DataError
        If a point lies outside the particle.
    """
    from skimage.segmentation import watershed

    (label,) = _existing(labels, [chosen])
    inside = labels.values == label
    if isinstance(points, int):
        parts = _along_axis(labels, inside, points)
    else:
        seeds = np.zeros(inside.shape, np.int32)
        for number, point in enumerate(points, start=1):
            seeds[_pixel(labels, inside, point)] = number
        depth = ndimage.distance_transform_edt(inside, sampling=spacing_of(labels))
        parts = watershed(-ndimage.gaussian_filter(depth, 1.0), seeds, mask=inside)
    found = present_labels(parts)
    if found.size < 2:
        raise ParameterError(
            f"particle {label} was not split",
            expected="two points or more in different pixels",
            found=f"{found.size} part",
        )
    values = labels.values.astype(np.int32)
    free = int(values.max()) + 1
    for number, part in enumerate(found[1:]):
        values[parts == part] = free + number
    return flag_particles(labels.copy(data=values))


def _existing(labels: xr.DataArray, chosen: Iterable[int]) -> list[int]:
    ids = sorted({int(i) for i in chosen})
    there = set(present_labels(labels.values).tolist())
    missing = [i for i in ids if i not in there]
    if missing:
        raise ParameterError(
            "there is no such particle",
            expected=f"labels that occur ({len(there)} do)",
            found=", ".join(map(str, missing)),
        )
    return ids


def _pixel(labels: xr.DataArray, inside: np.ndarray, point: Sequence[float]) -> tuple[int, ...]:
    if len(point) != labels.ndim:
        raise DataError(
            "a point does not fit the image",
            expected=f"{labels.ndim} coordinates ({', '.join(map(str, labels.dims))})",
            found=str(tuple(point)),
        )
    place = tuple(
        int(np.argmin(np.abs(labels[dim].values - value)))
        for dim, value in zip(labels.dims, point, strict=True)
    )
    if not inside[place]:
        raise DataError(
            f"the point {tuple(point)} lies outside the particle",
            expected="a point inside each part",
            found="background or another particle",
        )
    return place


def _along_axis(labels: xr.DataArray, inside: np.ndarray, parts: int) -> np.ndarray:
    """Cut across the long axis into pieces of equal size."""
    place = np.argwhere(inside) * np.asarray(spacing_of(labels))
    centered = place - place.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    along = centered @ axes[:, -1]
    cuts = np.quantile(along, np.linspace(0, 1, max(parts, 1) + 1)[1:-1])
    found = np.zeros(inside.shape, np.int32)
    found[inside] = 1 + np.searchsorted(cuts, along, side="left")
    return found
