"""What must not differ between a calibration and the maps that it is applied to."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.calibration_lines import Calibration
from socwidgets.model.errors import CalibrationWarning, KindError, ParameterError
from socwidgets.model.kinds import KIND
from socwidgets.model.status import USABLE, Status

#: Energies below this are keV (no edge of interest lies below 100 eV).
_LARGEST_KEV = 100.0

#: Ni K edges, eV: foil, oxides and any offset of a beamline.
NI_K_EV = (8310.0, 8375.0)

#: Attributes that shift a position: of every map of energies, of those that normalize the
#: spectrum, and of those that lead through the white line.
_ALWAYS = ("definition",)
_NORMALIZED = ("pre_window", "post_window", "post_degree", "post_exponent", "grid")
_WHITE_LINE = (
    "white_line_center",
    "white_line_half_width",
    "white_line_degree",
    "white_line_recentered",
    "white_line_grid",
)
_CENTROID = ("centroid_window",)
_DERIVATIVE = ("derivative_points",)
_OF_LCF = ("method", "components", "window", "constraint")

#: Energies closer than this are the same grid point, eV: the ripple of a window that is moved by
#: this much stays below a thousandth of an eV.
_SAME_EV = 0.02


def measured_with(maps: xr.Dataset, variable: str = "") -> str:
    """Say how a map was made, as JSON text for ``made_with`` of a calibration.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `fit_map`, of the standards.
    variable : str
        The map that is calibrated; ``edge_energy`` or the definition of the fit if left out.
    """
    wanted = _relevant(maps, variable)
    made = {name: _plain(maps.attrs[name]) for name in wanted if name in maps.attrs}
    if "definition" in made:
        made["definition"] = _definition(maps, variable)
    return json.dumps(made)


def mismatches(calibration: Calibration, maps: xr.Dataset, variable: str) -> list[str]:
    """Differences that make a calibration doubtful for some maps, one sentence each.

    Empty if there are none, or if the calibration does not say how it was made.
    """
    if not calibration.made_with:
        return []
    made = dict(json.loads(calibration.made_with))
    found = []
    for name in _relevant(maps, variable):
        here = _plain(maps.attrs.get(name))
        if name == "definition" and name in made:
            here = _definition(maps, variable)
        if name in made and here is not None and not _same(made[name], here):
            found.append(
                f"{name.replace('_', ' ')}: {_short(made[name])} there, {_short(here)} here"
            )
    return found


def warn_of_mismatches(calibration: Calibration, maps: xr.Dataset, variable: str) -> list[str]:
    """`mismatches`, each also given as a `CalibrationWarning`."""
    found = mismatches(calibration, maps, variable)
    if found:
        text = (
            "the calibration was made with another window or grid than these maps; its offset "
            "and ripple do not cancel (up to some tenths of an eV). " + "; ".join(found) + ". Fit "
            "the standards and the maps alike, with the window given (center=, half_width=)"
        )
        warnings.warn(text, CalibrationWarning, stacklevel=4)
    return found


def refuse_misleading(calibration: Calibration, maps: xr.Dataset, variable: str) -> None:
    """Refuse the largest slope of a Ni K edge as a measure of composition.

    Raises
    ------
    KindError
        Unless the calibration has ``force``.
    """
    if calibration.force or _definition(maps, variable) != "derivative":
        return
    e0 = float(maps.attrs.get("e0", np.nan))
    if NI_K_EV[0] <= e0 <= NI_K_EV[1]:
        raise KindError(
            "the largest slope of a Ni K edge is no measure of its state of charge: two "
            "inflections compete, and between NiO and LiNiO2 it jumps by 4.5 eV where the half "
            "height moves by 1.8 eV and the white line by 2.0 eV",
            expected="half_energy, integral_energy or white_line_energy",
            found=variable,
            fix="fit with definition='half', or pass force=True to the calibration",
        )


def refuse_other_unit(calibration: Calibration, maps: xr.Dataset, variable: str) -> None:
    """Refuse end members in keV for a map in eV.

    Raises
    ------
    ParameterError
        If the map holds energies of more than 100 eV and all end members are below 100.
    """
    known, _ = calibration.points()
    if maps[variable].attrs.get(KIND) != "energy" or not known:
        return
    middle = float(maps[variable].median())
    if middle > _LARGEST_KEV and max(map(abs, known)) < _LARGEST_KEV:
        raise ParameterError(
            "the calibration and the map are in different units",
            expected=f"end members in eV, near {middle:.1f}",
            found=", ".join(f"{value:g}" for value in known),
            fix="multiply energies in keV by 1000",
        )


def warn_of_range(status: xr.DataArray, calibration: Calibration) -> list[str]:
    """Sentence, also given as a `CalibrationWarning`, where most pixels are out of its range."""
    codes = status.values
    outside = int(np.count_nonzero(codes == Status.OUT_OF_RANGE))
    inside = int(np.isin(codes, [int(code) for code in USABLE]).sum())
    if outside <= inside:
        return []
    known = calibration.points()[0]
    ends = f" ({min(known):g} to {max(known):g})" if known else ""
    text = (
        f"{outside} of {outside + inside} pixels lie outside of the calibrated range{ends}: "
        "check the end members, and whether both are on one energy scale"
    )
    warnings.warn(text, CalibrationWarning, stacklevel=4)
    return [text]


def _definition(maps: xr.Dataset, variable: str) -> str:
    """Definition of one energy map, also of a fit that made all of them."""
    stated = str(maps.attrs.get("definition", ""))
    if variable in ("", "edge_energy") or not variable.endswith("_energy"):
        return stated
    return variable.removesuffix("_energy")


def _relevant(maps: xr.Dataset, variable: str) -> tuple[str, ...]:
    if maps.attrs.get("method") == "lcf":
        return _OF_LCF
    definition = _definition(maps, variable)
    names: tuple[str, ...] = _ALWAYS
    if maps.attrs.get("method") == "edge_energy":
        names += _NORMALIZED
    if definition in ("white_line", "half_wl", "all"):
        names += _WHITE_LINE
    return names + {"centroid": _CENTROID, "derivative": _DERIVATIVE}.get(definition, ())


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(float(one) - float(other)) <= _SAME_EV
    return bool(one == other)


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)) and len(value) > 4 and isinstance(value[0], (int, float)):
        return f"{len(value)} points from {value[0]:g} to {value[-1]:g}"
    return str(value)
