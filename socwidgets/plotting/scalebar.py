"""A scale bar with a round length, under the map so that it hides no pixel."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy

from socwidgets.model.names import X, Y
from socwidgets.model.stack import pixel_size_um
from socwidgets.plotting.style import INK
from socwidgets.plotting.text import length_words


def round_length(width: float, share: float = 0.28) -> float:
    """Largest of 1, 2, 5 times a power of ten that is at most `share` of `width`."""
    target = width * share
    decade = 10.0 ** math.floor(math.log10(target))
    return max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= target * (1 + 1e-9))


def extent(values: xr.DataArray) -> tuple[float, float, float, float]:
    """Outer edges ``(left, right, bottom, top)`` of the pixels, row 0 at the top.

    The coordinates are pixel centers, so half a pixel is added on every side. A single row or
    column takes the other axis's pixel size.
    """
    size_y, size_x = pixel_size_um(values)
    size_y = size_y if np.isfinite(size_y) else (size_x if np.isfinite(size_x) else 1.0)
    size_x = size_x if np.isfinite(size_x) else size_y
    left, right = _edges(values[X].values, size_x)
    top, bottom = _edges(values[Y].values, size_y)
    return left, right, bottom, top


def _edges(centers: np.ndarray, size: float) -> tuple[float, float]:
    """Outer edges of the first and the last pixel; an axis may fall."""
    half = size / 2.0 if centers[-1] >= centers[0] else -size / 2.0
    return float(centers[0] - half), float(centers[-1] + half)


def map_ratio(values: xr.DataArray) -> float:
    """Height over width of a map, cut to between 0.15 and 3 so that a figure stays printable."""
    left, right, bottom, top = extent(values)
    return min(max(abs((bottom - top) / (right - left)), 0.15), 3.0)


def add_scale_bar(axes: Axes, values: xr.DataArray) -> None:
    """Draw the bar below the lower left corner of the map on `axes`."""
    left, right, _, _ = extent(values)
    length = round_length(abs(right - left))
    share = length / abs(right - left)
    below = offset_copy(axes.transAxes, axes.get_figure(root=True), y=-9, units="points")
    line = Line2D(
        [0, share], [0, 0], transform=below, color=INK, linewidth=3,
        solid_capstyle="butt", clip_on=False,
    )  # fmt: skip
    axes.add_line(line)
    words = length_words(length, str(values[X].attrs.get("units", "um")))
    axes.annotate(
        words, (share, 0), xycoords="axes fraction", xytext=(6, -9),
        textcoords="offset points", va="center", ha="left", fontsize=9,
    )  # fmt: skip
