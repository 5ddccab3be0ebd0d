"""The drift of the frames as a dataset and as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.drift import Drift
from socwidgets.analysis.frame_motion import ROW_DX, ROW_DY, SCALE
from socwidgets.model.names import Y

#: Attribute of a drift: by how much the sample moves apart from it, px.
APART = "apart_px"


def drift_dataset(found: Drift, coord: xr.DataArray, dim: str, scale: np.ndarray) -> xr.Dataset:
    """Drift of the frames as it is given to the user; `scale` is their magnification."""
    path = found.path * scale[:, None]
    columns = {
        "dy": (path[:, 0], "Drift along y", "pixel"),
        "dx": (path[:, 1], "Drift along x", "pixel"),
        "correlation": (found.correlation, "Correlation with the reference", "1"),
        "replaced": (found.replaced, "Drift taken from the neighboring frames", "1"),
    }
    variables = {
        name: (dim, values, {"long_name": words, "units": units})
        for name, (values, words, units) in columns.items()
    }
    if np.any(scale != 1.0):
        variables[SCALE] = (dim, scale, {"long_name": "Magnification", "units": "1"})
    return xr.Dataset(variables, {dim: coord}, {APART: found.apart_px})


def shift_table(drift: xr.Dataset) -> pd.DataFrame:
    """Drift as a table: one row per frame or state.

    Parameters
    ----------
    drift : xarray.Dataset
        From `measure_drift`, `measure_state_shifts`, or a registered stack.

    Returns
    -------
    pandas.DataFrame
        Indexed by the frames' coordinate: ``dy_px``, ``dx_px``, ``size_px``, and ``correlation``,
        ``replaced``, ``scale`` and ``rows_px`` (root mean square of the rows' own drift) where
        there are such.
    """
    dim = str(drift["dy"].dims[0])
    index = drift[dim].values if dim in drift.coords else np.arange(drift.sizes[dim])
    table = pd.DataFrame(
        {"dy_px": drift["dy"].values, "dx_px": drift["dx"].values}, index=pd.Index(index, name=dim)
    )
    table["size_px"] = np.hypot(table["dy_px"], table["dx_px"])
    for name in ("correlation", "replaced", SCALE):
        if name in drift:
            table[name] = drift[name].values
    if ROW_DY in drift and ROW_DX in drift:
        square = drift[ROW_DY].values ** 2 + drift[ROW_DX].values ** 2
        table["rows_px"] = np.sqrt(square.mean(axis=drift[ROW_DY].get_axis_num(Y)))
    return table
