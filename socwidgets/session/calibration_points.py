"""The points of a calibration as a person moves them: values of the quantity, compositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

#: Percentiles that stand for discharged and charged until a person says better.
_SUGGESTED = (2.0, 98.0)


def with_point(calibration: Calibration, index: int, value: float) -> Calibration:
    """The same calibration with one point at another value of the quantity.

    Raises
    ------
    ParameterError
        If the points would then make no calibration.
    """
    from socwidgets.analysis.calibration import TwoPoint

    if isinstance(calibration, TwoPoint):
        return calibration.replace(**{("discharged", "charged")[index]: float(value)})
    values = list(calibration.points()[0])
    values[index] = float(value)
    return calibration.replace(values=tuple(values))


def suggested(maps: xr.Dataset, variable: str) -> Calibration | None:
    """Two points at the ends of a map's values; None where it has no two different ones."""
    from socwidgets.analysis.calibration import TwoPoint

    values = maps[variable].values
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = (float(v) for v in np.percentile(values, _SUGGESTED))
    if not high > low:
        return None
    return TwoPoint(variable=variable, discharged=round(low, 3), charged=round(high, 3))
