"""Layout of map figures in inches: automatic layouts leave gaps around equal-aspect maps."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.plotting.scalebar import map_ratio

MARGIN = 0.10
TITLE = 0.28
SCALE_BAR = 0.24
WORDS = 0.20
BAR = 0.12
TICKS = 0.46
#: Label of the axes that hold a color bar, so that they are not taken for data.
BAR_LABEL = "color bar"


@dataclass(frozen=True, slots=True)
class Panel:
    """Size of one map panel, inches: the map, and the strips above and below it."""

    width: float
    map_height: float
    title: float
    words: float
    bar: float

    @property
    def height(self) -> float:
        """Height of the panel with its margins."""
        return 2 * MARGIN + self.title + self.map_height + SCALE_BAR + self.words + self.bar

    @property
    def map_width(self) -> float:
        """Width of the map itself."""
        return self.width - 2 * MARGIN


def panel_for(
    values: xr.DataArray, width: float, *, title: bool, words: bool, colorbar: bool = True
) -> Panel:
    """Size of the panel for a map of given width, inches; very long maps are cut to 3:1."""
    return Panel(
        width=width,
        map_height=(width - 2 * MARGIN) * map_ratio(values),
        title=TITLE if title else 0.0,
        words=WORDS if words else 0.0,
        bar=BAR + TICKS if colorbar else 0.0,
    )


def add_map_axes(figure: Figure, panel: Panel, left: float = 0.0) -> Axes:
    """Axes of the map itself; `left` is the panel's left edge, inches. Panels align at the top."""
    total_width, total_height = figure.get_size_inches()
    bottom = total_height - MARGIN - panel.title - panel.map_height
    box = (left + MARGIN, bottom, panel.map_width, panel.map_height)
    return _add_axes(figure, box, total_width, total_height)


def add_bar_axes(figure: Figure, panel: Panel, left: float = 0.0) -> Axes:
    """Axes of the color bar under the map."""
    total_width, total_height = figure.get_size_inches()
    below_map = total_height - MARGIN - panel.title - panel.map_height
    bottom = below_map - SCALE_BAR - panel.words - BAR
    # The triangles at the ends and the end labels need a little room on both sides.
    inset = 0.14
    box = (left + MARGIN + inset, bottom, panel.map_width - 2 * inset, BAR)
    axes = _add_axes(figure, box, total_width, total_height)
    axes.set_label(BAR_LABEL)
    return axes


def _add_axes(
    figure: Figure, box: tuple[float, float, float, float], width: float, height: float
) -> Axes:
    return figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
