"""Names of dimensions, variables and attributes, and the one way to find the spectral axis."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from socwidgets.model.errors import SchemaError


@dataclass(frozen=True, slots=True)
class SpectralAxis:
    """What is known of a spectral axis from its name alone."""

    name: str
    units: str
    long_name: str


SPECTRAL_AXES = {
    axis.name: axis
    for axis in (
        SpectralAxis("energy", "eV", "Photon energy"),
        SpectralAxis("raman_shift", "cm-1", "Raman shift"),
        SpectralAxis("two_theta", "degree", "Scattering angle 2θ"),
        SpectralAxis("energy_loss", "eV", "Energy loss"),
        SpectralAxis("q", "angstrom-1", "Scattering vector"),
        SpectralAxis("d_spacing", "angstrom", "Lattice spacing"),
    )
}

Y, X = "y", "x"
LENGTH_UNITS = "um"

SIGNAL = "signal"
SIGNAL_STD = "signal_std"
VALID = "valid"
LABELS = "labels"
FLAT = "flat"
I0 = "i0"
DARK = "dark"
STATUS = "status"
REFERENCE = "reference"
COMPONENT = "component"
#: Dim of frames of one and the same thing, which are averaged.
REPEAT = "repeat"
STD_SUFFIX = "_std"
#: Attribute of a map whose values come round again, such as angles: after how much.
PERIOD = "period"

QUANTITY = "quantity"
PROVENANCE = "provenance"


def spectral_dim(obj: xr.Dataset | xr.DataArray) -> str:
    """Name of the spectral dimension of a stack, a spectrum or a set of references.

    Parameters
    ----------
    obj : xarray.Dataset or xarray.DataArray
        Anything with exactly one dimension named in `SPECTRAL_AXES`.

    Returns
    -------
    str
        The dimension's name. No other function spells it.

    Raises
    ------
    SchemaError
        If there is no spectral dimension or more than one.
    """
    found = [str(dim) for dim in obj.dims if dim in SPECTRAL_AXES]
    if len(found) == 1:
        return found[0]
    problem = f"dims are {tuple(map(str, obj.dims))}, of which {len(found)} are spectral"
    others = [str(dim) for dim in obj.dims if dim not in (X, Y)]
    example = "" if found or not others else f", as in .rename({{{others[-1]!r}: 'energy'}})"
    raise SchemaError(
        "spectral object",
        [("dims", problem)],
        fix=f"name exactly one dimension after its axis{example}: one of "
        f"{', '.join(SPECTRAL_AXES)}",
    )


def std_name(name: str) -> str:
    """Name of the standard-uncertainty variable that goes with `name`."""
    return f"{name}{STD_SUFFIX}"


def axis_label(coord: xr.DataArray) -> str:
    """Label such as ``"Photon energy (eV)"`` for a plot axis, from the coordinate's attributes."""
    text = str(coord.attrs.get("long_name", coord.name))
    units = str(coord.attrs.get("units", "")).replace("um", "µm").replace("cm-1", "cm⁻¹")
    return f"{text} ({units})" if units and units != "1" else text
