"""Schema of a series: spectra at a few places, state by state, as a stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.names import SIGNAL, X, Y
from socwidgets.model.stack import make_stack

#: Coordinates ``(state, x)`` of a series beside its signal, with their units.
SERIES_COORDS = {"charge_mah": "mA h", "voltage_v": "V", "time_s": "s"}


def make_series(
    spectra: np.ndarray, energies_ev: np.ndarray, beside: dict[str, np.ndarray], **attrs: Any
) -> xr.Dataset:
    """Stack of normalized spectra with coordinates beside it.

    Parameters
    ----------
    spectra : ndarray
        ``(state, position, energy)``, in units of the edge jump.
    energies_ev : ndarray
        ``(energy,)``.
    beside : dict
        Name -> ``(state, position)``.
    **attrs
        Flat attributes of the stack.

    Returns
    -------
    xarray.Dataset
        ``signal`` ``(state, energy, y=1, x=position)``; every method for stacks works on it.

    Raises
    ------
    SchemaError, DataError
        If the arrays make no stack.
    """
    states = [
        make_stack(one.T[:, None, :], energies_ev, quantity="normalized", **attrs)
        for one in spectra
    ]
    series = xr.concat([s[SIGNAL] for s in states], "state").transpose("state", ..., Y, X)
    result = xr.Dataset({SIGNAL: series}, attrs=states[0].attrs)
    for name, values in beside.items():
        described = {"units": SERIES_COORDS.get(name, "1"), "long_name": name.split("_")[0]}
        result = result.assign_coords({name: (("state", X), values, described)})
    return result
