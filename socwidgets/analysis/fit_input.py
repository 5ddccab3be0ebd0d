"""What is looked at before a fit starts: counts taken for optical density, noise that is none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import is_lazy
from socwidgets.model.errors import DataError
from socwidgets.model.names import QUANTITY, SIGNAL, SIGNAL_STD, Y, spectral_dim
from socwidgets.model.stack import transmitted_with

#: Samples of the noise that are looked at; of larger stacks rows of pixels are left out.
_SAMPLES = 4_000_000


def warn_of_counts(stack: xr.Dataset, purpose: str) -> None:
    """Warn where the signal at X-ray energies is counts that come without an I0.

    Transmitted counts fall where the absorber's spectrum rises, so that every result is wrong; a
    yield is counted too, however, and can be fitted as it is.
    """
    if stack.attrs.get(QUANTITY) != "counts" or spectral_dim(stack[SIGNAL]) != "energy":
        return
    if transmitted_with(stack):
        return
    warnings.warn(
        f"{purpose} takes the signal as it is, and its quantity is 'counts': transmitted counts "
        "are no spectrum, and give maps without meaning. Add the flats or the I0 and call "
        "optical_density(stack) first; if this is optical density, or a yield, say so: "
        f"stack.attrs[{QUANTITY!r}] = 'optical_density' or 'intensity'",
        UserWarning,
        stacklevel=3,
    )


def refuse_bad_noise(
    signal: xr.DataArray, noise: xr.DataArray | None, excluded: xr.DataArray
) -> None:
    """Raise `DataError` for a standard deviation of zero or less.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(..., spectral, y, x)``; what is NaN needs no noise.
    noise : xarray.DataArray, optional
        ``signal_std`` of the same dims. NaN passes: such samples are left out of the fit. A lazy
        one is not read for this.
    excluded : xarray.DataArray
        ``(..., y, x)``, status of the pixels that get no value, else 0.
    """
    if noise is None or is_lazy(noise):
        return
    rows = {Y: slice(None, None, max(1, math.ceil(noise.size / _SAMPLES)))}
    part = noise.isel(rows)
    bad = part.variable <= 0
    if not bad.any():
        return
    bad = bad & (excluded.isel(rows).variable == 0) & np.isfinite(signal.isel(rows).variable)
    found = int(bad.sum())
    if not found:
        return
    raise DataError(
        f"{SIGNAL_STD} is a standard deviation",
        expected="above zero wherever there is a signal",
        found=f"{found} of {part.size} samples at zero or less, the least "
        f"{float(part.variable.where(bad).min()):g}",
        fix=f"NaN leaves a sample out of the fit: stack['{SIGNAL_STD}'].where(stack['{SIGNAL_STD}']"
        f" > 0); or drop it, stack.drop_vars('{SIGNAL_STD}'): then each pixel's own residual "
        "gives the noise",
    )
