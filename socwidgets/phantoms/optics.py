"""What full-field and scanning microscopes share: blur, drift, illumination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import scipy.fft
import xarray as xr

from socwidgets.model.names import X, Y
from socwidgets.model.references import align_references
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.phantom import ENERGY_SHIFT, Phantom

#: Correlation lengths of the uneven illumination in the field.
ILLUMINATION_PARTS = 5.0


class Microscope(Protocol):
    """What the functions of this module read of an instrument; it may be frozen."""

    @property
    def background_b0(self) -> float: ...  # noqa: D102
    @property
    def background_b1(self) -> float: ...  # noqa: D102
    @property
    def background_e0_ev(self) -> float: ...  # noqa: D102
    @property
    def psf_fwhm_um(self) -> float: ...  # noqa: D102
    @property
    def illumination(self) -> float: ...  # noqa: D102
    @property
    def illumination_drift(self) -> float: ...  # noqa: D102


def random_walk(step_px: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Drift ``(n, 2)`` along y and x in px, with mean zero: a stack has no absolute position."""
    path = np.cumsum(step_px * rng.standard_normal((n, 2)), axis=0)
    return path - path.mean(axis=0)


def illuminate(
    instrument: Microscope, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Relative illumination ``(y, x)`` of the flats and of the sample; smooth over the field."""
    length = shape[0] / ILLUMINATION_PARTS
    flat = 1.0 + instrument.illumination * gaussian_field(shape, length, rng)
    drift = 1.0 + instrument.illumination_drift * gaussian_field(shape, length, rng)
    flat = np.clip(flat, 0.2, None)
    return flat, flat * np.clip(drift, 0.2, None)


def background_per_um(instrument: Microscope, energies: np.ndarray) -> np.ndarray:
    """Absorption of everything but the edge, ``(energy,)``, um-1: ``b0 + b1 (E/E0)^-3``."""
    ratio = energies / instrument.background_e0_ev
    return instrument.background_b0 + instrument.background_b1 * ratio**-3.0


def transmissions(
    phantom: Phantom,
    instrument: Microscope,
    energies: np.ndarray,
    drift: np.ndarray,
    row_offset_ev: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Transmission ``(y, x)`` frame by frame: blurred, displaced and sampled on the pixels.

    Parameters
    ----------
    phantom : Phantom
        The sample.
    instrument : Microscope
        Background and focal spot.
    energies : ndarray
        ``(energy,)``, eV, as they truly are.
    drift : ndarray
        ``(energy, 2)``, px.
    row_offset_ev : ndarray, optional
        ``(pixel rows,)``, eV by which each row of the detector sees a higher energy.
    """
    background = background_per_um(instrument, energies)
    amounts = phantom.amounts().astype(np.float32)
    thickness = phantom.fine["thickness"].values.astype(np.float32)
    transfer = transfer_function(phantom, instrument.psf_fwhm_um)
    spectra = _spectra_of(phantom, energies, row_offset_ev)
    for i in range(energies.size):
        od = np.float32(background[i]) * thickness
        for amount, spectrum in zip(amounts, spectra(i), strict=True):
            od += amount * spectrum
        # The absorbed part vanishes at the empty border, so the Fourier shift wraps nothing.
        absorbed = observe(scipy.fft.rfft2(-np.expm1(-od)), transfer(drift[i]), phantom)
        yield np.clip(1.0 - absorbed, 0.0, None)


def _spectra_of(
    phantom: Phantom, energies: np.ndarray, row_offset_ev: np.ndarray | None
) -> Callable[[int], list[Any]]:
    """Function from a frame to what each component absorbs per um: a number, or ``(y, x)``."""
    scale = phantom.od_per_um
    offset: np.ndarray | None = None
    if ENERGY_SHIFT in phantom.fine:
        offset = -phantom.fine[ENERGY_SHIFT].values
    if row_offset_ev is not None:
        rows = np.repeat(row_offset_ev, phantom.oversample)[:, None]
        offset = rows + (0.0 if offset is None else offset)
    if offset is None:
        axis = xr.DataArray(energies, dims="energy", coords={"energy": energies}, name="energy")
        table = scale * align_references(phantom.references, axis["energy"]).values
        return lambda i: [np.float32(row[i]) for row in table]
    # The references stand on a grid much finer than any line, so straight lines will do.
    grid, rows_ = phantom.references["energy"].values, phantom.references.values
    shift = offset
    return lambda i: [
        (scale * np.interp(energies[i] + shift, grid, row)).astype(np.float32) for row in rows_
    ]


def transfer_function(phantom: Phantom, fwhm_um: float) -> Callable[[Any], np.ndarray]:
    """Function from a shift in px to the transfer function of spot and shift on the fine grid."""
    (ny, nx), edge = (phantom.fine.sizes[Y], phantom.fine.sizes[X]), phantom.oversample
    # Frequencies in cycles per pixel.
    fy = scipy.fft.fftfreq(ny)[:, None] * edge
    fx = scipy.fft.rfftfreq(nx)[None, :] * edge
    sigma_px = fwhm_um / phantom.pixel_um / np.sqrt(8.0 * np.log(2.0))
    spot = np.exp(-2.0 * (np.pi * sigma_px) ** 2 * (fy**2 + fx**2))

    def at(shift_px: Any) -> np.ndarray:
        phase = np.exp(-2j * np.pi * fy * shift_px[0]) * np.exp(-2j * np.pi * fx * shift_px[1])
        return (spot * phase).astype(np.complex64)

    return at


def observe(spectrum: np.ndarray, transfer: np.ndarray, phantom: Phantom) -> np.ndarray:
    """Apply the transfer function and read the field at the pixel centers."""
    shape, edge = (phantom.fine.sizes[Y], phantom.fine.sizes[X]), phantom.oversample
    field = scipy.fft.irfft2(spectrum * transfer, s=shape)
    return field[edge // 2 :: edge, edge // 2 :: edge]


def add_truth(stack: xr.Dataset, drift: np.ndarray, energies: np.ndarray) -> None:
    """Add drift and true energies to the stack, for those who want to check an analysis."""
    for name, values in ((Y, drift[:, 0]), (X, drift[:, 1])):
        attrs = {"long_name": f"True drift along {name}", "units": "pixel"}
        stack[f"truth_drift_{name}"] = ("energy", values, attrs)
    attrs = {"long_name": "True photon energy", "units": "eV"}
    stack["truth_energy"] = ("energy", energies, attrs)
