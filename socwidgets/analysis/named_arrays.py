"""Images and spectra that users hand over as plain arrays, with the names of their dims."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import REPEAT, SIGNAL, X, Y, spectral_dim
from socwidgets.model.spectral_axis import TURNED
from socwidgets.model.units import energies_in_ev

#: Energies closer than this share of the finest step are read back from one and the same setting.
_SAME_SETTING = 0.1


def named(values: Any, stack: xr.Dataset, what: str) -> xr.DataArray:
    """Array with named dims, found from its shape where it has none.

    Parameters
    ----------
    values : xarray.DataArray or array_like
        A DataArray with names is returned as it is. Else a scalar, ``(spectral,)``, ``(y, x)``,
        ``(spectral, y, x)``, or one of the last two behind an axis of repeats.
    stack : xarray.Dataset
        The stack that it belongs to.
    what : str
        How an error calls it.

    Raises
    ------
    DataError
        If the shape is none of these.

    Warns
    -----
    UserWarning
        For a plain array with one value or image per energy, if the energies of the stack fell and
        were turned with its frames.
    """
    if isinstance(values, xr.DataArray):
        if not any(str(d).startswith("dim_") for d in values.dims):
            return _on_axis_of(stack, values)
        values = values.values
    plain = np.asarray(values)
    dim = spectral_dim(stack[SIGNAL])
    sizes = stack[SIGNAL].sizes
    image, n = (sizes[Y], sizes[X]), sizes[dim]
    shapes: list[tuple[tuple[str, ...], tuple[int, ...]]] = [
        ((), ()),
        ((dim,), (n,)),
        ((Y, X), image),
        ((dim, Y, X), (n, *image)),
    ]
    if plain.ndim > 2:
        shapes += [
            ((REPEAT, Y, X), (plain.shape[0], *image)),
            ((REPEAT, dim, Y, X), (plain.shape[0], n, *image)),
        ]
    for dims, shape in shapes:
        if plain.shape == shape:
            if dim in dims and stack.attrs.get(TURNED) == dim:
                _warn_of_turned(what, dim)
            return xr.DataArray(plain, dims=dims)
    raise DataError(
        f"the {what} does not fit the stack",
        expected=f"one value for each of {n} points, or images of {image[0]} x {image[1]} pixels",
        found=f"shape {plain.shape}",
        fix=f"give it as an xarray.DataArray with the dims ({dim}, {Y}, {X}) that it has",
    )


def _on_axis_of(stack: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """The same in the order of the stack's energies, and with them where only read-back differs."""
    dim = spectral_dim(stack[SIGNAL])
    if dim not in values.coords or values[dim].dims != (dim,) or dim not in stack.coords:
        return values
    axis = np.asarray(values[dim].values, np.float64)
    if dim == "energy":
        axis, _ = energies_in_ev(axis, values[dim].attrs.get("units"))
    own = stack[dim].values
    if axis.size != own.size or own.size < 2:
        return values
    order = np.argsort(axis)
    if np.abs(axis[order] - own).max() > _SAME_SETTING * np.abs(np.diff(own)).min():
        return values
    return values.isel({dim: order}).assign_coords({dim: stack[dim]})


def _warn_of_turned(what: str, dim: str) -> None:
    warnings.warn(
        f"the {dim} axis of this stack fell and was turned with its frames, but the {what} is an "
        f"array that does not say which of its values belong to which {dim}: it is taken in rising "
        f"order. If it is in the order of the scan, turn it, {what.split()[0]}[::-1], or give it "
        f"as an xarray.DataArray with its own {dim}",
        UserWarning,
        stacklevel=5,
    )
