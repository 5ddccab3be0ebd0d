"""From a fitted quantity to a state of charge, with the calibration's own uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.kinds import KIND, kind_of
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import STATUS, std_name
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.status import Status

SOC = "soc"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPoint(Parameters):
    """A straight line through the discharged and the charged end member.

    ``s = (v - v_dis)/(v_ch - v_dis)``; 0 is discharged, 1 is charged, and values outside are kept:
    they are local over-discharge or over-charge.
    """

    discharged: float = param(0.0, "Value of the quantity when discharged.")
    charged: float = param(1.0, "Value of the quantity when charged.")
    discharged_std: float = param(0.0, "Standard uncertainty of the discharged value.", low=0.0)
    charged_std: float = param(0.0, "Standard uncertainty of the charged value.", low=0.0)
    variable: str = param("", "Map that the calibration belongs to; empty for any.")
    margin: float = param(
        0.1,
        "How far outside [0, 1] values count as calibrated, in units of the range; beyond it (and "
        "beyond 3 sigma) a pixel is flagged out_of_range.",
        low=0.0,
    )

    def check(self) -> None:
        """Check that the end members differ."""
        if self.discharged == self.charged:
            raise ParameterError(
                "the two end members of the calibration are the same",
                expected="different values when discharged and when charged",
                found=f"{self.discharged:g} and {self.charged:g}",
            )

    def apply(self, values: Any, std: Any) -> tuple[Any, Any]:
        """State of charge and its standard uncertainty.

        ``sigma_s^2 = [sigma_v^2 + (1-s)^2 sigma_dis^2 + s^2 sigma_ch^2]/(v_ch - v_dis)^2``
        (golden G-24). Arrays or scalars; NaN in, NaN out.
        """
        span = self.charged - self.discharged
        soc = (values - self.discharged) / span
        ends = ((1 - soc) * self.discharged_std) ** 2 + (soc * self.charged_std) ** 2
        return soc, np.sqrt(std**2 + ends) / abs(span)


def two_point(discharged: float, charged: float, **options: Any) -> TwoPoint:
    """Calibration through two end members; see `TwoPoint` for the options."""
    return TwoPoint.from_mapping({"discharged": discharged, "charged": charged, **options})


def soc_map(
    maps: xr.Dataset, calibration: TwoPoint | str | None = None, *, charged: str | None = None
) -> xr.Dataset:
    """State-of-charge map from a fit.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `fit_map`.
    calibration : TwoPoint or str, optional
        For a map named in it. Without one, the fit is a linear combination fit and the fraction of
        the charged reference is the state of charge; a text is the name of that reference.
    charged : str, optional
        Name of the charged reference of a linear combination fit; the last one if left out.

    Returns
    -------
    xarray.Dataset
        ``soc`` and ``soc_std`` (kind ``soc``), from the *unconstrained* fractions where there are
        any: clipping at 0 or 1 biases every mean by up to 0.4 sigma, so nothing is clipped.
        ``soc_bounded`` holds the constrained ones for display. ``status`` gains ``out_of_range``.
        ``thickness``, ``r_factor``, ``residual_rms`` and ``redchi`` are passed on.

    Raises
    ------
    DataError, ParameterError
        If the fit has no such reference or map.
    """
    if isinstance(calibration, str):
        calibration, charged = None, calibration
    variable, bounded = _source(maps, calibration, charged)
    line = calibration or TwoPoint(variable=variable)
    values = maps[variable]
    std = maps[std_name(variable)] if std_name(variable) in maps else xr.full_like(values, np.nan)
    soc, sigma = line.apply(values, std)
    result = xr.Dataset(
        {
            SOC: soc.assign_attrs(long_name="State of charge", units="1", **{KIND: "soc"}),
            std_name(SOC): sigma.assign_attrs(
                long_name="Standard uncertainty: state of charge", units="1"
            ),
        }
    )
    if bounded:
        shown, _ = line.apply(maps[bounded], std)
        result["soc_bounded"] = shown.assign_attrs(
            long_name="State of charge, constrained fit", units="1", **{KIND: "soc"}
        )
    for name in ("thickness", "thickness_std", "r_factor", "residual_rms", "redchi"):
        if name in maps:
            result[name] = maps[name]
    result[STATUS] = _flag_range(maps, soc, sigma, line.margin)
    kept = ("sample", "title", "components", "sigma_source", "window", "condition_number")
    result.attrs.update({k: maps.attrs[k] for k in kept if k in maps.attrs})
    called = {"variable": variable, **line.to_dict()}
    return provenance.record(result, "socwidgets.soc_map", called, source=maps)


def _source(
    maps: xr.Dataset, calibration: TwoPoint | None, charged: str | None
) -> tuple[str, str | None]:
    """Name of the map to calibrate, and of its constrained twin if there is one."""
    if calibration is not None and calibration.variable:
        name = calibration.variable
        if name not in maps:
            names = ", ".join(str(n) for n in maps.data_vars)
            raise DataError(f"the fit has no map {name!r}", expected=f"one of {names}")
        kind_of(maps[name])
        return name, None
    components = list(np.atleast_1d(maps.attrs.get("components", [])))
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


def _flag_range(
    maps: xr.Dataset, soc: xr.DataArray, sigma: xr.DataArray, margin: float
) -> xr.DataArray:
    """Status with ``out_of_range`` where a value is outside the calibrated range, noise aside."""
    guard = margin + 3.0 * sigma.fillna(0.0)
    outside = (soc < -guard) | (soc > 1.0 + guard)
    before = maps[STATUS] if STATUS in maps else xr.zeros_like(soc, dtype=np.uint8)
    free = before.isin([int(Status.OK), int(Status.AT_BOUND)])
    codes = before.where(~(outside & free), np.uint8(Status.OUT_OF_RANGE))
    variable = status_variable(codes.values, tuple(str(d) for d in codes.dims))
    return xr.DataArray(variable, soc.coords)
