"""Composite of three fractions in color on axes of a figure (Figs 6 and 7c)."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.axes import Axes

from socwidgets.plotting.composite import PALETTES, composite_rgb
from socwidgets.plotting.scalebar import add_scale_bar, extent

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
