"""Whether maps and labels are what a statistic needs: one image or volume, particles that fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import X, Y
from socwidgets.model.stack import spacing_of

#: Third dimension of a volume.
Z = "z"

#: Tables are made for every number up to the largest label.
_FREE_LABELS = 1_000_000


def map_of(maps: xr.Dataset, variable: str) -> xr.DataArray:
    """One map of a map set, in the order of `image_dims`.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set.
    variable : str
        The map, ``(y, x)`` or ``(z, y, x)``.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` or ``(z, y, x)``.

    Raises
    ------
    DataError
        If `maps` is no Dataset, has no such map, or the map is a series.
    """
    if not isinstance(maps, xr.Dataset):
        raise DataError(
            "these are not maps",
            expected=f"an xarray.Dataset with {variable!r}, {variable}_std and status",
            found=type(maps).__name__,
            fix="pass the result of soc_map; a single map becomes one with to_dataset(name=...)",
        )
    if variable not in maps:
        names = ", ".join(str(name) for name in maps.data_vars)
        raise DataError(f"there is no map {variable!r}", expected=f"one of {names}")
    return maps[variable].transpose(*image_dims(maps[variable]))


def image_dims(field: xr.DataArray) -> tuple[str, ...]:
    """``(y, x)`` or ``(z, y, x)`` of one map.

    Raises
    ------
    DataError
        If the map has other dimensions, such as a series of states.
    """
    if not isinstance(field, xr.DataArray):
        raise DataError(
            "this is no map", expected="an xarray.DataArray (y, x) or (z, y, x)",
            found=type(field).__name__, fix="xr.DataArray(array, dims=('y', 'x'))",
        )  # fmt: skip
    found = {str(dim) for dim in field.dims}
    if found == {Y, X}:
        return (Y, X)
    if found == {Z, Y, X}:
        return (Z, Y, X)
    raise DataError(
        f"{field.name!r} is not one image or one volume",
        expected="dims (y, x) or (z, y, x)",
        found=str(tuple(map(str, field.dims))),
        fix="choose one of a series, for instance maps.isel(state=0)",
    )


def like_map(found: xr.DataArray, name: str, field: xr.DataArray) -> np.ndarray:
    """Values of a map that goes with another one, in that one's order.

    Parameters
    ----------
    found : xarray.DataArray
        Same dims and sizes as `field`.
    name : str
        For the error.
    field : xarray.DataArray
        The other map.

    Returns
    -------
    ndarray
        Of the shape of `field`.

    Raises
    ------
    DataError
        If dims or sizes differ.
    """
    if set(found.dims) != set(field.dims) or dict(found.sizes) != dict(field.sizes):
        raise DataError(
            f"{name!r} does not fit the map",
            expected=str(dict(field.sizes)),
            found=str(dict(found.sizes)),
        )
    return np.asarray(found.transpose(*field.dims).values)


def spacing_um(field: xr.DataArray) -> tuple[float, ...]:
    """Pixel size along each dimension of `image_dims`, as `socwidgets.model.stack.spacing_of`."""
    return spacing_of(field.transpose(*image_dims(field)))


def fitting_labels(labels: xr.DataArray, field: xr.DataArray) -> np.ndarray:
    """Labels as an array of whole numbers that fits the map.

    Parameters
    ----------
    labels : xarray.DataArray
        Integer, 0 = background, of the map's dims in any order (or without names that differ).
    field : xarray.DataArray
        The map, in the order of `image_dims`.

    Returns
    -------
    ndarray
        Integer, of the shape of `field`, 0 = background.

    Raises
    ------
    DataError
        If the labels are no DataArray, the shapes differ, the pixels lie elsewhere, or labels are
        negative, not whole numbers or needlessly large.
    """
    if not isinstance(labels, xr.DataArray):
        raise DataError(
            "labels are not a DataArray",
            expected=f"{tuple(map(str, field.dims))} of {field.shape}",
            found=type(labels).__name__,
            fix="maps.soc.copy(data=labels) puts an array in place",
        )
    if set(labels.dims) == set(field.dims):
        labels = labels.transpose(*field.dims)
    if labels.shape != field.shape:
        raise DataError(
            "the labels do not fit the map",
            expected=f"{tuple(map(str, field.dims))} of {field.shape}",
            found=str(labels.shape),
        )
    _check_places(labels, field)
    values = labels.values
    if values.dtype.kind not in "iub" or (values.size and values.min() < 0):
        raise DataError(
            "labels must be whole numbers from 0",
            expected="0 for the background, one positive number per particle",
            found=f"{labels.dtype}" + (f" from {values.min()}" if values.size else ""),
        )
    largest = int(values.max(initial=0))
    if largest > max(_FREE_LABELS, 4 * values.size):
        raise DataError(
            "a label is far larger than there can be particles",
            expected=f"numbers up to {max(_FREE_LABELS, 4 * values.size)}",
            found=str(largest),
            fix="skimage.segmentation.relabel_sequential numbers them from 1",
        )
    return values.astype(np.int32) if values.dtype.kind == "b" else values


def _check_places(labels: xr.DataArray, field: xr.DataArray) -> None:
    """Refuse labels of another place or pixel size."""
    for dim, step in zip(image_dims(field), spacing_um(field), strict=True):
        if dim not in labels.coords or dim not in field.coords:
            continue
        here, there = (np.asarray(a[dim].values, dtype=np.float64) for a in (field, labels))
        if here.shape == there.shape and np.any(np.abs(here - there) > 0.5 * step):
            raise DataError(
                "the labels lie elsewhere than the map",
                expected=_span(dim, here),
                found=_span(dim, there),
                fix="crop or move both alike, or drop the coordinates of the labels",
            )


def _span(dim: str, axis: Any) -> str:
    return f"{dim} from {axis[0]:g} to {axis[-1]:g}"
