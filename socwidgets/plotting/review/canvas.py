"""Figures laid out in inches: automatic layouts leave gaps around maps of equal aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from socwidgets.model.errors import DataError
from socwidgets.plotting.limits import extend_of
from socwidgets.plotting.maps import draw_image
from socwidgets.plotting.review.model import Number
from socwidgets.plotting.review.presets import Preset
from socwidgets.plotting.scalebar import map_ratio
from socwidgets.plotting.style import INK, MUTED, describe, new_figure

#: Room for a title above an axes and for the scale bar below a map, inches.
TITLE, SCALE_BAR = 0.26, 0.26
BAR_HEIGHT = 0.11


class Canvas:
    """A figure of fixed size on which axes are placed by their distance from the top left.

    Parameters
    ----------
    width, height : float
        Inches.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure: Figure = new_figure(width, height, layout=None)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Empty axes; all lengths in inches."""
        bottom = self.height - top - height
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def map(
        self, left: float, top: float, width: float, values: xr.DataArray, cmap: str,
        limits: tuple[float, float], title: str = "",
    ) -> tuple[Axes, AxesImage]:  # fmt: skip
        """Draw a map with its scale bar; `top` is the upper edge of the map itself."""
        axes = self.axes(left, top, width, width * map_ratio(values))
        image = draw_image(axes, values, cmap, *limits)
        if title:
            axes.set_title(title, fontsize=9, pad=4)
        return axes, image

    def row(
        self, left: float, top: float, width: float, maps: Sequence[xr.DataArray],
        titles: Sequence[str], cmap: str, limits: tuple[float, float], gap: float = 0.18,
    ) -> AxesImage:  # fmt: skip
        """Maps side by side, each `width` inches wide; returns the last image for a color bar."""
        image = None
        for i, (values, title) in enumerate(zip(maps, titles, strict=True)):
            _, image = self.map(left + i * (width + gap), top, width, values, cmap, limits, title)
        if image is None:
            raise DataError("there is no map to draw")
        return image

    def bar(
        self, left: float, top: float, width: float, image: AxesImage, label: str,
        preset: Preset | None = None, values: xr.DataArray | None = None,
        ticks: list[float] | None = None,
    ) -> Axes:  # fmt: skip
        """Horizontal color bar with both ends in words above it."""
        axes = self.axes(left, top, width, BAR_HEIGHT)
        low, high = image.get_clim()
        extend = "neither" if values is None else extend_of(values, low, high)
        bar = self.figure.colorbar(
            image, cax=axes, orientation="horizontal", extend=extend, ticks=ticks
        )
        bar.outline.set_visible(False)
        axes.tick_params(length=3, labelsize=8)
        bar.set_label(label, fontsize=8.5, labelpad=2)
        words = (f"◀ {preset.low}", f"{preset.high} ▶") if preset else ()
        for text, place, side in zip(words, (0.0, 1.0), ("left", "right"), strict=False):
            axes.annotate(
                text, (place, 1.0), xycoords="axes fraction", xytext=(0, 2.5), ha=side,
                va="bottom", textcoords="offset points", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        return axes

    def text(self, left: float, top: float, words: str, size: float = 8.5, **more: object) -> None:
        """Text whose upper left corner is at a place, inches."""
        options = {"color": INK, "va": "top", "ha": "left", "fontsize": size, **more}
        self.figure.text(left / self.width, 1.0 - top / self.height, words, **options)  # type: ignore[arg-type]

    def numbers(
        self, left: float, top: float, numbers: Mapping[str, Number], width: float = 3.2
    ) -> float:
        """Small table of what was found beside the truth; returns its height, inches."""
        line = 0.165
        for place, words in ((0.0, ""), (width * 0.78, "found"), (width, "truth")):
            side = "left" if place == 0.0 else "right"
            self.text(left + place, top, words, 7.5, color=MUTED, ha=side)
        for row, (name, number) in enumerate(numbers.items(), start=1):
            height = top + row * line
            unit = f" {number.unit}" if number.unit else ""
            shown = 0.0 if abs(number.truth) < 1e-9 else number.truth
            truth = f"{shown:.3g}{unit}" if np.isfinite(number.truth) else "–"
            self.text(left, height, name, 8)
            self.text(left + width * 0.78, height, str(number), 8, ha="right")
            self.text(left + width, height, truth, 8, ha="right", color=MUTED)
        return line * (len(numbers) + 1)

    def done(self, words: str) -> Figure:
        """Attach the text alternative and give the figure."""
        return describe(self.figure, words)


def titled(axes: Axes, text: str) -> Axes:
    """Title of a panel, at the left, in the size of the maps' titles."""
    axes.set_title(text, fontsize=9, pad=5)
    return axes
