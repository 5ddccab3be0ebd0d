"""Histogram of what the map shows, with one outline per region; a range of it can be chosen."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr
from bqplot.interacts import BrushIntervalSelector

from socwidgets.model.names import STATUS, axis_label
from socwidgets.model.status import STATUS_WORDS, Status
from socwidgets.session.derived import usable_mask
from socwidgets.widgets import plots
from socwidgets.widgets.bins import Bins, bins_of
from socwidgets.widgets.data_view import DataView
from socwidgets.widgets.histogram_layers import HistogramLayers
from socwidgets.widgets.plots import set_points
from socwidgets.widgets.range_slider import RangeSlider
from socwidgets.widgets.sources import Source

_FILL = "#8fa3b8"


class HistogramView(DataView):
    """Distribution of the shown values; a slider and a brush choose a range of them.

    The slider always works, by mouse and by keyboard; dragging in the plot is a second way to the
    same range, which other packages can break (bqplot-gl does).

    Parameters
    ----------
    source, framed
        See `DataView`.
    """

    title = "Histogram"

    def __init__(self, source: Source, *, framed: bool = True) -> None:
        super().__init__(source, framed=framed)
        self.add_class("socwidgets-histogram")
        self._kept: tuple[tuple[object, ...], Bins, np.ndarray] | None = None
        self._make_plot()
        self._make_controls()
        warning = [ipywidgets.HTML(f'<div role="alert" class="socwidgets-note">{plots.GL_WARNING}</div>')] if plots.gl_installed() else []  # fmt: skip # noqa: E501
        row = ipywidgets.HBox(
            [self.slider, self.make_roi, self.clear, *self.layers.buttons],
            layout={"align_items": "center", "flex_flow": "row wrap"},
        )
        self.arrange([*warning, self.layers.legend, self.figure, row])
        self.follow(
            self._refresh, "maps", "map_name", "show_frame", "energy_index", "stack", "rois",
            "selected", "series",
        )  # fmt: skip
        for button in self.layers.buttons:
            self.on_user(button, lambda _on: self._refresh())
        self.follow(
            self._refresh_brush, "brush", "maps", "map_name", "show_frame", "energy_index", "stack"
        )
        self.on_user(self.slider, self._slid)
        self.on_user(self._brush, self._brushed, "selected")
        self.on_click(self.make_roi, self.session.threshold_roi)
        self.on_click(self.clear, self.session.clear_brush)

    def _make_plot(self) -> None:
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale(min=0.0, max=1.0)
        self._all = plots.make_lines(
            self._x, self._y, colors=[plots.MUTED], stroke_width=1.0, fill="bottom",
            fill_colors=[_FILL], fill_opacities=[0.55],
        )  # fmt: skip
        self.layers = HistogramLayers(self.session, self._x, self._y)
        self._outlines: list[bqplot.Lines] = []
        self._made: list[bqplot.Lines] = []
        self._x_axis = plots.make_axis(self._x, "")
        self._y_axis = plots.make_axis(self._y, "Share of pixels (%)", vertical=True)
        self.figure = plots.make_figure("206px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._all]
        self._brush = BrushIntervalSelector(scale=self._x, marks=[self._all], color="#0969da")
        self.figure.interaction = self._brush

    def _make_controls(self) -> None:
        self.slider = RangeSlider(
            description="Range", name_width="48px",
            layout={"flex": "1 1 280px", "min_width": "200px", "width": "auto"},
            tooltip="Highlight the pixels of a range of values",
        )  # fmt: skip
        self.make_roi = ipywidgets.Button(
            description="ROI from range", icon="plus", layout={"width": "154px"},
            tooltip="Make a region of all pixels whose value lies in the range",
        )  # fmt: skip
        self.clear = ipywidgets.Button(
            description="Clear", layout={"width": "64px"}, tooltip="Highlight nothing"
        )

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh(self) -> None:
        shown = self.session.displayed()
        bins, share = self._histogram(shown)
        edges = bins.edges
        self._x_axis.label = _value_label(shown)
        plots.set_axis(
            self._x_axis, edges[0], edges[-1], len(Status) if shown.name == STATUS else 6
        )
        set_points(self._all, *bins.steps(share))
        top = max(float(share.max()), self._draw_regions(bins))
        top = self.layers.draw(bins, top)
        plots.set_axis(self._y_axis, 0.0, 1.06 * top if top > 0 else 1.0, 4)

    def _histogram(self, shown: xr.DataArray) -> tuple[Bins, np.ndarray]:
        """Bins of the shown values and the share in each; kept while the same values are shown."""
        state = self.session.state
        key = (state.maps, state.stack, state.show_frame, state.map_name,
               state.energy_index if state.show_frame else -1)  # fmt: skip
        kept = self._kept
        if kept is None or not all(
            a is b or (isinstance(a, (str, int)) and a == b)
            for a, b in zip(kept[0], key, strict=True)
        ):
            bins = bins_of(shown, usable_mask(state, shown))
            kept = self._kept = (key, bins, bins.share())
        return kept[1], kept[2]

    def _draw_regions(self, bins: Bins) -> float:
        """Outline of each region's own distribution; returns the highest share."""
        state = self.session.state
        top = 0.0
        while len(self._made) < len(state.rois):
            self._made.append(plots.make_lines(self._x, self._y))
        self._outlines = self._made[: len(state.rois)]
        for mark in self._made[len(state.rois) :]:
            set_points(mark, np.zeros(0), np.zeros(0))
        for mark, roi in zip(self._outlines, state.rois, strict=True):
            share = bins.share(self.session.roi_mask(roi).values)
            width = 2.4 if roi.name == state.selected else 1.5
            set_points(mark, *bins.steps(share), colors=[roi.color], stroke_width=width)
            top = max(top, float(share.max(initial=0.0)))
        # All that were ever made, in one order: a mark that leaves a figure or changes its place is
        # drawn anew, and the browser keeps parts of the old one.
        marks = [self._all, *self._made, *self.layers.marks]
        if self.figure.marks != marks:
            self.figure.marks = marks
        return top

    def _refresh_brush(self) -> None:
        shown, brush = self.session.displayed(), self.session.state.brush
        edges = self._histogram(shown)[0].edges
        low, high = float(edges[0]), float(edges[-1])
        chosen = (low, high) if brush is None else brush
        self.slider.readout_format = plots.tick_format(0.0, (high - low) / 20)
        self.slider.show(low, high, chosen)
        self.make_roi.disabled = brush is None or self.session.state.show_frame
        self.clear.disabled = brush is None
        drawn = None if self._brush.selected is None else tuple(map(float, self._brush.selected))
        if drawn != brush:
            self._brush.selected = None if brush is None else np.array(brush)

    # -- what a person does --------------------------------------------------------------------

    def _slid(self, chosen: tuple[float, float]) -> None:
        if self.slider.everything:
            self.session.clear_brush()
        else:
            self.session.brush(*chosen)

    def _brushed(self, selected: Any) -> None:
        if selected is None or len(selected) != 2:
            self.session.clear_brush()
        else:
            self.session.brush(float(selected[0]), float(selected[1]))


def _value_label(shown: xr.DataArray) -> str:
    if shown.name == STATUS:
        words = (f"{int(code)} {STATUS_WORDS[code]}" for code in (Status.OK, Status.AT_BOUND))
        return f"Status ({', '.join(words)}, ...)"
    return plots.short_label(axis_label(shown))
