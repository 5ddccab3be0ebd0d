"""Mean spectrum of a stack, to place windows on."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import X, Y, spectral_dim

#: So many pixels tell the mean spectrum well enough.
_PIXELS = 65536


def thinning(signal: xr.DataArray, pixels: int) -> dict[str, slice]:
    """Every n-th row and column of ``(..., spectral, y, x)``: about so many pixels in all."""
    step = max(1, round((signal.size / signal.sizes[spectral_dim(signal)] / pixels) ** 0.5))
    return {Y: slice(step // 2, None, step), X: slice(step // 2, None, step)}


def mean_spectrum(signal: xr.DataArray, excluded: xr.DataArray | None = None) -> np.ndarray:
    """Mean spectrum of a regular sample of the pixels.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(..., spectral, y, x)``; samples that are not finite are left out.
    excluded : xarray.DataArray, optional
        ``(..., y, x)``; pixels where it is not zero are left out.

    Returns
    -------
    ndarray
        ``(spectral,)`` float64.

    Raises
    ------
    DataError
        If no pixel is left.
    """
    dim = spectral_dim(signal)
    thin = thinning(signal, _PIXELS)
    part = signal.isel(thin).astype(np.float64)
    # A logarithm of no counts is infinite, and one such pixel would be the mean of all.
    part = part.where(np.isfinite(part))
    if excluded is not None:
        part = part.where(excluded.isel(thin) == 0)
    mean = part.mean([d for d in signal.dims if d != dim]).compute().values
    if not np.isfinite(mean).any():
        raise DataError(
            "no pixel is left whose spectrum could be looked at",
            expected="a finite sample in a pixel that is neither masked nor flagged",
            found=f"none in {np.prod([n for d, n in signal.sizes.items() if d != dim])} pixels",
            fix="check mask=, and status and valid of the stack",
        )
    return mean


def without_infinite(signal: xr.DataArray) -> xr.DataArray:
    """The same with NaN for what is infinite: a logarithm of no counts is missing.

    Parameters
    ----------
    signal : xarray.DataArray
        Any dims; numpy, which is copied only where something is infinite, or dask.
    """
    if signal.chunks is None and not any(np.isinf(part).any() for part in signal.values):
        return signal
    return signal.where(np.isfinite(signal))
