"""The drift of a series of frames or states: both axes, and which frames were not believed."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from socwidgets.model.names import axis_label
from socwidgets.plotting.style import CYCLE, GRID, MUTED, describe, new_figure, styled
from socwidgets.plotting.text import number


def _times(factor: float, values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64) * factor


@styled
def drift_figure(
    drift: xr.Dataset,
    *,
    pixel_nm: float | None = None,
    title: str = "",
    width: float = 5.2,
    height: float = 2.8,
) -> Figure:
    """Draw displacements along y and x over the frames.

    Parameters
    ----------
    drift : xarray.Dataset
        ``dy`` and ``dx`` over one dim, px, from `measure_drift`, `measure_state_shifts` or a
        registered stack; where there is ``replaced``, those frames get open symbols, and where
        there are ``row_dy`` and ``row_dx`` (raster scans), bars span the rows of each frame.
    pixel_nm : float, optional
        Adds an axis in nm on the right.
    title : str
        Above the figure; empty: none.
    width, height : float
        Size of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    dim = str(drift["dy"].dims[0])
    labelled = dim in drift.coords and np.issubdtype(drift[dim].dtype, np.number)
    at = drift[dim].values if labelled else np.arange(drift.sizes[dim])
    open_ones = drift["replaced"].values if "replaced" in drift else np.zeros(at.size, bool)
    figure = new_figure(width, height)
    axes = figure.subplots()
    axes.axhline(0.0, color=GRID, linewidth=1.0, zorder=0)
    for name, color, marker in (("dy", CYCLE[0], "o"), ("dx", CYCLE[1], "s")):
        values = drift[name].values
        if f"row_{name}" in drift:
            rows = drift[f"row_{name}"].transpose(dim, ...).values
            low, high = values + rows.min(axis=1), values + rows.max(axis=1)
            axes.vlines(at, low, high, color=color, alpha=0.35, linewidth=2.5)
        axes.plot(at, values, color=color, linewidth=1.2, label=f"along {name[-1]}")
        axes.plot(at[~open_ones], values[~open_ones], marker, color=color, markersize=3.5)
        axes.plot(
            at[open_ones], values[open_ones], marker, color=color, markersize=5.0,
            markerfacecolor="white",
        )  # fmt: skip
    if "row_dy" in drift:
        axes.plot([], [], color=MUTED, alpha=0.35, linewidth=2.5, label="rows of the frame")
    if open_ones.any():
        axes.plot([], [], "o", color=MUTED, markerfacecolor="white", label="from neighbors")
    axes.set_xlabel(axis_label(drift[dim]) if labelled else dim.capitalize())
    axes.set_ylabel("Displacement (px)")
    axes.margins(x=0.02, y=0.12)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2, handlelength=1.3
    )
    if pixel_nm:
        scale = float(pixel_nm)
        right = axes.secondary_yaxis(
            "right", functions=(partial(_times, scale), partial(_times, 1.0 / scale))
        )
        right.set_ylabel("Displacement (nm)")
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=10, fontweight="bold")
    size = float(np.nanmax(np.hypot(drift["dy"].values, drift["dx"].values)))
    words = f"Displacement of {at.size} frames along y and x, at most {number(size)} px"
    if open_ones.any():
        words += f"; {int(open_ones.sum())} took that of their neighbors"
    return describe(figure, f"{title}: {words}." if title else f"{words}.")
