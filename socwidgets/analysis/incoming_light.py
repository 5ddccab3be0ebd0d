"""Light that falls on the sample: open beam minus dark, checked against the stack."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y

#: Share of an I0 that must be brighter than the dark: more than the hot pixels of a detector.
_LIT_SHARE = 0.02


def incoming_light(
    beam: xr.DataArray, background: xr.DataArray, stack: xr.Dataset, dim: str
) -> xr.DataArray:
    """Counts without the sample minus dark counts, NaN where that is not positive.

    Raises
    ------
    DataError
        If the open beam does not fit the stack, or is no brighter than the dark.

    Warns
    -----
    UserWarning
        If it is so at some energies.
    """
    signal = stack[SIGNAL]
    for name, size in beam.sizes.items():
        if signal.sizes.get(name) != size:
            raise DataError(
                "the I0 does not fit the stack",
                expected=f"{name} of length {signal.sizes.get(name, 'none')}",
                found=f"length {size}",
                fix="give one I0 for each energy (an I0 on other energies: i0_on_axis in "
                "socwidgets.analysis.open_beam), or a flat field of the same image size",
            )
        if name in beam.coords and not np.allclose(
            beam[name].values, signal[name].values, rtol=0, atol=1e-3 if name == dim else 1e-6
        ):
            theirs, ours = (part[name].values for part in (beam, signal))
            raise DataError(
                f"the I0 and the stack have different values along {name!r}",
                expected=f"{ours[0]:g} to {ours[-1]:g}, as in the stack",
                found=f"{theirs[0]:g} to {theirs[-1]:g}, up to {np.abs(theirs - ours).max():g} off",
                fix="an I0 on other energies comes onto the stack's by i0_on_axis of "
                "socwidgets.analysis.open_beam; where only the axis is wrong, give it as an array",
            )
    incoming = (beam.reset_coords(drop=True) - background).drop_vars([Y, X], errors="ignore")
    # A hot pixel is bright in any image: what counts is whether there is a beam.
    if not float((incoming > 0).mean()) > _LIT_SHARE:
        raise DataError(
            "the I0 is not brighter than the dark counts",
            expected=f"light in more than {100 * _LIT_SHARE:.0f} % of its values",
            found=f"up to {float(beam.max()):g}, median {float(beam.median()):g}, dark "
            f"{float(np.mean(background)):g}",
            fix="check whether flat= and dark= are exchanged",
        )
    if dim in incoming.dims:
        lit = (incoming > 0).any([d for d in incoming.dims if d != dim]).compute().values
        if not lit.all():
            unlit = ", ".join(f"{e:g}" for e in signal[dim].values[~lit][:5])
            warnings.warn(
                f"the I0 is no brighter than the dark at {int((~lit).sum())} of {lit.size} "
                f"energies ({unlit}): those frames have no optical density",
                UserWarning,
                stacklevel=3,
            )
    return incoming.where(incoming > 0)
