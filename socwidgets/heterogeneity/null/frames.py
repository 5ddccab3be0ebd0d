"""Counts of one frame: what a detector records of an optical density, and back."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import DARK

FLAT = "flat"


def counts_to_od(counts: np.ndarray, open_beam: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Optical density ``-ln((I - D)/(I0 - D))``, NaN where either is not above zero.

    Parameters
    ----------
    counts, open_beam, dark : ndarray
        ``(spectral, y, x)`` or broadcastable to it.

    Returns
    -------
    ndarray
        ``(spectral, y, x)``, dimensionless.

    Raises
    ------
    DataError
        If the shapes do not fit.
    """
    light, incoming = counts.astype(np.float32) - dark, open_beam - dark
    if not np.any(incoming > 0):
        raise DataError("the open beam is dark everywhere", fix="check flat or i0, and dark")
    with np.errstate(divide="ignore", invalid="ignore"):
        od = -np.log(light / incoming)
    return np.where(np.isfinite(od), od, np.nan)


def counts_frame(
    od: np.ndarray,
    open_beam: np.ndarray,
    dark: np.ndarray,
    gain: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Poisson counts behind an optical density.

    Parameters
    ----------
    od, open_beam, dark : ndarray
        ``(y, x)`` or broadcastable to it; counts.
    gain : float
        Photons per count.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray
        Counts, dark included, of the common shape.
    """
    photons = np.maximum(open_beam - dark, 0.0) * np.exp(-od) * gain
    return rng.poisson(photons) / gain + dark


def noisy_flats(stack: xr.Dataset, gain: float, rng: np.random.Generator) -> xr.DataArray:
    """Flats like the stack's own, counted anew about their mean over repeats."""
    flat = stack[FLAT]
    dark = stack[DARK] if DARK in stack else xr.DataArray(np.float32(0))
    repeats = [d for d in flat.dims if d not in stack["signal"].dims]
    mean = flat.astype(np.float32).mean(repeats)
    light = (mean - dark).clip(min=0).broadcast_like(flat).transpose(*flat.dims)
    counted = rng.poisson(light.values * gain) / gain
    back = dark.broadcast_like(flat).transpose(*flat.dims).values
    values = counted + back
    kept = np.rint(values) if flat.dtype.kind in "iu" else values
    return flat.copy(data=kept.astype(flat.dtype))
