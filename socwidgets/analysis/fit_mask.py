"""Which pixels of a stack get no value, and why."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis.named_arrays import named
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, STATUS, VALID, X, Y, spectral_dim
from socwidgets.model.status import Status

#: Attribute of a mask that says which status its False pixels get.
MASK_STATUS = "false_means"


def excluded_codes(
    stack: xr.Dataset, signal: xr.DataArray, mask: xr.DataArray | np.ndarray | None
) -> xr.DataArray:
    """Status of the pixels that get no value, 0 elsewhere; the stack's own reasons win."""
    frame = {d: n for d, n in signal.sizes.items() if d != spectral_dim(signal)}
    codes = xr.DataArray(np.zeros(tuple(frame.values()), np.uint8), dims=tuple(frame))
    if mask is not None:
        held = _held(mask, signal, codes)
        word = str(held.attrs.get(MASK_STATUS, "masked")).upper()
        codes = codes.where(held.drop_vars(list(held.coords)), np.uint8(Status[word]))
    if VALID in stack:
        codes = codes.where(stack[VALID], np.uint8(Status.MASKED))
    if STATUS in stack:
        codes = codes.where(stack[STATUS] == Status.OK, stack[STATUS])
    return codes.transpose(*[d for d in signal.dims if d in codes.dims])


def _held(
    mask: xr.DataArray | np.ndarray, signal: xr.DataArray, frame: xr.DataArray
) -> xr.DataArray:
    """The mask with named dims: those of an image, and any leading ones of the stack."""
    if not isinstance(mask, xr.DataArray) and np.shape(mask) == frame.shape:
        return xr.DataArray(np.asarray(mask), dims=frame.dims)
    mask = named(mask, signal.to_dataset(name=SIGNAL), "mask")
    fits = {Y, X} <= set(mask.dims) <= set(frame.dims)
    if not fits or any(n != frame.sizes[d] for d, n in mask.sizes.items()):
        lead = [str(d) for d in frame.dims if d not in (Y, X)]
        more = f", and of {', '.join(lead)} where it differs along them" if lead else ""
        raise DataError(
            "the mask does not fit the stack",
            expected=f"(y, x) of {(frame.sizes[Y], frame.sizes[X])}{more}",
            found=f"{mask.dims} of {mask.shape}",
        )
    return mask
