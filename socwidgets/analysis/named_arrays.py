"""Images and spectra that users hand over as plain arrays, with the names of their dims."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim

#: Dim of frames that are averaged.
REPEAT = "repeat"


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
    """
    if isinstance(values, xr.DataArray):
        if not any(str(d).startswith("dim_") for d in values.dims):
            return values
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
            return xr.DataArray(plain, dims=dims)
    raise DataError(
        f"the {what} does not fit the stack",
        expected=f"one value for each of {n} points, or images of {image[0]} x {image[1]} pixels",
        found=f"shape {plain.shape}",
        fix=f"give it as an xarray.DataArray with the dims ({dim}, {Y}, {X}) that it has",
    )
