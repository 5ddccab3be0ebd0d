"""What a perfect analysis of a simulated stack would find, and how well."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.names import X, Y
from socwidgets.model.references import align_references
from socwidgets.phantoms.instrument import StxmInstrument, resolved_truth
from socwidgets.phantoms.phantom import Phantom


def registered_truth(
    phantom: Phantom,
    stack: xr.Dataset,
    drift: xr.Dataset | None = None,
    instrument: StxmInstrument | None = None,
) -> xr.Dataset:
    """Truth of a phantom on the pixels of its registered stack.

    Frames are aligned to each other and not to the truth, so one common displacement is left; it
    is taken from the simulation's record.

    Parameters
    ----------
    phantom : Phantom
        The sample.
    stack : xarray.Dataset
        What `simulate_stxm` made of it, with ``truth_drift_y`` and ``truth_drift_x``.
    drift : xarray.Dataset, optional
        Holds the shifts ``dy``, ``dx`` (px) that were taken out, such as the registered stack; none
        were if it is left out.
    instrument : StxmInstrument, optional
        The one of the simulation.

    Returns
    -------
    xarray.Dataset
        As `resolved_truth`.
    """
    left = []
    for axis in (Y, X):
        removed = 0.0 if drift is None else drift[f"d{axis}"].values
        left.append(float(np.mean(stack[f"truth_drift_{axis}"].values - removed)))
    return resolved_truth(phantom, instrument, shift_px=(left[0], left[1]))


def expected_soc_std(phantom: Phantom, instrument: StxmInstrument | None = None) -> xr.DataArray:
    """Theoretical standard uncertainty of the SOC of every pixel.

    Least squares with both references, a constant and a slope, weighted by
    ``sigma_OD^2 = (e^OD + 1/n_f)/N0``: ``Cov = (A^T W A)^-1``, carried to ``c_FP/(c_LFP + c_FP)``.
    Interpolation during registration can only lower it.

    Parameters
    ----------
    phantom : Phantom
        The sample.
    instrument : StxmInstrument, optional
        Defaults if left out.

    Returns
    -------
    xarray.DataArray
        ``(y, x)``, SOC units; NaN without material. Read noise and dark level are left out: they
        add less than a percent at the default counts.
    """
    instrument = instrument or StxmInstrument()
    maps = resolved_truth(phantom, instrument)
    energies = np.asarray(instrument.energies_ev)
    axis = xr.DataArray(energies, dims="energy", coords={"energy": energies}, name="energy")
    spectra = align_references(phantom.references, axis["energy"]).values
    slope = (energies - energies.mean()) / np.ptp(energies)
    design = np.stack([*spectra, np.ones_like(energies), slope], axis=1)
    rest = (
        instrument.background_b0
        + instrument.background_b1 * (energies / instrument.background_e0_ev) ** -3.0
    )
    inside = np.isfinite(maps["soc"].values)
    columns = [maps[f"coefficient_{name}"].values[inside] for name in phantom.components]
    coefficients = np.stack(columns)
    od = spectra.T @ coefficients + np.outer(rest, maps["thickness"].values[inside])
    weights = instrument.n0 / (np.exp(od) + 1.0 / instrument.n_flats)
    normal = np.einsum("ei,ep,ej->pij", design, weights, design)
    covariance = np.linalg.inv(normal)[:, :2, :2]
    total, soc = coefficients.sum(axis=0), coefficients[1] / coefficients.sum(axis=0)
    gradient = np.stack([-soc, 1.0 - soc]) / total
    variance = np.einsum("ip,pij,jp->p", gradient, covariance, gradient)
    std = np.full(inside.shape, np.nan)
    std[inside] = np.sqrt(variance)
    attrs = {"long_name": "Theoretical standard uncertainty of the SOC", "units": "1"}
    return xr.DataArray(std, {Y: maps[Y], X: maps[X]}, (Y, X), "soc_std_expected", attrs)
