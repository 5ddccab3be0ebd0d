"""Composite of three fractions in color, with its legend triangle (Figs 6 and 7c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from socwidgets.model.names import X, Y
from socwidgets.plotting.scalebar import add_scale_bar, extent
from socwidgets.plotting.style import INK, NO_VALUE

#: Red, green and blue of the review, and three colors that color-blind readers tell apart.
PAPER = ("#ff0000", "#00ff00", "#0000ff")
SAFE = ("#d55e00", "#f0e442", "#0072b2")


def mixed_colors(fractions: np.ndarray, colors: Sequence[str]) -> np.ndarray:
    """Colors ``(..., 3)`` of three fractions ``(3, ...)``, scaled to a sum of 1; NaN is gray.

    Negative fractions (noise) count as 0 for the color only.
    """
    parts = np.clip(np.nan_to_num(fractions), 0.0, None)
    total = parts.sum(axis=0)
    parts = parts / np.where(total > 0, total, 1.0)
    corners = np.array([to_rgb(color) for color in colors])
    rgb = np.einsum("k...,kc->...c", parts, corners)
    # The paper's mixtures of pure colors are dark; all are scaled to the same brightness.
    gain = rgb.max(axis=-1, keepdims=True)
    rgb = rgb / np.where(gain > 0, gain, 1.0) if tuple(colors) == PAPER else rgb
    empty = ~np.isfinite(fractions).all(axis=0) | (total <= 0)
    rgb[empty] = to_rgb(NO_VALUE)
    return np.clip(rgb, 0.0, 1.0)


def draw_composite(axes: Axes, maps: Sequence[xr.DataArray], colors: Sequence[str]) -> None:
    """Draw three maps of fractions ``(y, x)`` as one picture with a scale bar."""
    stack = np.stack([values.transpose(Y, X).values for values in maps])
    axes.imshow(
        mixed_colors(stack, colors), extent=extent(maps[0]), origin="upper",
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
    rgb = mixed_colors(parts, colors)
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
