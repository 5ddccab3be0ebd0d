"""The points and the background of a linear combination fit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.kernels.lcf_plan import polynomial_background
from socwidgets.model.errors import DataError
from socwidgets.model.names import spectral_dim

#: Power of the spectral axis along which a background of degree 1 runs.
BACKGROUND_POWERS = {"line": 1.0, "E^-3": -3.0}


def window_points(coord: xr.DataArray, low: float | None, high: float | None) -> np.ndarray:
    """Boolean mask ``(E,)`` of the spectral points between two values, None for the ends.

    Raises
    ------
    DataError
        If there is none.
    """
    values = coord.values
    low = -np.inf if low is None else low
    high = np.inf if high is None else high
    points = (values >= low) & (values <= high)
    if not points.any():
        raise DataError(
            "no spectral point lies in the fit window",
            expected=f"a window inside {values.min():g} to {values.max():g}",
            found=f"{low:g} to {high:g}",
        )
    return points


def covered_points(
    coord: xr.DataArray, points: np.ndarray, references: xr.DataArray, coverage: str
) -> tuple[np.ndarray, dict[str, str]]:
    """Points that the references cover, and a sentence about those that they do not."""
    if coverage == "refuse":
        return points, {}
    axis = references[spectral_dim(references)].values
    inside = points & (coord.values >= axis[0]) & (coord.values <= axis[-1])
    lost = coord.values[points & ~inside]
    if not lost.size or not inside.any():
        return points, {}
    text = (
        f"{lost.size} of {np.count_nonzero(points)} points lie outside the references "
        f"({axis[0]:g} to {axis[-1]:g}) and were left out: {lost.min():g} to {lost.max():g}"
    )
    return inside, {"left_out": text}


def background_rows(axis: np.ndarray, degree: int, law: str) -> np.ndarray:
    """Rows of the background of a fit, ``(degree + 1, E)``.

    Raises
    ------
    DataError
        If it falls as E^-3 on an axis that is not positive.
    """
    power = BACKGROUND_POWERS[law]
    if power != 1.0 and not np.all(axis > 0):
        raise DataError(
            "a background that falls as E^-3 needs photon energies",
            expected="a positive spectral axis",
            found=f"{axis.min():g} to {axis.max():g}",
            fix="use background_law='line'",
        )
    return polynomial_background(axis, degree, power)
