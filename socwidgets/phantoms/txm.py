"""What a full-field transmission X-ray microscope makes of a phantom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.model import provenance
from socwidgets.model.names import X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.phantoms.counting import full_scale_param, record_counts
from socwidgets.phantoms.instrument import check_rising
from socwidgets.phantoms.optics import add_truth, illuminate, random_walk, transmissions
from socwidgets.phantoms.phantom import Phantom
from socwidgets.phantoms.xanes_references import xanes_energies

#: Widths of the two Gaussians whose difference is the bright and dark fringe at an edge, px.
_HALO_PX = (1.0, 2.5)
#: Counts that a hot pixel adds, in units of the open beam.
_HOT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TxmInstrument(Parameters):
    """A full-field transmission X-ray microscope at a K edge."""

    energies_ev: tuple[float, ...] = param(
        xanes_energies("Ni"), "Photon energies as the beamline states them.", unit="eV",
        low=50, high=2e5,
    )  # fmt: skip
    n0: float = param(2000.0, "Photons per pixel without sample.", low=10, high=6e4)
    n_flats: int = param(10, "Flat fields per energy.", low=1, high=100)
    dark: float = param(100.0, "Dark level.", unit="counts", low=0, high=5000)
    read_noise: float = param(3.0, "Noise of the detector, per reading.", unit="counts", low=0)
    full_scale: float = full_scale_param()
    psf_fwhm_um: float = param(0.035, "Resolution: width of an image point.", unit="um", low=0)
    drift_px: float = param(
        0.2, "Random walk of the sample per energy and axis.", unit="px", low=0, high=5
    )
    jitter_ev: float = param(0.05, "Random error of each photon energy.", unit="eV", low=0, high=2)
    energy_drift_ev: float = param(
        0.0, "Slow drift of the photon energy over the scan.", unit="eV", low=-2, high=2
    )
    i0_variation: float = param(0.02, "Relative variation of I0 with energy.", low=0, high=0.5)
    illumination: float = param(
        0.1, "Relative unevenness of the illumination over the field.", low=0, high=0.3
    )
    illumination_drift: float = param(
        0.01, "Relative change of the illumination between flats and sample.", low=0, high=0.2
    )
    ring_decay: float = param(
        0.0, "Share of the ring current lost while the sample is scanned.", low=0, high=0.5
    )
    dead_pixels: float = param(0.0, "Share of pixels that see nothing.", low=0, high=0.1)
    hot_pixels: float = param(0.0, "Share of pixels that read far too much.", low=0, high=0.1)
    halo: float = param(
        0.0, "Amplitude of the phase fringe around particles, in transmission.", low=0, high=0.3
    )
    background_b0: float = param(
        0.0, "Part of the absorption that does not depend on energy.", unit="um-1", low=0
    )
    background_b1: float = param(
        0.03, "Absorption of everything else, falling as E^-3.", unit="um-1", low=0
    )
    background_e0_ev: float = param(8333.0, "Energy to which it refers.", unit="eV", low=50)

    def check(self) -> None:
        """Check fields against each other."""
        check_rising(self.energies_ev)


def simulate_txm(
    phantom: Phantom, instrument: TxmInstrument | None = None, seed: int = 0, **changes: Any
) -> xr.Dataset:
    """Counts that a TXM would record of a phantom.

    ``OD = t (sum_k f_k S_k(E + error) jump + b0 + b1 (E/E0)^-3)``, blurred in transmission,
    displaced frame by frame, with a phase fringe where asked for; then illumination, ring current,
    Poisson counts, dark level and read noise, and pixels that are dead or hot.

    Parameters
    ----------
    phantom : Phantom
        With references at the edge of the scan.
    instrument : TxmInstrument, optional
        Defaults if left out; `changes` are laid over it.
    seed : int
        Seed of drift, energy errors and noise. The same seeds give the same bytes.
    **changes
        Fields of `TxmInstrument` to change.

    Returns
    -------
    xarray.Dataset
        Stack of ``counts``, uint16: ``signal`` ``(energy, y, x)``, ``flat``
        ``(flat_frame, energy, y, x)``, ``dark`` ``(y, x)``, ``truth_saturated`` as in
        `record_counts`; ``truth_drift_y``, ``truth_drift_x``
        (px) and ``truth_energy`` (eV) as in `simulate_stxm`, and ``truth_defect`` ``(y, x)`` where
        pixels are dead (1) or hot (2).

    Raises
    ------
    ReferenceSpectraError
        If the phantom's references do not cover the energies.
    """
    instrument = (instrument or TxmInstrument()).replace(**changes)
    rng = np.random.default_rng(seed)
    shape = (phantom.truth.sizes[Y], phantom.truth.sizes[X])
    energies = np.asarray(instrument.energies_ev)
    truly = _true_energies(instrument, energies, rng)
    drift = random_walk(instrument.drift_px, energies.size, rng)
    flat_light, sample_light = illuminate(instrument, shape, rng)
    i0 = _incoming(instrument, energies)
    ring = 1.0 - instrument.ring_decay * np.linspace(0.0, 1.0, energies.size)
    defect = _defects(instrument, shape, rng)
    fringe = _fringe(phantom, instrument)
    frames = transmissions(phantom, instrument, truly, drift)
    exposures = (
        (
            _through_defects(i0[i] * ring[i] * sample_light * seen * fringe, i0[i], defect),
            _through_defects(i0[i] * flat_light, i0[i], defect),
        )
        for i, seen in enumerate(frames)
    )
    stack = record_counts(
        phantom, instrument, energies, exposures, rng, technique="XANES", mode="fullfield"
    )
    add_truth(stack, drift, truly)
    if defect.any():
        stack["truth_defect"] = ((Y, X), defect, {"long_name": "Defect pixels", "units": "1"})
    called = {"instrument": instrument, "seed": seed, "phantom_seed": phantom.seed}
    return provenance.record(stack, "socwidgets.phantoms.simulate_txm", called)


def _true_energies(
    instrument: TxmInstrument, energies: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Energies as they are: random errors and a slow drift that starts at zero."""
    progress = np.linspace(0.0, 1.0, energies.size)
    errors = instrument.jitter_ev * rng.standard_normal(energies.size)
    return energies + errors + instrument.energy_drift_ev * progress


