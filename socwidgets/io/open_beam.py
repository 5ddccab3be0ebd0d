"""Flat and dark frames from files of their own."""

from __future__ import annotations

import os

import xarray as xr

from socwidgets.io.registry import open_stack
from socwidgets.model.names import SIGNAL, X, Y


def read_open_beam(
    flat: str | os.PathLike[str] | None, dark: str | os.PathLike[str] | None
) -> tuple[xr.DataArray | None, xr.DataArray | None]:
    """Read the counts without sample and those without beam.

    Parameters
    ----------
    flat, dark : path-like, optional
        Any stack that `open_stack` reads; None or empty for none.

    Returns
    -------
    flat : xarray.DataArray or None
        ``(spectral, y, x)`` or as the file has it, counts.
    dark : xarray.DataArray or None
        ``(y, x)``, counts: dark frames know no energy, their mean is what is subtracted.

    Raises
    ------
    ReadError
        If a file cannot be read.
    """
    light, none = (open_stack(path)[SIGNAL] if path else None for path in (flat, dark))
    if none is not None:
        none = none.mean([d for d in none.dims if d not in (Y, X)])
    return light, none
