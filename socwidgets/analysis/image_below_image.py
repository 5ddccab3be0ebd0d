"""Volumes and series for what knows single images: their images are laid below each other.

A decomposition, or a grouping of spectra, does not ask which pixels are neighbors. The images of a
volume or of a series are one tall image to it, and what it finds is common to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import COMPONENT, SIGNAL, SIGNAL_STD, STATUS, VALID, X, Y, spectral_dim
from socwidgets.model.stack import validate_stack

_SCORES = "scores"
#: What is laid out anew; all else that has pixels is not looked at by these functions.
_IMAGES = (SIGNAL, SIGNAL_STD, VALID, STATUS, _SCORES)
F = TypeVar("F", bound=Callable[..., xr.Dataset])


def any_images(function: F) -> F:
    """Let a function of one image series take leading dims, of its input, mask and result.

    The function takes a stack ``(spectral, y, x)``, or components with ``scores`` ``(component, y,
    x)``, and a `mask` ``(y, x)``. With leading dims it gets all images below each other, and maps
    in its result have the leading dims again.
    """

    @wraps(function)
    def call(data: xr.Dataset, *args: Any, **options: Any) -> xr.Dataset:
        lead = leading_dims(data)
        if not lead:
            return function(data, *args, **options)
        mask = options.get("mask")
        tall, options["mask"] = one_image(data, mask)
        if mask is None:
            del options["mask"]
        found = function(tall, *args, **options)
        result = _apart(found, data, lead)
        last = provenance.steps(found)[-1]
        called = {**last["parameters"], **({} if mask is None else {"mask": mask})}
        return provenance.record(result, last["function"], called, source=data)

    return cast(F, call)


def leading_dims(data: xr.Dataset) -> tuple[str, ...]:
    """Dims of a stack before the spectral one, or of components beside that of the components."""
    if SIGNAL in data:
        own = {spectral_dim(data[SIGNAL]), Y, X}
        return tuple(str(d) for d in data[SIGNAL].dims if d not in own)
    dims = data[_SCORES].dims if _SCORES in data else ()
    return tuple(str(d) for d in dims if d not in (COMPONENT, Y, X))


def one_image(data: xr.Dataset, mask: Any = None) -> tuple[xr.Dataset, Any]:
    """Data whose images lie below each other, and a mask that fits them.

    Parameters
    ----------
    data : xarray.Dataset
        Stack, or components, with or without leading dims.
    mask : array, optional
        ``(y, x)``, or with the leading dims.

    Returns
    -------
    data, mask
        ``(..., y, x)`` with the rows of all images; both as they are where there is one image.
    """
    if SIGNAL in data:
        validate_stack(data)
    lead = leading_dims(data)
    if not lead:
        return data, mask
    return _tall(data, lead), None if mask is None else _tall_mask(mask, data, lead)


def _tall(data: xr.Dataset, lead: tuple[str, ...]) -> xr.Dataset:
    """The same data with all images below each other; lazy ones stay lazy."""
    sizes = {d: data.sizes[d] for d in (*lead, Y, X)}
    rest = data.drop_dims([Y, X])
    result = rest.drop_dims([d for d in lead if d in rest.dims])
    for name in _IMAGES:
        if name in data:
            result[name] = _below(data[name], sizes, lead)
    rows = int(np.prod([sizes[d] for d in lead])) * sizes[Y]
    coords = {Y: (Y, np.arange(float(rows)), data[Y].attrs if Y in data.coords else {})}
    if X in data.coords:
        coords[X] = (X, data[X].values, data[X].attrs)
    return result.assign_coords(coords).assign_attrs(data.attrs)


def _below(array: xr.DataArray, sizes: dict[str, int], lead: tuple[str, ...]) -> xr.DataArray:
    """``(..., lead, y, x)`` as ``(..., lead * y, x)``; an image for all is repeated."""
    missing = {d: sizes[d] for d in lead if d not in array.dims}
    whole = array.variable.set_dims({**missing, **dict(array.sizes)})
    first = [d for d in whole.dims if d not in sizes]
    ordered = whole.transpose(*first, *lead, Y, X)
    shape = (*[ordered.sizes[d] for d in first], -1, sizes[X])
    return xr.DataArray(ordered.data.reshape(shape), dims=(*first, Y, X), attrs=array.attrs)


def _tall_mask(mask: Any, data: xr.Dataset, lead: tuple[str, ...]) -> xr.DataArray:
    sizes = {d: data.sizes[d] for d in (*lead, Y, X)}
    if not isinstance(mask, xr.DataArray):
        plain = np.asarray(mask)
        shape = tuple(sizes.values())
        dims = tuple(sizes) if plain.shape == shape else (Y, X)
        mask = xr.DataArray(plain, dims=dims) if plain.ndim == len(dims) else None
    fits = mask is not None and {Y, X} <= set(mask.dims) <= set(sizes)
    if not fits or any(mask.sizes[d] != sizes[d] for d in mask.dims):
        raise DataError(
            "the mask does not fit the stack",
            expected=f"({Y}, {X}), or with {', '.join(lead)}, of {tuple(sizes.values())}",
            found="another shape" if mask is None else f"{mask.dims} of {mask.shape}",
        )
    return _below(mask, sizes, lead)


def _apart(found: xr.Dataset, data: xr.Dataset, lead: tuple[str, ...]) -> xr.Dataset:
    """Maps ``(..., y, x)`` of the tall image with their leading dims again."""
    sizes = tuple(data.sizes[d] for d in (*lead, Y, X))
    result = found.drop_dims([Y, X])
    for name, array in found.data_vars.items():
        if {Y, X} <= set(array.dims):
            first = [d for d in array.dims if d not in (Y, X)]
            values = array.transpose(*first, Y, X).values
            shape = values.shape[: len(first)] + sizes
            result[name] = ((*first, *lead, Y, X), values.reshape(shape), array.attrs)
    coords = {d: data[d] for d in (*lead, Y, X) if d in data.coords}
    return result.assign_coords(coords).assign_attrs(found.attrs)
