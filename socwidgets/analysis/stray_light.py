"""Optical density without the light that did not pass the sample."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import SIGNAL, SIGNAL_STD
from socwidgets.model.stack import require_quantity, validate_stack

_PURPOSE = "a correction for stray light"


def without_stray_light(od: xr.Dataset, share: float) -> xr.Dataset:
    """Take a known share of stray light out of optical densities.

    Light beside the focal spot, of another order or of another energy adds the same counts with and
    without the sample, ``T_seen = (T + f)/(1 + f)``: strong lines come out too weak, and a pure
    phase looks mixed. With ``f = 0.01`` an optical density of 1.5 is seen as 1.466.

    Parameters
    ----------
    od : xarray.Dataset
        Optical density ``(..., energy, y, x)``, with ``signal_std`` if there is one.
    share : float
        ``f``, stray light over the light that passes without a sample; measured where the sample
        is opaque, far above an edge or behind a thick particle (there ``T_seen = f/(1 + f)``).

    Returns
    -------
    xarray.Dataset
        The stack with ``signal`` and ``signal_std`` corrected. NaN where less light was seen than
        is stray; `share` itself has no uncertainty here.

    Raises
    ------
    ParameterError
        If `share` is not from 0 to below 1.
    DataError
        If the signal is no optical density, or no pixel has more light than is stray.
    """
    if not 0.0 <= share < 1.0:
        raise ParameterError(
            "this share of stray light is not possible",
            expected="0 to below 1; 0.01 is 1 %",
            found=f"{share:g}",
        )
    validate_stack(od)
    require_quantity(od, ("optical_density",), _PURPOSE)
    signal = od[SIGNAL]
    seen: xr.DataArray = np.exp(-signal.astype(np.float64))  # type: ignore[assignment]
    passed = (1.0 + share) * seen - share
    passed = passed.where(passed > 0.0)
    if bool(signal.notnull().any()) and not bool(passed.notnull().any()):
        raise DataError(
            "less light was seen than is stray, everywhere",
            expected=f"optical densities below {-np.log(share / (1.0 + share)):.2f}",
            found=f"{float(signal.min()):.2f} and more",
            fix="lower share",
        )
    result = od.copy()
    density: xr.DataArray = -np.log(passed)  # type: ignore[assignment]
    result[SIGNAL] = density.astype(signal.dtype)
    result[SIGNAL].attrs = dict(signal.attrs)
    if SIGNAL_STD in od:
        std = od[SIGNAL_STD]
        scaled = std * (1.0 + share) * seen / passed
        result[SIGNAL_STD] = scaled.astype(std.dtype)
        result[SIGNAL_STD].attrs = dict(std.attrs)
    name = "socwidgets.analysis.stray_light.without_stray_light"
    return provenance.record(result, name, {"share": share}, source=od)
