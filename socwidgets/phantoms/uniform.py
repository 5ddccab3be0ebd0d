"""A field of one composition, counted photon by photon: for checks of a promised uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import COMPONENT, SIGNAL, SIGNAL_STD, spectral_dim
from socwidgets.model.stack import make_stack


def count_uniform(
    references: xr.DataArray,
    amounts: Mapping[str, float],
    *,
    thickness: float = 1.0,
    counts: float = 2000.0,
    flats: int = 10,
    size_px: int = 64,
    seed: int = 0,
) -> xr.Dataset:
    """Optical density of a uniform sample from Poisson counts.

    Parameters
    ----------
    references : xarray.DataArray
        ``(component, spectral)``, at the energies that are measured.
    amounts : mapping of str to float
        Name of a reference -> its fraction.
    thickness : float
        In units of the references.
    counts : float
        Expected counts per pixel and frame without a sample.
    flats : int
        Flat fields per energy.
    size_px : int
        Edge of the square field.
    seed : int
        The same seed gives the same counts.

    Returns
    -------
    xarray.Dataset
        Optical density ``(spectral, y, x)`` with its ``signal_std``,
        ``sqrt((exp(OD) + 1/flats)/counts)``. A pixel without a count is NaN.

    Raises
    ------
    ParameterError
        If an amount names no reference.
    """
    names = [str(n) for n in references[COMPONENT].values]
    unknown = [name for name in amounts if name not in names]
    if unknown:
        raise ParameterError(
            f"there is no reference {unknown[0]!r}", expected=f"one of {', '.join(names)}"
        )
    rng = np.random.default_rng(seed)
    weights = np.array([amounts.get(name, 0.0) for name in names])
    od = thickness * (weights @ references.values)[:, None, None]
    shape = (od.shape[0], size_px, size_px)
    frames = rng.poisson(counts * np.exp(-od) * np.ones(shape)).astype(float)
    flat = rng.poisson(counts * flats, shape) / flats
    frames[frames == 0] = np.nan
    dim = spectral_dim(references)
    stack = make_stack(
        np.log(flat / frames), references[dim].values, dim=dim, quantity="optical_density",
        pixel_um=0.04, sample="simulated, uniform",
    )  # fmt: skip
    sigma = np.sqrt((np.exp(od) + 1.0 / flats) / counts) * np.ones(shape)
    stack[SIGNAL_STD] = (stack[SIGNAL].dims, sigma)
    return stack
