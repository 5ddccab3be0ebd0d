"""Incident intensity that goes with a stack: read it and check that it fits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.assemble import read_energies
from socwidgets.io.columns import read_table
from socwidgets.model.errors import DataError
from socwidgets.model.names import I0
from socwidgets.model.units import energies_in_ev


def incident_variable(
    i0: Any, energies: np.ndarray, *, dim: str = "energy", units: str | None = None
) -> dict[str, xr.Variable]:
    """Incident intensity as a variable over the spectral dim.

    Parameters
    ----------
    i0 : path, array_like, None or False
        A text file (energy and I0 in two columns, or I0 alone) or ``(spectral,)`` values in the
        units of the signal; None and False for none.
    energies : ndarray
        ``(spectral,)`` of the stack, in `units`.
    dim : str
        Spectral dimension.
    units : str, optional
        Units of `energies`.

    Returns
    -------
    dict
        ``{"i0": variable}``, or empty.

    Raises
    ------
    ReadError
        The file cannot be read.
    DataError
        Another number of values, other energies than the stack, values that are not positive.
    """
    if i0 is None or i0 is False:
        return {}
    what = "the incident intensity"
    if isinstance(i0, (str, os.PathLike)):
        path = Path(i0).expanduser()
        what = f"{what} {path.name}"
        table = read_table(path).values
        if table.shape[1] > 1:
            _check_energies(table[:, 0], energies, what, dim, units)
        values = table[:, min(1, table.shape[1] - 1)]
    else:
        values = read_energies(i0)
    if values.size != energies.size:
        raise DataError(
            f"{what} does not fit the stack",
            expected=f"{energies.size} values, one for each frame",
            found=f"{values.size}",
            fix="use the I0 of this scan, or pass i0=False to read without it",
        )
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        raise DataError(
            f"{what} holds values that cannot be an intensity",
            expected="positive numbers",
            found=f"{np.count_nonzero(bad)} of {values.size} are not",
            fix="correct the file, or pass i0=False to read without it",
        )
    return {I0: xr.Variable(dim, values, {"long_name": "Incident intensity"})}


def _check_energies(
    found: np.ndarray, energies: np.ndarray, what: str, dim: str, units: str | None
) -> None:
    if dim == "energy":
        found, energies = energies_in_ev(found)[0], energies_in_ev(energies, units)[0]
    step = float(np.abs(np.diff(energies)).min()) if energies.size > 1 else 1.0
    # Text files round: half a step apart is still the same point.
    if found.size != energies.size or float(np.abs(found - energies).max()) > 0.5 * step:
        raise DataError(
            f"{what} was taken at other energies than the stack",
            expected=f"{energies.size} values, {energies[0]:g} to {energies[-1]:g}",
            found=f"{found.size} values, {found[0]:g} to {found[-1]:g}",
            fix="use the I0 of this scan, or pass i0=False to read without it",
        )