def _incoming(instrument: TxmInstrument, energies: np.ndarray) -> np.ndarray:
    """Photons per pixel without sample, ``(energy,)``; one slow wave over the scan."""
    phase = 2.0 * np.pi * (energies - energies[0]) / np.ptp(energies)
    return instrument.n0 * (1.0 + instrument.i0_variation * np.sin(phase))


def _defects(
    instrument: TxmInstrument, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Map of defect pixels ``(y, x)`` uint8: 0 sound, 1 dead, 2 hot."""
    draw = rng.random(shape)
    defect = np.zeros(shape, np.uint8)
    defect[draw < instrument.dead_pixels] = 1
    defect[draw > 1.0 - instrument.hot_pixels] = 2
    return defect


def _fringe(phantom: Phantom, instrument: TxmInstrument) -> np.ndarray | float:
    """Relative intensity ``(y, x)`` of the phase fringe; the same at every energy."""
    if not instrument.halo:
        return 1.0
    phase = phantom.truth["thickness"].values
    bands = [gaussian_filter(phase, width) for width in _HALO_PX]
    fringe = bands[1] - bands[0]
    return 1.0 + instrument.halo * fringe / (np.abs(fringe).max() or 1.0)


def _through_defects(light: np.ndarray, open_beam: float, defect: np.ndarray) -> np.ndarray:
    """Light as defect pixels see it: none on dead ones, far too much on hot ones."""
    seen = np.where(defect == 1, 0.0, light)
    return np.where(defect == 2, seen + _HOT * open_beam, seen)
