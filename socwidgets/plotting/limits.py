"""Color limits and color maps by kind of quantity; nothing outside them is hidden silently."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from socwidgets.model.kinds import KIND
from socwidgets.model.names import PERIOD, STD_SUFFIX
from socwidgets.plotting.style import CYCLIC, DIVERGING, SEQUENTIAL, SEQUENTIAL_SIGMA

#: Kinds whose natural limits are the end points of the calibration.
_UNIT_INTERVAL = ("soc", "fraction", "x_li", "x_removed")

Extend = Literal["neither", "both", "min", "max"]


def default_colormap(values: xr.DataArray, *, signed: bool = False) -> str:
    """Name of the color map: diverging for signed maps, cyclic for angles, one for sigmas."""
    if PERIOD in values.attrs and not signed:
        return CYCLIC
    if signed:
        return DIVERGING
    sigma = str(values.name).endswith(STD_SUFFIX) or not values.attrs.get(KIND)
    return SEQUENTIAL_SIGMA if sigma else SEQUENTIAL


def default_limits(values: xr.DataArray, *, signed: bool = False) -> tuple[float, float]:
    """Color limits: 0 to 1 of fractions, symmetric of signed maps and angles, else percentiles."""
    sigma = str(values.name).endswith(STD_SUFFIX)
    if PERIOD in values.attrs and not signed:
        return -0.5 * float(values.attrs[PERIOD]), 0.5 * float(values.attrs[PERIOD])
    if values.attrs.get(KIND) in _UNIT_INTERVAL and not sigma and not signed:
        return 0.0, 1.0
    data = np.asarray(values.values, dtype=float)
    finite = data[np.isfinite(data)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, [1, 99]))
    if signed:
        reach = max(abs(low), abs(high)) or 1.0
        return -reach, reach
    if sigma or 0 <= low < 0.5 * high:
        low = 0.0
    if high > low:
        return low, high
    return low, low + (abs(low) or 1.0)


def extend_of(values: xr.DataArray, low: float, high: float) -> Extend:
    """Which ends of the color bar need an arrow because values lie beyond the limits."""
    data = np.asarray(values.values, dtype=float)
    below, above = bool(np.any(data < low)), bool(np.any(data > high))
    if below and above:
        return "both"
    return "min" if below else ("max" if above else "neither")


def mode_limits(values: xr.DataArray, half_range: float = 1.5) -> tuple[float, float]:
    """Color limits around the most frequent value, for maps of peak energies.

    Parameters
    ----------
    values : xarray.DataArray
        Any dims; NaN is left out.
    half_range : float
        Distance of both limits from the mode, in units of the map: 1.5 eV is the convention of
        Mu et al. (2018); a value at the mode then stands in the middle of the color map.

    Returns
    -------
    low, high : float
        The mode is the maximum of a kernel density with Scott's bandwidth (Scott 1992).
    """
    data = np.asarray(values.values, dtype=float)
    finite = data[np.isfinite(data)]
    if not finite.size:
        return -half_range, half_range
    low, high = float(finite.min()), float(finite.max())
    if high == low:
        return low - half_range, low + half_range
    width = 1.06 * float(finite.std()) * finite.size**-0.2
    reach = 4 * width
    step = width / 20
    count = min(max(int((high - low + 2 * reach) / step) + 1, 64), 20000)
    edges = np.linspace(low - reach, high + reach, count + 1)
    counts, _ = np.histogram(finite, edges)
    spacing = edges[1] - edges[0]
    offsets = np.arange(-int(reach / spacing) - 1, int(reach / spacing) + 2) * spacing
    density = np.convolve(counts, np.exp(-0.5 * (offsets / width) ** 2), mode="same")
    mode = 0.5 * float(edges[np.argmax(density)] + edges[np.argmax(density) + 1])
    return mode - half_range, mode + half_range
