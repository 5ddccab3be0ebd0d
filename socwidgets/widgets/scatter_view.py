"""Scatter of two maps: do they go together, and which pixels are the odd ones."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr
from bqplot.interacts import BrushSelector

from socwidgets.jobs import Job, JobState, abandonable
from socwidgets.model.names import X, Y, axis_label
from socwidgets.model.status import usable
from socwidgets.session import ValueBox
from socwidgets.widgets import plots
from socwidgets.widgets.data_view import DataView, row, unchanged
from socwidgets.widgets.density import density_png
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.range_slider import RangeSlider
from socwidgets.widgets.scatter_marks import (
    MARK,
    POINT,
    association_html,
    axis_limits,
    emphasized,
    make_scatter,
    map_choices,
    trend,
    usual_pair,
)
from socwidgets.widgets.sources import Source

#: More pixels than this are shown as a density; a browser draws each point as an element.
MOST_POINTS = 2500
#: Of a highlighted group at most this many points are drawn, evenly taken.
MOST_MARKED = 700
_NAME = {"description_width": "24px"}


class ScatterView(DataView):
    """Two maps against each other: density or points, trend, correlation; a box highlights pixels.

    Parameters
    ----------
    source : Session or Dataset
        A session, or a map set ``(y, x)``.
    x, y : str, optional
        The two maps; thickness and the first quantity if left out.
    labels, framed
        See `DataView`.

    Attributes
    ----------
    association : Association or None
        The correlation that is shown.
    """

    title = "Two maps against each other"

    def __init__(
        self, source: Source, x: str | None = None, y: str | None = None, *,
        labels: xr.DataArray | None = None, framed: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(source, labels, framed=framed)
        self.add_class("socwidgets-scatter")
        self.association: Any = None
        self._first = (x, y)
        self._kept: tuple[Any, ...] = ()
        self._picture: ipywidgets.Image | None = None
        self._make_plot()
        self._make_controls()
        self.arrange(
            [row(self.x, self.y, self.swap), self.numbers, self.figure, self._legend,
             row(self.x_range, self.y_range, self.clear)]
        )  # fmt: skip
        self.follow(self._refresh_choices, "maps")
        self.follow(self._refresh, "maps", "rois", "selected", "particle", "labels", "brush", "box")
        self._listen()

    def _make_plot(self) -> None:
        self._xs, self._ys = bqplot.LinearScale(), bqplot.LinearScale()
        scales = {"x": self._xs, "y": self._ys}
        self._points = make_scatter(scales, POINT, 10, 0.55)
        self._marked = make_scatter(scales, MARK, 22, 0.9)
        self._trend = plots.make_lines(self._xs, self._ys, colors=[plots.FIT], stroke_width=2.0)
        self._x_axis = plots.make_axis(self._xs, "")
        self._y_axis = plots.make_axis(self._ys, "", vertical=True)
        self.figure = plots.make_figure("340px", [self._x_axis, self._y_axis])
        self._brush = BrushSelector(
            x_scale=self._xs, y_scale=self._ys, marks=[self._points], color="#0969da"
        )
        self.figure.interaction = self._brush

    def _make_controls(self) -> None:
        wide = {"flex": "1 1 200px", "min_width": "180px"}
        self.x = ipywidgets.Dropdown(
            description="x", style=_NAME, layout=wide, tooltip="Map along the horizontal axis"
        )
        self.y = ipywidgets.Dropdown(
            description="y", style=_NAME, layout=wide, tooltip="Map along the vertical axis"
        )
        self.swap = ipywidgets.Button(
            description="Swap",
            icon="exchange",
            layout={"width": "84px"},
            tooltip="Exchange x and y",
        )
        self.numbers = ipywidgets.HTML()
        self._legend = ipywidgets.HTML()
        ranges = {"flex": "1 1 300px", "min_width": "260px"}
        self.x_range, self.y_range = (
            RangeSlider(
                description=f"{name} range", name_width="58px", layout=ranges,
                tooltip=f"Highlight the pixels in a range of {name}",
            )
            for name in ("x", "y")
        )  # fmt: skip
        self.clear = ipywidgets.Button(
            description="Clear", layout={"width": "64px"}, tooltip="Highlight nothing"
        )

    def _listen(self) -> None:
        session = self.session
        for choice in (self.x, self.y):
            self.on_user(choice, lambda _v: self._chose())
        self.on_click(self.swap, self._swap)
        for slider in (self.x_range, self.y_range):
            self.on_user(slider, lambda _v: self._slid())
        self.on_user(self._brush, lambda _v: self._brushed(), "selected_x")
        self.on_user(self._brush, lambda _v: self._brushed(), "selected_y")
        self.on_click(self.clear, lambda: session.select_box(None))

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_choices(self) -> None:
        names = map_choices(self.session)
        maps = self.session.state.maps
        options = [(axis_label(maps[n]), n) for n in names] if maps is not None else []
        usual = usual_pair(self.session)
        before = self.x.value, self.y.value
        if tuple(options) != tuple(self.x.options):
            self.x.options, self.y.options = options, options
        for choice, kept, asked, fallback in zip(
            (self.x, self.y), before, self._first, usual, strict=True
        ):
            choice.value = next((n for n in (kept, asked) if n in names), fallback)
            choice.disabled = not names

    def _refresh(self) -> None:
        maps = self.session.state.maps
        if self.x.value is None or maps is None:
            self._empty()
            return
        x, y, good = self._values(maps)
        key = (maps, self.x.value, self.y.value)
        if not unchanged(self._kept, key):
            self._draw_all(maps, x[good], y[good])
            self._kept = key
        self._draw_marked(x, y, good)
        self._refresh_box()

    def _values(self, maps: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = (maps[str(n)].transpose(Y, X).values.astype(float) for n in self._names)
        return x, y, usable(maps).transpose(Y, X).values & np.isfinite(x) & np.isfinite(y)

    @property
    def _names(self) -> tuple[str, str]:
        return str(self.x.value), str(self.y.value)

    def _draw_all(self, maps: xr.Dataset, x: np.ndarray, y: np.ndarray) -> None:
        labels = [plots.short_label(axis_label(maps[n])) for n in self._names]
        self._x_axis.label, self._y_axis.label = labels
        limits = axis_limits(x), axis_limits(y)
        plots.set_axis(self._x_axis, *limits[0], 6)
        plots.set_axis(self._y_axis, *limits[1], 5)
        for slider, (low, high) in zip((self.x_range, self.y_range), limits, strict=True):
            slider.readout_format = plots.tick_format(0.0, (high - low) / 20)
        old, marks = self._picture, [self._trend, self._marked]
        if x.size > MOST_POINTS:
            # A new picture each time: bqplot does not notice a new value of the same one.
            self._picture = ipywidgets.Image(value=density_png(x, y, *limits), format="png")
            image = bqplot.Image(
                image=self._picture, scales={"x": self._xs, "y": self._ys},
                x=list(limits[0]), y=list(limits[1]),
            )  # fmt: skip
            set_points(self._points, np.zeros(0), np.zeros(0))
            self.figure.marks = [image, self._points, *marks]
        else:
            self._picture = None
            set_points(self._points, x, y)
            self.figure.marks = [self._points, *marks]
        if old is not None:
            old.close()
        set_points(self._trend, *trend(x, y))
        self._correlate(maps)

    def _correlate(self, maps: xr.Dataset) -> None:
        """Correlate beside everything else: on a large map it takes half a second."""
        key, (x, y) = (maps, *self._names), self._names

        def compute() -> Any:
            from socwidgets.heterogeneity.association import correlate_maps

            return correlate_maps(maps, x, y)

        def correlated(job: Job) -> None:
            if job.state == JobState.FAILED and job.error is not None:
                self.guard.report(job.error)
            if job.state != JobState.DONE or not unchanged((maps, *self._names), key):
                return
            self.association = job.result
            self.numbers.value = association_html(job.result)

        name = f"correlation {id(self)}"
        self.session.jobs.submit(name, abandonable(compute), on_change=self.guard(correlated))

    def _draw_marked(self, x: np.ndarray, y: np.ndarray, good: np.ndarray) -> None:
        mask, name, color = emphasized(self.session)
        entries = [LegendEntry("mean of y along x", plots.FIT, strong=True)]
        if mask is None:
            set_points(self._marked, np.zeros(0), np.zeros(0))
        else:
            inside = np.flatnonzero(mask & good)
            step = max(1, int(np.ceil(inside.size / MOST_MARKED)))
            some = inside[::step]
            set_points(self._marked, x.flat[some], y.flat[some], colors=[color])
            thin = "" if step == 1 else f", every {step}th drawn"
            entries.append(LegendEntry(f"{name}: {inside.size:,} pixels{thin}", color, "dotted"))
        self._legend.value = plots.legend_html(entries)

    def _refresh_box(self) -> None:
        box = self.session.state.box
        mine = box if box is not None and (box.x, box.y) == (self.x.value, self.y.value) else None
        ends = (self._xs.min, self._xs.max), (self._ys.min, self._ys.max)
        chosen: tuple[Any, Any] = ends if mine is None else (mine.x_range, mine.y_range)
        for slider, end, value in zip((self.x_range, self.y_range), ends, chosen, strict=True):
            slider.show(*end, value)
        self.clear.disabled = box is None
        wanted: tuple[Any, Any] = (None, None) if mine is None else (mine.x_range, mine.y_range)
        for name, value in zip(("selected_x", "selected_y"), wanted, strict=True):
            drawn = getattr(self._brush, name)
            same = drawn is None if value is None else drawn is not None and tuple(drawn) == value
            if not same:
                setattr(self._brush, name, None if value is None else np.array(value))

    def _empty(self) -> None:
        for mark in (self._points, self._marked, self._trend):
            set_points(mark, np.zeros(0), np.zeros(0))
        self.numbers.value = '<div class="socwidgets-note">There are no maps yet.</div>'

    # -- what a person does --------------------------------------------------------------------

    def _chose(self) -> None:
        with self._refreshing, self.quiet:
            self._refresh()

    def _swap(self) -> None:
        with self._refreshing, self.quiet:
            self.x.value, self.y.value = self.y.value, self.x.value
            self._refresh()

    def _slid(self) -> None:
        if self.x_range.everything and self.y_range.everything:
            self.session.select_box(None)
        else:
            self._select(self.x_range.value, self.y_range.value)

    def _brushed(self) -> None:
        x, y = self._brush.selected_x, self._brush.selected_y
        if x is None or y is None or len(x) != 2 or len(y) != 2:
            self.session.select_box(None)
            return
        self._select((float(x[0]), float(x[1])), (float(y[0]), float(y[1])))

    def _select(self, x_range: Any, y_range: Any) -> None:
        names = self.x.value, self.y.value
        self.session.select_box(ValueBox(*names, tuple(sorted(x_range)), tuple(sorted(y_range))))
