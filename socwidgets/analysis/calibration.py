"""From a fitted quantity to a state of charge, with the calibration's own uncertainty."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis.calibration_guard import (
    refuse_misleading,
    refuse_other_unit,
    warn_of_mismatches,
    warn_of_range,
)
from socwidgets.analysis.calibration_lines import (
    COMPOSITION_WORDS,
    Calibration,
    StandardsCurve,
    TwoPoint,
    standards,
    two_point,
)
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, KindError, ParameterError
from socwidgets.model.kinds import KIND, kind_of
from socwidgets.model.mapset import DOUBTS, status_variable
from socwidgets.model.names import STATUS, std_name
from socwidgets.model.noise_shape import NOISE_SHAPE
from socwidgets.model.rim import RIM_CHECK
from socwidgets.model.status import Status

__all__ = [
    "SOC",
    "Calibration",
    "StandardsCurve",
    "TwoPoint",
    "calibrated_map",
    "soc_map",
    "standards",
    "two_point",
]

SOC = "soc"
_PASSED_ON = ("thickness", "thickness_std", "edge_jump", "r_factor", "residual_rms", "redchi")
_KEPT = (
    "sample", "title", "components", "sigma_source", "window", "condition_number", RIM_CHECK,
    NOISE_SHAPE, *DOUBTS,
)  # fmt: skip

#: Sum of the weights of a linear combination, over its sigma, that a fraction of it needs. Below,
#: numerator and denominator are both noise: the ratio has no mean, and its first-order sigma says
#: nothing (tens, or tens of thousands, at the rim of a particle).
MIN_SUM_SIGMA = 3.0

#: Printed with every composition that was read from an edge energy.
EDGE_CAVEATS = (
    "at high charge the shift of a K edge also holds metal-oxygen covalency and oxygen's part",
    "a reduced surface layer looks like a low state of charge without holding lithium",
    "beam damage reduces metals: show the dose",
    "a transmission map is a mean along the beam, weighted by thickness",
)


def soc_map(
    maps: xr.Dataset, calibration: Calibration | str | None = None, *, charged: str | None = None
) -> xr.Dataset:
    """State-of-charge map from a fit.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `fit_map`.
    calibration : TwoPoint, StandardsCurve or str, optional
        For a map named in it (left out: the one energy of the fit, where there is just one),
        leading to a state of charge. Without a calibration, the fit is a linear
        combination fit and the fraction of the charged reference is the state of charge; a text is
        the name of that reference.
    charged : str, optional
        Name of the charged reference of a linear combination fit; the last one if left out.

    Returns
    -------
    xarray.Dataset
        ``soc`` and ``soc_std`` (kind ``soc``), from the *unconstrained* fractions where there are
        any: clipping at 0 or 1 biases every mean by up to 0.4 sigma, so nothing is clipped.
        ``soc_bounded`` holds the constrained ones for display. ``status`` gains ``out_of_range``,
        and ``low_signal`` (no value) where the sum of the weights is below `MIN_SUM_SIGMA` of its
        own sigma.
        ``thickness``, ``r_factor``, ``residual_rms`` and ``redchi`` are passed on.

    Raises
    ------
    DataError, ParameterError
        If the fit has no such reference or map.
    KindError
        If the calibration leads to something else than a state of charge (use `calibrated_map`), or
        from the largest slope of a Ni K edge without ``force``.

    Warns
    -----
    CalibrationWarning
        If the calibration says that it was made with another window or grid than the maps, or if
        most pixels lie outside of its range; ``attrs["calibration_doubts"]`` repeats it.
    """
    if isinstance(calibration, str):
        calibration, charged = None, calibration
    _require_calibration(calibration)
    if calibration is not None and calibration.kind != SOC:
        raise KindError(
            f"this calibration leads to {calibration.kind}, not to a state of charge",
            fix="use calibrated_map, then composition.convert_map with the material",
        )
    variable, bounded = _source(maps, calibration, charged)
    return _calibrated(maps, variable, bounded, calibration or TwoPoint(variable=variable))


def calibrated_map(maps: xr.Dataset, calibration: Calibration) -> xr.Dataset:
    """Map of a composition (state of charge, lithium content or oxidation state) from a fit.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `fit_map`, any leading dims.
    calibration : TwoPoint or StandardsCurve
        With the name of the map that it belongs to.

    Returns
    -------
    xarray.Dataset
        As `soc_map`, the map named by its kind: ``soc``, ``x_li``, ``x_removed`` or
        ``oxidation_state``. Its attribute ``end_points`` holds the ends of the calibrated range.

    Raises
    ------
    DataError, KindError
        As `soc_map`.
    """
    _require_calibration(calibration)
    variable, bounded = _source(maps, calibration, None)
    return _calibrated(maps, variable, bounded, calibration)


def _require_calibration(given: object) -> None:
    """Raise `ParameterError` for numbers in the place of a calibration."""
    if not isinstance(given, Calibration | None):
        raise ParameterError(
            "this is no calibration",
            expected="a TwoPoint or a StandardsCurve",
            found=repr(given),
            fix="make one with two_point(discharged, charged) or standards(values, compositions)",
        )


def _calibrated(
    maps: xr.Dataset, variable: str, bounded: str | None, line: Calibration
) -> xr.Dataset:
    refuse_misleading(line, maps, variable)
    refuse_other_unit(line, maps, variable)
    doubts = warn_of_mismatches(line, maps, variable)
    values, name, words = maps[variable], line.kind, COMPOSITION_WORDS[line.kind]
    std = maps[std_name(variable)] if std_name(variable) in maps else xr.full_like(values, np.nan)
    found, sigma = line.apply(values, std)
    weak = _too_thin(maps, variable)
    if weak is not None:
        found, sigma = found.where(~weak), sigma.where(~weak)
    described = {"units": "1", KIND: name, "end_points": list(line.span())}
    result = xr.Dataset(
        {
            name: found.assign_attrs(long_name=words, **described),
            std_name(name): sigma.drop_attrs().assign_attrs(
                long_name=f"Standard uncertainty: {words.lower()}", units="1"
            ),
        }
    )
    if bounded:
        shown, _ = line.apply(maps[bounded], std)
        shown = shown if weak is None else shown.where(~weak)
        result[f"{name}_bounded"] = shown.assign_attrs(
            long_name=f"{words}, constrained fit", **described
        )
    if f"{variable}_systematic" in maps and isinstance(line, TwoPoint):
        scale = 1.0 / abs(line.charged - line.discharged)
        result[f"{name}_systematic"] = (scale * maps[f"{variable}_systematic"]).assign_attrs(
            long_name=f"Systematic uncertainty: {words.lower()}", units="1"
        )
    result.update({passed: maps[passed] for passed in _PASSED_ON if passed in maps})
    result[STATUS] = _flag_range(maps, found, sigma, line, weak)
    doubts += warn_of_range(result[STATUS], line)
    result.attrs.update({k: maps.attrs[k] for k in _KEPT if k in maps.attrs})
    if kind_is_energy(values):
        result.attrs["caveats"] = list(EDGE_CAVEATS)
    if doubts:
        result.attrs["calibration_doubts"] = doubts
    called = {**line.to_dict(), "variable": variable}
    return provenance.record(result, "socwidgets.soc_map", called, source=maps)


def kind_is_energy(values: xr.DataArray) -> bool:
    """Whether a map holds energies of an edge, so that the caveats of edge shifts apply."""
    return values.attrs.get(KIND) == "energy"


def _source(
    maps: xr.Dataset, calibration: Calibration | None, charged: str | None
) -> tuple[str, str | None]:
    """Name of the map to calibrate, and of its constrained twin if there is one."""
    if calibration is not None and calibration.variable:
        name = calibration.variable
        if name not in maps:
            names = ", ".join(str(n) for n in maps.data_vars)
            raise DataError(f"the fit has no map {name!r}", expected=f"one of {names}")
        kind_of(maps[name])
        return name, None
    if SOC in maps:
        raise DataError(
            "this map is a state of charge already",
            expected="the result of fit_map",
            fix="name another map of it in the calibration (variable=)",
        )
    components = list(np.atleast_1d(maps.attrs.get("components", [])))
    positions = [str(n) for n in maps.data_vars if kind_is_energy(maps[n])]
    if not components and calibration is not None and len(positions) == 1:
        return positions[0], None
    if calibration is None and len(components) == 1:
        raise DataError(
            "a fit of one reference has no state of charge: its share is 1 everywhere",
            expected="the references of the discharged and of the charged material",
            found=components[0],
            fix="fit both, or pass a calibration of another map",
        )
    if not components:
        raise DataError(
            "which map holds the state of charge is not clear",
            expected="a linear combination fit, or a calibration that names its variable",
            found=", ".join(str(n) for n in maps.data_vars),
            fix="pass two_point(discharged, charged, variable='...')",
        )
    name = components[-1] if charged in (None, "") else charged
    if name not in components:
        raise ParameterError(
            f"there is no reference {name!r} in this fit",
            expected=f"one of {', '.join(components)}",
        )
    free = f"fraction_{name}_free"
    return (free, f"fraction_{name}") if free in maps else (f"fraction_{name}", None)


def _too_thin(maps: xr.Dataset, variable: str) -> xr.DataArray | None:
    """Where a fraction is a ratio of noise to noise; None if the map is no fraction of weights."""
    if not variable.startswith("fraction_") or std_name("thickness") not in maps:
        return None
    return maps["thickness"] < MIN_SUM_SIGMA * maps[std_name("thickness")]


def _flag_range(
    maps: xr.Dataset,
    found: xr.DataArray,
    sigma: xr.DataArray,
    line: Calibration,
    weak: xr.DataArray | None,
) -> xr.DataArray:
    """Status with ``out_of_range`` where a value is outside the calibrated range, noise aside."""
    low, high = line.span()
    guard = line.margin * (high - low) + 3.0 * sigma.fillna(0.0)
    outside = (found < low - guard) | (found > high + guard)
    if line.confirm_extrapolation:
        outside = xr.zeros_like(outside)
    before = maps[STATUS] if STATUS in maps else xr.zeros_like(found, dtype=np.uint8)
    free = before.isin([int(Status.OK), int(Status.AT_BOUND)])
    codes = before.where(~(outside & free), np.uint8(Status.OUT_OF_RANGE))
    if weak is not None:
        codes = codes.where(~(weak & free), np.uint8(Status.LOW_SIGNAL))
    variable = status_variable(codes.values, tuple(str(d) for d in codes.dims))
    return xr.DataArray(variable, found.coords)
