"""What a scanning X-ray microscope makes of a phantom: blur, drift, counts, flats, dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import xarray as xr
from scipy.ndimage import map_coordinates

from socwidgets.model import provenance
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import LABELS, X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.phantoms.counting import full_scale_param, record_counts
from socwidgets.phantoms.optics import (
    add_truth,
    illuminate,
    observe,
    random_walk,
    transfer_function,
    transmissions,
)
from socwidgets.phantoms.phantom import Phantom, maps_from_fields

#: Default energies of a scan of the Fe L3 and L2 edges: wide steps where nothing happens.
FE_L_ENERGIES = tuple(
    np.concatenate(
        [
            np.arange(700.0, 705.0, 1.0),
            np.arange(705.0, 706.0, 0.5),
            np.arange(706.0, 712.1, 0.2),
            np.arange(712.5, 714.1, 0.5),
            np.arange(715.0, 720.0, 1.0),
            np.arange(720.0, 726.1, 0.75),
            [728.0, 730.0],
        ]
    ).round(3)
)
#: Period of the energy dependence of I0, eV (ours; an undulator's own is of this order).
_I0_PERIOD_EV = 11.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StxmInstrument(Parameters):
    """A scanning transmission X-ray microscope at the Fe L edges."""

    energies_ev: tuple[float, ...] = param(
        FE_L_ENERGIES, "Photon energies as the beamline states them.", unit="eV", low=50, high=2e5
    )
    n0: float = param(1500.0, "Photons per pixel without sample.", low=10, high=5e4)
    n_flats: int = param(8, "Flat fields per energy.", low=1, high=100)
    dark: float = param(20.0, "Dark level.", unit="counts", low=0, high=5000)
    read_noise: float = param(2.0, "Noise of the detector, per reading.", unit="counts", low=0)
    full_scale: float = full_scale_param()
    psf_fwhm_um: float = param(0.04, "Width of the focal spot.", unit="um", low=0, high=10)
    drift_px: float = param(
        0.2, "Random walk of the sample per energy and axis.", unit="px", low=0, high=5
    )
    line_drift_px: float = param(
        0.0, "Drift along x within a frame, from its first to its last line: a raster shears.",
        unit="px", low=-20, high=20,
    )  # fmt: skip
    row_drift_px: float = param(
        0.0, "Slow drift within each frame and along each axis, another one in each (standard "
        "deviation).", unit="px", low=0, high=10,
    )  # fmt: skip
    steady_drift_px: float = param(
        0.0, "Drift along each axis from frame to frame that goes on evenly, within the frames as "
        "well.", unit="px", low=-5, high=5,
    )  # fmt: skip
    jitter_ev: float = param(0.01, "Random error of each photon energy.", unit="eV", low=0, high=1)
    i0_variation: float = param(0.02, "Relative variation of I0 with energy.", low=0, high=0.5)
    illumination: float = param(
        0.05, "Relative unevenness of the illumination over the field.", low=0, high=0.3
    )
    illumination_drift: float = param(
        0.01, "Relative change of the illumination between flats and sample.", low=0, high=0.2
    )
    background_b0: float = param(
        0.0, "Part of the absorption that does not depend on energy.", unit="um-1", low=0
    )
    background_b1: float = param(
        2.3, "Absorption below the edge, falling as E^-3.", unit="um-1", low=0
    )
    background_e0_ev: float = param(707.0, "Energy to which it refers.", unit="eV", low=50)
    stray_light: float = param(
        0.01, "Share of the light that passes beside the spot or at another energy.",
        low=0, high=0.2,
    )  # fmt: skip

    def check(self) -> None:
        """Check fields against each other."""
        check_rising(self.energies_ev)


def check_rising(energies_ev: tuple[float, ...]) -> None:
    """Refuse the energies of a scan, eV, unless there are two or more and they rise."""
    energies = np.asarray(energies_ev)
    if energies.size < 2 or np.any(np.diff(energies) <= 0):
        raise ParameterError(
            "the energies do not rise",
            expected="at least two, strictly rising",
            found=f"{energies.size} energies",
        )


def simulate_stxm(
    phantom: Phantom, instrument: StxmInstrument | None = None, seed: int = 0, **changes: Any
) -> xr.Dataset:
    """Counts that an STXM would record of a phantom.

    ``OD = sum_k c_k S_k(E + jitter) + t (b0 + b1 (E/E0)^-3)``. The focal spot (a Gaussian) blurs
    the transmitted intensity, not the optical density; drift moves it (exactly, in Fourier space,
    on a grid finer than the pixels, so that recording undersamples as it does in reality); stray
    light, illumination, Poisson counts, dark level and read noise follow.

    Parameters
    ----------
    phantom : Phantom
        From `lfp_ensemble`.
    instrument : StxmInstrument, optional
        Defaults if left out; `changes` are laid over it.
    seed : int
        Seed of drift, jitter and noise. The same seeds give the same bytes.
    **changes
        Fields of `StxmInstrument` to change.

    Returns
    -------
    xarray.Dataset
        Stack of ``counts``, uint16: ``signal`` ``(energy, y, x)``, ``flat``
        ``(flat_frame, energy, y, x)``, ``dark`` and ``truth_saturated`` ``(y, x)`` as in
        `socwidgets.phantoms.counting.record_counts`. The truth to compare with:
        ``truth_drift_y``, ``truth_drift_x`` (px by which each frame is displaced toward larger y
        and x; mean zero) and ``truth_energy`` (eV), all ``(energy,)``; ``truth_row_y`` and
        ``truth_row_x`` ``(energy, y)``, px, what steady and row drift add to it row
        by row.

    Raises
    ------
    ReferenceSpectraError
        If the phantom's references do not cover the energies.
    """
    instrument = (instrument or StxmInstrument()).replace(**changes)
    rng = np.random.default_rng(seed)
    shape = (phantom.truth.sizes[Y], phantom.truth.sizes[X])
    energies = np.asarray(instrument.energies_ev)
    jitter = instrument.jitter_ev * rng.standard_normal(energies.size)
    drift = random_walk(instrument.drift_px, energies.size, rng)
    steady = np.arange(energies.size) - 0.5 * (energies.size - 1)
    drift = drift + instrument.steady_drift_px * steady[:, None]
    flat_light, sample_light = illuminate(instrument, shape, rng)
    i0 = instrument.n0 * (1.0 + instrument.i0_variation * np.sin(
        2.0 * np.pi * (energies - energies[0]) / _I0_PERIOD_EV
    ))  # fmt: skip
    frames = transmissions(phantom, instrument, energies + jitter, drift)
    rows = _row_drift(instrument, energies.size, shape[0], seed)
    exposures = (
        (i0[i] * sample_light * _as_scanned(seen, instrument, rows[i]), i0[i] * flat_light)
        for i, seen in enumerate(frames)
    )
    stack = record_counts(phantom, instrument, energies, exposures, rng, technique="STXM")
    add_truth(stack, drift, energies + jitter)
    if instrument.row_drift_px or instrument.steady_drift_px:
        for k, name in enumerate((Y, X)):
            words = {"long_name": f"True drift of the row along {name}", "units": "pixel"}
            stack[f"truth_row_{name}"] = (("energy", Y), rows[:, k], words)
    called = {"instrument": instrument, "seed": seed, "phantom_seed": phantom.seed}
    return provenance.record(stack, "socwidgets.phantoms.simulate_stxm", called)


def _row_drift(instrument: StxmInstrument, frames: int, rows: int, seed: int) -> np.ndarray:
    """Drift ``(frame, 2, y)`` of the rows along y and x, px, beyond that of their frame."""
    turn = np.arange(rows) / max(rows - 1, 1) - 0.5
    drift = np.zeros((frames, 2, rows))
    drift[:, 1] = instrument.line_drift_px * turn
    drift += instrument.steady_drift_px * (rows - 1) / rows * turn
    if instrument.row_drift_px:
        # A generator of its own: the noise is the same with and without.
        rng = np.random.default_rng((seed, rows))
        waves = np.stack([turn * np.sqrt(6.0), np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)])
        # Each wave has half of the variance over the rows that the parameter states for their sum.
        slow = np.sqrt(2.0 / 3.0) * rng.standard_normal((frames, 2, 3)) @ waves
        drift += instrument.row_drift_px * slow
    return drift - drift.mean(axis=2, keepdims=True)


def _as_scanned(seen: np.ndarray, instrument: StxmInstrument, drift: np.ndarray) -> np.ndarray:
    """Transmission ``(y, x)`` with the drift of the lines and the light beside the spot."""
    if drift.any():
        rows, columns = np.indices(seen.shape, dtype=float)
        at = [rows - drift[0][:, None], columns - drift[1][:, None]]
        seen = map_coordinates(seen, at, order=3, mode="nearest")
    return (seen + instrument.stray_light) / (1.0 + instrument.stray_light)


def resolved_truth(
    phantom: Phantom,
    instrument: StxmInstrument | None = None,
    *,
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> xr.Dataset:
    """Truth as a noiseless detector of the instrument's resolution would see it.

    Thickness and thickness times SOC are blurred by the focal spot; their quotient is the
    thickness-weighted SOC that a perfect analysis of perfect data would find (up to the
    curvature of the Beer-Lambert law across the spot, which blurs intensities).

    Parameters
    ----------
    phantom : Phantom
        The sample.
    instrument : StxmInstrument, optional
        For its focal spot; defaults if left out.
    shift_px : (float, float)
        Displacement of the sample toward larger y and x.

    Returns
    -------
    xarray.Dataset
        ``soc`` (NaN without material), ``thickness`` (um), ``coefficient_<component>``, ``labels``.
        Next to a particle ``soc`` keeps the value of its rim as far as the blur reaches.
    """
    instrument = instrument or StxmInstrument()
    transfer = transfer_function(phantom, instrument.psf_fwhm_um)
    thickness = phantom.fine["thickness"].values
    sampled = [
        observe(scipy.fft.rfft2(field), transfer(shift_px), phantom)
        for field in (thickness, thickness * phantom.fine["soc"].values)
    ]
    # The blur is done by FFT: what it leaves far from any particle is rounding, not material.
    empty = sampled[0] < 1e-6 * sampled[0].max()
    blurred, charge = (np.where(empty, 0.0, field) for field in sampled)
    axes = (phantom.truth[Y].values, phantom.truth[X].values)
    parts = None
    if len(phantom.components) != 2:
        parts = np.stack(
            [observe(scipy.fft.rfft2(a), transfer(shift_px), phantom) for a in phantom.amounts()]
        )
        parts = np.where(empty, 0.0, parts)
    maps = maps_from_fields(blurred, charge, axes, phantom.od_per_um, phantom.components, parts)
    maps[LABELS] = phantom.truth[LABELS]
    return maps
