"""The photon-energy axis: calibration on a foil, and two-point Bragg recalibration."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import xarray as xr

from socwidgets.analysis.scan_alignment import find_e0
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import spectral_dim

#: K-edge energies of metal foils, eV (X-ray data booklet values as tabulated by xraydb 4.5).
FOIL_EDGES = {"Mn": 6539.0, "Fe": 7112.0, "Co": 7709.0, "Ni": 8333.0}

#: h c, eV angstrom, and the lattice spacing of Si(111), angstrom.
HC_EV_ANGSTROM, SI111_ANGSTROM = 12398.4198, 3.1356

#: Attribute of every calibrated axis: what was added to the energies, eV.
OFFSET_ATTR = "energy_offset_applied"

Spectral = TypeVar("Spectral", xr.Dataset, xr.DataArray)


def foil_offset(foil: xr.DataArray, element: str, *, smooth_ev: float | None = None) -> float:
    """Energy to add to an axis so that a foil's edge lies at its table value, eV.

    Parameters
    ----------
    foil : xarray.DataArray
        ``(energy,)`` absorption of a metal foil, eV.
    element : str
        Symbol of the metal, one of `FOIL_EDGES`.
    smooth_ev : float, optional
        Width of the smoothing of `find_e0`, eV.

    Raises
    ------
    ParameterError
        For an element without a table value.
    DataError
        If the foil's edge lies more than 20 eV from it: another foil, or another axis.
    """
    if element not in FOIL_EDGES:
        raise ParameterError(
            "there is no table value for this foil",
            expected=f"one of {', '.join(FOIL_EDGES)}",
            found=repr(element),
            fix="use shift_energies with an offset of your own",
        )
    found = find_e0(foil, smooth_ev=smooth_ev, refine=True)
    offset = FOIL_EDGES[element] - found
    if abs(offset) > 20.0:
        raise DataError(
            f"this is not a {element} foil",
            expected=f"an edge within 20 eV of {FOIL_EDGES[element]:g} eV",
            found=f"{found:.1f} eV",
        )
    return offset


def calibrate_energies(data: Spectral, foil: xr.DataArray, element: str) -> Spectral:
    """Shift the axis of a stack, spectrum or set of references by what a foil says.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With an ``energy`` axis, eV.
    foil : xarray.DataArray
        ``(energy,)``, absorption of the foil on the same, uncalibrated axis.
    element : str
        Of the foil: Mn, Fe, Co or Ni.

    Returns
    -------
    same as `data`
        With the axis moved; ``attrs["energy_offset_applied"]`` (eV) holds the sum of all offsets.
    """
    return shift_energies(data, foil_offset(foil, element), why=f"{element} foil")


def shift_energies(data: Spectral, offset_ev: float, *, why: str = "by hand") -> Spectral:
    """Add an offset to the spectral axis and remember it; offsets of several calls add up.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        Stack, references or spectrum with a dim ``energy``.
    offset_ev : float
        What to add, eV.
    why : str
        Goes into the provenance.

    Returns
    -------
    xarray.Dataset or xarray.DataArray
        Copy with other energies; the sum of all offsets stands in its attributes.

    Raises
    ------
    DataError
        If the spectral axis is not the photon energy.
    """
    dim = spectral_dim(data)
    if dim != "energy":
        raise DataError("only photon energies are calibrated this way", found=f"axis {dim!r}")
    total = float(data.attrs.get(OFFSET_ATTR, 0.0)) + offset_ev
    moved = data.assign_coords({dim: data[dim] + offset_ev})
    moved[dim].attrs.update(data[dim].attrs)
    moved.attrs[OFFSET_ATTR] = total
    if isinstance(moved, xr.Dataset):
        called = {"offset_ev": offset_ev, "why": why}
        return provenance.record(
            moved, "socwidgets.analysis.energy_calibration.shift_energies", called, source=data
        )
    return moved


def bragg_angle(energy_ev: np.ndarray | float, spacing: float = SI111_ANGSTROM) -> np.ndarray:
    """Bragg angle in radians, ``asin(h c / (2 d E))`` (golden G-15).

    Raises
    ------
    ParameterError
        Where the crystal cannot reflect the energy.
    """
    sine = HC_EV_ANGSTROM / (2.0 * spacing * np.asarray(energy_ev, np.float64))
    if np.any(~(sine < 1.0) | (sine <= 0.0)):
        raise ParameterError(
            "the crystal does not reflect this energy",
            expected=f"above {HC_EV_ANGSTROM / 2 / spacing:.0f} eV",
            found=f"{np.min(energy_ev):g} eV",
        )
    return np.arcsin(sine)


def bragg_energy(angle: np.ndarray | float, spacing: float = SI111_ANGSTROM) -> np.ndarray:
    """Photon energy in eV that a crystal reflects at an angle in radians."""
    return HC_EV_ANGSTROM / (2.0 * spacing * np.sin(np.asarray(angle, np.float64)))


def recalibrate_bragg(
    data: Spectral,
    measured_ev: tuple[float, ...],
    true_ev: tuple[float, ...],
    *,
    spacing: float = SI111_ANGSTROM,
) -> Spectral:
    """Correct the axis by an error of the monochromator's angle, for spans above 300 eV.

    One point gives ``theta + dtheta``. Two points give ``theta (1 + k) + dtheta``: an encoder with
    a wrong zero and a wrong step.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With an ``energy`` axis, eV.
    measured_ev, true_ev : tuple of float
        One or two edges where the axis has them and where they belong, eV.
    spacing : float
        Lattice spacing of the crystal, angstrom.

    Returns
    -------
    same as `data`
        ``attrs["energy_offset_applied"]`` gains the shift at the middle of the axis.
    """
    if len(measured_ev) != len(true_ev) or len(measured_ev) not in (1, 2):
        raise ParameterError(
            "a Bragg calibration takes one or two points",
            expected="as many measured as true energies",
            found=f"{len(measured_ev)} and {len(true_ev)}",
        )
    if len(set(measured_ev)) != len(measured_ev):
        raise ParameterError("both calibration points are the same", found=str(measured_ev))
    seen, truth = (
        bragg_angle(np.array(measured_ev), spacing),
        bragg_angle(np.array(true_ev), spacing),
    )
    factor = (truth[1] - truth[0]) / (seen[1] - seen[0]) if seen.size == 2 else 1.0
    dim = spectral_dim(data)
    old = data[dim].values.astype(np.float64)
    new = bragg_energy(truth[0] + factor * (bragg_angle(old, spacing) - seen[0]), spacing)
    if not np.all(np.diff(new) * np.sign(old[-1] - old[0]) > 0):
        raise DataError("these two points would turn the axis around", found=str(true_ev))
    middle = old.size // 2
    moved = data.assign_coords({dim: data[dim].copy(data=new)})
    total = float(data.attrs.get(OFFSET_ATTR, 0.0)) + float(new[middle] - old[middle])
    moved.attrs[OFFSET_ATTR] = total
    return moved
