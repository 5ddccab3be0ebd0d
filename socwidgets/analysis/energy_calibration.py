"""The photon-energy axis: calibration on a foil, and two-point Bragg recalibration."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import xarray as xr

from socwidgets.analysis.scan_alignment import find_e0
from socwidgets.model import provenance
from socwidgets.model.errors import CalibrationWarning, DataError, ParameterError
from socwidgets.model.names import spectral_dim

#: K-edge energies of metal foils, eV (X-ray data booklet values as tabulated by xraydb 4.5).
FOIL_EDGES = {"Mn": 6539.0, "Fe": 7112.0, "Co": 7709.0, "Ni": 8333.0}

#: h c, eV angstrom, and the lattice spacing of Si(111), angstrom.
HC_EV_ANGSTROM, SI111_ANGSTROM = 12398.4198, 3.1356

#: Monochromators are off by some eV; the edge's own energy given as an offset is a slip.
LARGEST_OFFSET_EV = 100.0

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
            fix="check the element, that the foil is absorption and not transmission, and its "
            "axis; an axis that is further off is moved by shift_energies",
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

    Raises
    ------
    ParameterError, DataError
        As `foil_offset` and `shift_energies`.

    Warns
    -----
    CalibrationWarning
        If the axis was moved before and that of the foil was not: the same offset would be added
        twice.
    """
    before = float(data.attrs.get(OFFSET_ATTR, 0.0))
    if before and before != float(foil.attrs.get(OFFSET_ATTR, 0.0)):
        warnings.warn(
            f"these energies were moved by {before:+.3f} eV before, and those of the foil were "
            "not: a foil on the axis as recorded counts twice. Calibrate what was read from the "
            "file, or move the foil along: shift_energies(foil, ...)",
            CalibrationWarning,
            stacklevel=2,
        )
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
    ParameterError
        If the offset is not finite, or so large that it is no offset but an energy.
    """
    dim = spectral_dim(data)
    if dim != "energy":
        raise DataError(
            "only photon energies are calibrated this way",
            expected="an axis 'energy'",
            found=f"axis {dim!r}",
        )
    if not abs(offset_ev) <= LARGEST_OFFSET_EV:
        raise ParameterError(
            "this is no offset of an energy axis",
            expected=f"a finite number of eV, at most {LARGEST_OFFSET_EV:g} either way",
            found=f"{offset_ev:g} eV",
            fix="give the difference, table minus measured; an axis in another unit is converted "
            "on reading (units=)",
        )
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
    measured_ev: Sequence[float] | float,
    true_ev: Sequence[float] | float,
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
    measured_ev, true_ev : float or sequence of float
        One or two edges where the axis has them and where they belong, eV.
    spacing : float
        Lattice spacing of the crystal, angstrom.

    Returns
    -------
    same as `data`
        ``attrs["energy_offset_applied"]`` gains the shift at the middle of the axis.

    Raises
    ------
    ParameterError
        If there are not one or two points, or the crystal does not reflect one of them.
    DataError
        If the points would turn the axis around.
    """
    measured, true = (np.atleast_1d(np.asarray(v, float)).tolist() for v in (measured_ev, true_ev))
    if len(measured) != len(true) or len(measured) not in (1, 2):
        raise ParameterError(
            "a Bragg calibration takes one or two points",
            expected="as many measured as true energies",
            found=f"{len(measured)} and {len(true)}",
        )
    if len(set(measured)) != len(measured):
        raise ParameterError("both calibration points are the same", found=str(measured))
    seen, truth = (
        bragg_angle(np.array(measured), spacing),
        bragg_angle(np.array(true), spacing),
    )
    factor = (truth[1] - truth[0]) / (seen[1] - seen[0]) if seen.size == 2 else 1.0
    dim = spectral_dim(data)
    old = data[dim].values.astype(np.float64)
    new = bragg_energy(truth[0] + factor * (bragg_angle(old, spacing) - seen[0]), spacing)
    if not np.all(np.diff(new) * np.sign(old[-1] - old[0]) > 0):
        raise DataError("these two points would turn the axis around", found=str(true))
    middle = old.size // 2
    moved = data.assign_coords({dim: data[dim].copy(data=new)})
    total = float(data.attrs.get(OFFSET_ATTR, 0.0)) + float(new[middle] - old[middle])
    moved.attrs[OFFSET_ATTR] = total
    if isinstance(moved, xr.Dataset):
        called = {"measured_ev": measured, "true_ev": true, "spacing": spacing}
        name = "socwidgets.analysis.energy_calibration.recalibrate_bragg"
        return provenance.record(moved, name, called, source=data)
    return moved
