"""Composite of three fractions in color, with its legend triangle (Figs 6 and 7c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from socwidgets.model.names import X, Y
from socwidgets.plotting.composite import PALETTES, composite_rgb
from socwidgets.plotting.scalebar import add_scale_bar, extent
from socwidgets.plotting.style import INK

#: Red, green and blue of the review, and three colors that color-blind readers tell apart.
PAPER, SAFE = PALETTES["rgb"], PALETTES["safe"]


def draw_composite(axes: Axes, maps: Sequence[xr.DataArray], colors: Sequence[str]) -> None:
    """Draw three maps of fractions ``(y, x)`` as one picture with a scale bar."""
    axes.imshow(
        composite_rgb(maps, palette=colors), extent=extent(maps[0]), origin="upper",
        interpolation="nearest", aspect="equal",
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    add_scale_bar(axes, maps[0])


def draw_triangle(axes: Axes, names: Sequence[str], colors: Sequence[str]) -> None:
    """Legend triangle: each corner is one pure component; the first is at the top."""
    n = 160
    v, u = np.mgrid[0 : 1 : n * 1j, 0 : 1 : n * 1j]
    height = np.sqrt(3.0) / 2.0
    # Corners: (0.5, height), (0, 0), (1, 0).
    first = v
    third = u - 0.5 * v
    second = 1.0 - first - third
    parts = np.stack([first, second, third])
    rgb = composite_rgb([xr.DataArray(part, dims=(Y, X)) for part in parts], palette=colors)
    inside = (parts >= -1e-9).all(axis=0)
    rgba = np.dstack([rgb, inside.astype(float)])
    axes.imshow(rgba, extent=(0, 1, 0, height), origin="lower", interpolation="bilinear")
    axes.plot([0, 1, 0.5, 0], [0, 0, height, 0], color=INK, linewidth=0.8)
    places = ((0.5, height, "center", "bottom"), (0, 0, "center", "top"), (1, 0, "center", "top"))
    for name, (x, y, ha, va) in zip(names, places, strict=True):
        step = 3 if va == "bottom" else -3
        axes.annotate(name, (x, y), xytext=(0, step), textcoords="offset points", ha=ha, va=va,
                      fontsize=8)  # fmt: skip
    axes.set_axis_off()
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, height + 0.02)
