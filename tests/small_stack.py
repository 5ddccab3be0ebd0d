"""A tiny two-phase stack with known answers, for tests of sessions, views and the explorer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.io import save_bundle
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

ENERGIES = np.linspace(700.0, 725.0, 26)
NOISE = 0.01
PIXEL_UM = 0.05


def references() -> xr.DataArray:
    """Two overlapping peaks on a step, called LFP and FP."""

    def spectrum(center: float) -> np.ndarray:
        step = 0.3 / (1 + np.exp(-(ENERGIES - 708.0)))
        return step + np.exp(-(((ENERGIES - center) / 1.5) ** 2))

    return make_references({"LFP": (ENERGIES, spectrum(708.0)), "FP": (ENERGIES, spectrum(710.5))})


def true_soc(ny: int = 24, nx: int = 32) -> np.ndarray:
    """Left half discharged, right half charged, with a ramp between."""
    x = np.linspace(0.0, 1.0, nx)
    return np.tile(np.clip((x - 0.25) / 0.5, 0.0, 1.0), (ny, 1))


def stack(ny: int = 24, nx: int = 32, seed: int = 0) -> xr.Dataset:
    """Optical density ``(energy, y, x)`` with noise of standard deviation `NOISE`."""
    soc = true_soc(ny, nx)
    low, high = references().values
    rng = np.random.default_rng(seed)
    signal = low[:, None, None] * (1 - soc) + high[:, None, None] * soc
    signal = (signal + rng.normal(0.0, NOISE, signal.shape)).astype(np.float32)
    made = make_stack(signal, ENERGIES, quantity="optical_density", pixel_um=PIXEL_UM)
    made["signal_std"] = xr.full_like(made["signal"], NOISE)
    return made


def maps(data: xr.Dataset) -> xr.Dataset:
    """SOC maps of `stack`, by the package's own fit."""
    from socwidgets.analysis.calibration import soc_map
    from socwidgets.analysis.fit import fit_map

    return soc_map(fit_map(data, "lcf", references=references(), workers=1))


def write_scan(folder: Path) -> tuple[Path, str]:
    """Counts of `stack` behind a flat beam in a bundle, and its references as text files.

    The thickness varies, and the first two rows are empty.
    """
    blobs = gaussian_filter(np.random.default_rng(5).normal(size=(24, 32)), 1.5)
    counts = 4000.0 * np.exp(-stack()["signal"].values * (1.0 + 2.0 * blobs))
    counts[:, :2, :] = 4000.0  # nothing in the beam
    scan = make_stack(counts.astype(np.float32), ENERGIES, quantity="counts", pixel_um=PIXEL_UM)
    save_bundle(folder / "scan.nc", stack=scan)
    names = []
    for spectrum in references():
        name = str(spectrum["component"].values)
        np.savetxt(folder / f"{name}.txt", np.c_[ENERGIES, spectrum.values])
        names.append(f"{name}={folder / name}.txt")
    return folder / "scan.nc", ",".join(names)
