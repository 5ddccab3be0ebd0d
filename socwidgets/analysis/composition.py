"""From one way of stating a composition to another: x_li, x_removed, soc, oxidation state (0.1)."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from socwidgets.analysis.calibration_lines import COMPOSITIONS
from socwidgets.analysis.materials import Material, material
from socwidgets.model import provenance
from socwidgets.model.errors import CalibrationWarning, DataError, KindError
from socwidgets.model.kinds import KIND, require_kind
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import STATUS, std_name
from socwidgets.model.status import Status, usable

_WORDS = {
    "soc": "State of charge",
    "x_li": "Lithium content",
    "x_removed": "Lithium removed",
    "oxidation_state": "Oxidation state",
}


def lithium_line(kind: str, of: Material) -> tuple[float, float]:
    """Offset and slope of ``x_li = offset + slope value`` for one kind of composition."""
    if kind not in COMPOSITIONS:
        raise KindError(
            f"{kind!r} is no composition", expected=f"one of {', '.join(COMPOSITIONS)}", found=kind
        )
    return {
        "x_li": (0.0, 1.0),
        "x_removed": (of.x_max, -1.0),
        "soc": (of.x_discharged, of.x_charged - of.x_discharged),
        "oxidation_state": (of.anion_charge - of.fixed_charge, -of.redox_amount),
    }[kind]


def convert(
    values: np.ndarray | float, from_kind: str, to_kind: str, of: Material
) -> np.ndarray | float:
    """Convert numbers between kinds of composition; oxidation states are not capped here.

    Parameters
    ----------
    values : numpy.ndarray or float
        Numbers of one kind; NaN stays NaN.
    from_kind, to_kind : str
        ``soc``, ``x_li``, ``x_removed`` or ``oxidation_state``.
    of : Material
        Which layered oxide or phosphate: capacities and charges behind the conversion.

    Raises
    ------
    KindError
        If a kind is none of ``soc``, ``x_li``, ``x_removed``, ``oxidation_state``.
    """
    (a, b), (c, d) = lithium_line(from_kind, of), lithium_line(to_kind, of)
    return (a + b * values - c) / d


def convert_map(maps: xr.Dataset, to_kind: str, of: Material | str) -> xr.Dataset:
    """Convert a composition map, its uncertainty and its end points.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `soc_map` or `calibrated_map`, any leading dims.
    to_kind : str
        ``soc``, ``x_li``, ``x_removed`` or ``oxidation_state``.
    of : Material or str
        Its window and its charge balance, or the name of a preset (`materials.material`).

    Returns
    -------
    xarray.Dataset
        The maps with the composition replaced by one named `to_kind`. An oxidation state above
        ``of.highest`` is set to it, with the status ``at_bound``: there the rule that one metal
        alone takes part is broken. ``attrs["capped"]`` is the share of the usable pixels. The note
        of the material joins ``attrs["caveats"]``.

    Raises
    ------
    DataError
        If there is no composition map, or more than one.
    KindError
        If `to_kind` is unknown.

    Warns
    -----
    CalibrationWarning
        If oxidation states were capped; or if lithium was read from oxidation states at the cap,
        where it is only an upper limit.
    """
    of = material(of) if isinstance(of, str) else of
    held = [name for name in COMPOSITIONS if name in maps]
    if len(held) != 1:
        raise DataError(
            "which map holds the composition is not clear",
            expected=f"exactly one of {', '.join(COMPOSITIONS)}",
            found=", ".join(held) or "none of them",
        )
    source = held[0]
    kind = require_kind(maps[source], COMPOSITIONS, "a conversion of compositions").name
    (a, b), (c, d) = lithium_line(kind, of), lithium_line(to_kind, of)
    # Slope and offset at once: the sigma must not see the difference of two large numbers.
    slope, offset = b / d, (a - c) / d
    ends = sorted(float(offset + slope * e) for e in maps[source].attrs.get("end_points", (0, 1)))
    described = {"units": "1", KIND: to_kind, "long_name": _WORDS[to_kind], "end_points": ends}
    if to_kind == "oxidation_state":
        described["long_name"] = f"Oxidation state of {of.redox}"
    renamed = {
        name: name.replace(source, to_kind, 1)
        for name in (source, std_name(source), f"{source}_bounded")
        if name in maps
    }
    result = maps.rename(renamed)
    for old, new in renamed.items():
        sigma = old == std_name(source)
        moved = abs(slope) * maps[old] if sigma else offset + slope * maps[old]
        words = {"long_name": f"Standard uncertainty: {_WORDS[to_kind].lower()}", "units": "1"}
        result[new] = moved.assign_attrs(words if sigma else described)
    _tell_limits(result, maps[source], kind, to_kind, of)
    known, note = list(maps.attrs.get("caveats", ())), f"{of.name}: {of.note}"
    if of.note and note not in known:
        result.attrs["caveats"] = [*known, note]
    called = {"from": kind, "to": to_kind, "material": of}
    return provenance.record(
        result, "socwidgets.analysis.composition.convert_map", called, source=maps
    )


def _tell_limits(
    result: xr.Dataset, source: xr.DataArray, kind: str, to_kind: str, of: Material
) -> None:
    """Cap oxidation states where the rule breaks; warn where lithium is only bounded."""
    if to_kind == "oxidation_state":
        over = (result[to_kind] > of.highest) & usable(result)
    elif kind == "oxidation_state":
        over = (source >= of.highest) & usable(result)
    else:
        return
    total = int(usable(result).where(result[to_kind].notnull(), False).sum())
    share = float(over.sum()) / total if total else 0.0
    result.attrs["capped"] = share
    if not share:
        return
    what = (
        f"the oxidation state of {of.redox} would exceed {of.highest:g} and is set to it"
        if to_kind == "oxidation_state"
        else f"{of.redox} stands at {of.highest:g} or above: the lithium content is an upper limit"
    )
    warnings.warn(
        f"in {100 * share:.1f} % of the pixels {what}; there other metals or oxygen must take part",
        CalibrationWarning,
        stacklevel=3,
    )
    if to_kind == "oxidation_state":
        result[to_kind] = (
            result[to_kind].where(~over, of.highest).assign_attrs(result[to_kind].attrs)
        )
    if STATUS in result:
        codes = result[STATUS].where(~over, np.uint8(Status.AT_BOUND))
        variable = status_variable(codes.values, tuple(map(str, codes.dims)))
        result[STATUS] = xr.DataArray(variable, codes.coords)
