"""What a 2-D XAFS camera makes of a phantom: each row of pixels sees another energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.names import X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.phantoms.counting import full_scale_param, record_counts
from socwidgets.phantoms.optics import add_truth, illuminate, transmissions
from socwidgets.phantoms.phantom import Phantom
from socwidgets.phantoms.xanes_references import xanes_energies

#: Lattice spacing of Si(111), angstrom, and h c, eV angstrom.
SI111_ANGSTROM, HC_EV_ANGSTROM = 3.1356, 12398.4198


@dataclass(frozen=True, slots=True, kw_only=True)
class Xafs2dInstrument(Parameters):
    """A camera behind the sample in the full beam of a double-crystal monochromator."""

    energies_ev: tuple[float, ...] = param(
        xanes_energies("Mn"), "Photon energies in the middle of the field.", unit="eV",
        low=50, high=2e5,
    )  # fmt: skip
    n0: float = param(2e4, "Photons per pixel without sample.", low=10, high=6e4)
    n_flats: int = param(5, "Flat fields per energy.", low=1, high=100)
    dark: float = param(100.0, "Dark level.", unit="counts", low=0, high=5000)
    read_noise: float = param(5.0, "Noise of the detector, per reading.", unit="counts", low=0)
    full_scale: float = full_scale_param()
    psf_fwhm_um: float = param(12.0, "Blur of the camera.", unit="um", low=0)
    distance_m: float = param(
        10.0, "Distance from the source: how much the beam diverges over the field.",
        unit="m", low=0.5, high=1000,
    )  # fmt: skip
    row_energy: bool = param(True, "Whether the energy changes along the rows at all.")
    jitter_ev: float = param(0.01, "Random error of each photon energy.", unit="eV", low=0, high=2)
    illumination: float = param(0.1, "Unevenness of the illumination.", low=0, high=0.3)
    illumination_drift: float = param(
        0.005, "Relative change of the illumination between flats and sample.", low=0, high=0.2
    )
    background_b0: float = param(0.0, "Absorption without energy dependence.", unit="um-1", low=0)
    background_b1: float = param(
        0.004, "Absorption of everything else, falling as E^-3.", unit="um-1", low=0
    )
    background_e0_ev: float = param(6539.0, "Energy to which it refers.", unit="eV", low=50)


def row_energy_step(energy_ev: float, angle_rad: float) -> float:
    """Change of energy with the vertical angle at a Si(111) monochromator, eV.

    ``dE = E cot(theta_B) dtheta`` (Katayama et al. 2012, J. Synchrotron Rad. 19, 717); golden
    G-15: Mn K, 0.5 urad -> 0.0103 eV.
    """
    sine = HC_EV_ANGSTROM / (2.0 * SI111_ANGSTROM * energy_ev)
    return float(energy_ev * np.sqrt(1.0 - sine**2) / sine * angle_rad)


def row_offsets(
    phantom: Phantom, instrument: Xafs2dInstrument, energy_ev: float | None = None
) -> np.ndarray:
    """Energy that each row of pixels sees above that of the middle of the field.

    Parameters
    ----------
    phantom : Phantom
        For its rows.
    instrument : Xafs2dInstrument
        For the distance from the source.
    energy_ev : float, optional
        Where; the middle of the scan if left out.

    Returns
    -------
    ndarray
        ``(y,)``, eV; rises with y.
    """
    rows = phantom.truth[Y].values
    if not instrument.row_energy:
        return np.zeros(rows.size)
    middle = energy_ev or float(np.median(instrument.energies_ev))
    angle = (rows - rows.mean()) * 1e-6 / instrument.distance_m
    return row_energy_step(middle, 1.0) * angle


def simulate_xafs2d(
    phantom: Phantom, instrument: Xafs2dInstrument | None = None, seed: int = 0, **changes: Any
) -> xr.Dataset:
    """Counts of a 2-D XAFS measurement, with the energy of each row as it truly is.

    Parameters
    ----------
    phantom : Phantom
        With millimeters of field, such as ``reaction_channel``.
    instrument : Xafs2dInstrument, optional
        Defaults if left out; `changes` are laid over it.
    seed : int
        Seed of the energy errors and the noise. The same seeds give the same bytes.
    **changes
        Fields of `Xafs2dInstrument` to change.

    Returns
    -------
    xarray.Dataset
        Stack of ``counts`` as `simulate_txm` makes it (no drift), with ``truth_row_offset``
        ``(y,)``, eV.

    Raises
    ------
    ReferenceSpectraError
        If the phantom's references do not cover the energies.
    """
    instrument = (instrument or Xafs2dInstrument()).replace(**changes)
    rng = np.random.default_rng(seed)
    shape = (phantom.truth.sizes[Y], phantom.truth.sizes[X])
    energies = np.asarray(instrument.energies_ev)
    truly = energies + instrument.jitter_ev * rng.standard_normal(energies.size)
    offsets = row_offsets(phantom, instrument)
    still = np.zeros((energies.size, 2))
    flat_light, sample_light = illuminate(instrument, shape, rng)
    open_beam = instrument.n0 * flat_light
    exposures = (
        (instrument.n0 * sample_light * seen, open_beam)
        for seen in transmissions(phantom, instrument, truly, still, offsets)
    )
    stack = record_counts(
        phantom, instrument, energies, exposures, rng, technique="2-D XAFS", mode="fullfield"
    )
    add_truth(stack, still, truly)
    attrs = {"long_name": "True energy offset of the row", "units": "eV"}
    stack["truth_row_offset"] = (Y, offsets, attrs)
    called = {"instrument": instrument, "seed": seed, "phantom_seed": phantom.seed}
    return provenance.record(stack, "socwidgets.phantoms.simulate_xafs2d", called)
