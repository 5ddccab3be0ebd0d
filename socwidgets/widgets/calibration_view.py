"""The calibration as a plot: points that can be dragged, the map follows."""

from __future__ import annotations

import time
from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.analysis.calibration_lines import COMPOSITION_WORDS
from socwidgets.model.errors import ParameterError
from socwidgets.session.calibration_points import suggested, with_point
from socwidgets.widgets import plots
from socwidgets.widgets.bins import bins_of
from socwidgets.widgets.data_view import DataView, row
from socwidgets.widgets.plots import set_points
from socwidgets.widgets.sources import Source
from socwidgets.widgets.window_handles import LIVE_S

_SHORT = {"soc": "SOC", "x_li": "x", "x_removed": "y", "oxidation_state": "Ox."}
_CURVE_POINTS = 64


class CalibrationView(DataView):
    """A fitted quantity to a state of charge: histogram, curve, and points to drag.

    While a point moves the map view follows on a sample of the pixels; when it is let go all are
    calibrated. The fields below do the same without a mouse.

    Parameters
    ----------
    source : Session or Dataset
        A session, or maps of a fit with a quantity to calibrate (an energy, a ratio).
    calibration : TwoPoint or StandardsCurve, optional
        To begin with; the session's own, or two points at the ends of the values, if left out.
    framed : bool
        As for `DataView`.

    Raises
    ------
    ParameterError
        If the maps hold nothing to calibrate.
    """

    title = "Calibration"

    def __init__(self, source: Source, calibration: Any = None, *, framed: bool = True) -> None:
        super().__init__(source, framed=framed)
        self.add_class("socwidgets-calibration")
        session = self.session
        if not session.calibratable():
            raise ParameterError(
                "there is nothing to calibrate",
                expected="maps with a fitted energy or ratio",
                found=", ".join(map(str, session.map_names)) or "no maps",
                fix="give the maps of a fit, for instance fit_map(stack, 'edge_energy')",
            )
        self._first = calibration
        self._last = 0.0
        self._kept: tuple[object, str] = (None, "")
        self._edges = (0.0, 1.0)
        self._make_plot()
        self.fields: list[ipywidgets.FloatText] = []
        self._row = row()
        self.apply = ipywidgets.Button(
            description="Calibrate", icon="play", layout={"width": "auto"},
            tooltip="Calibrate all pixels by these points",
        )  # fmt: skip
        self.on_click(self.apply, lambda: self._set(self.calibration, moving=False))
        self._words = ipywidgets.HTML()
        self.arrange([self._words, self.figure, self._row])
        self.follow(self._refresh, "maps", "calibration", "stack")
        self._points.on_drag(self.guard(lambda _m, found: self._dragged(found, moving=True)))
        self._points.on_drag_end(self.guard(lambda _m, found: self._dragged(found, moving=False)))

    @property
    def calibration(self) -> Any:
        """The calibration that is shown; None where the maps hold nothing to calibrate."""
        names, state = self.session.calibratable(), self.session.state
        for known in (state.calibration, self._first):
            if known is not None and known.variable in names:
                return known
        if not names or state.maps is None:
            return None
        return suggested(state.maps, names[0])

    def _make_plot(self) -> None:
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale()
        self._share = bqplot.LinearScale(min=0.0, max=1.0)
        self._histogram = plots.make_lines(
            self._x, self._share, colors=[plots.MUTED], stroke_width=1.0, fill="bottom",
            fill_colors=["#8fa3b8"], fill_opacities=[0.45],
        )  # fmt: skip
        self._curve = plots.make_lines(self._x, self._y, colors=[plots.FIT], stroke_width=1.8)
        self._points = bqplot.Scatter(
            x=np.zeros(0), y=np.zeros(0), scales={"x": self._x, "y": self._y}, colors=["#0969da"],
            default_size=150, enable_move=True, restrict_x=True, update_on_move=False,
            marker="circle", stroke="white", preserve_domain={"x": True, "y": True},
        )  # fmt: skip
        self._x_axis = plots.make_axis(self._x, "")
        self._y_axis = plots.make_axis(self._y, "", vertical=True)
        self.figure = plots.make_figure("230px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._histogram, self._curve, self._points]

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh(self) -> None:
        calibration, maps = self.calibration, self.session.state.maps
        there = calibration is not None and maps is not None
        self.figure.layout.visibility = "visible" if there else "hidden"
        if calibration is None or maps is None:
            return
        values, compositions = (np.array(part, float) for part in calibration.points())
        shown = self._draw_histogram(maps, calibration.variable)
        low, high = self._span(values)
        plots.set_axis(self._x_axis, low, high, 4)
        units = str(shown.attrs.get("units", "1"))
        words = calibration.variable.replace("_", " ").capitalize()
        self._x_axis.label = words if units in ("", "1") else f"{words} ({units})"
        self._y_axis.label = COMPOSITION_WORDS[calibration.kind]
        bottom, top = plots.padded([compositions], 0.14)
        plots.set_axis(self._y_axis, bottom, top, 5)
        at = np.linspace(low, high, _CURVE_POINTS)
        curve = np.asarray(calibration.apply(at, np.zeros_like(at))[0])
        # Only what lies within the frame: a steep line would be drawn over the axes.
        set_points(self._curve, at, np.where((curve >= bottom) & (curve <= top), curve, np.nan))
        if not (np.array_equal(self._points.x, values)):
            with self._points.hold_sync():
                self._points.x, self._points.y = values, compositions
        self._refresh_fields(values, compositions, _SHORT.get(calibration.kind, ""))
        done = self.session.state.calibration is not None
        words = "Drag the points along the axis" + ("" if done else ", or press Calibrate")
        self._words.value = f'<div class="socwidgets-note">{words}.</div>'

    def _draw_histogram(self, maps: xr.Dataset, variable: str) -> xr.DataArray:
        shown = maps[variable]
        if self._kept[0] is not maps or self._kept[1] != variable:
            self._kept = (maps, variable)
            # A value beyond the last calibration's range is one to be seen here.
            bins = bins_of(shown, np.isfinite(shown.values))
            share = bins.share()
            set_points(self._histogram, *bins.steps(share / max(float(share.max()), 1e-9) * 0.92))
            self._edges = float(bins.edges[0]), float(bins.edges[-1])
        return shown

    def _span(self, values: np.ndarray) -> tuple[float, float]:
        """The histogram and all points, with room to drag them further out."""
        low, high = min(self._edges[0], values.min()), max(self._edges[1], values.max())
        shown = (self._x.min, self._x.max)
        if None not in shown and shown[0] < low and shown[1] > high:
            # An axis that moves with every step of a drag would lead it astray.
            return float(shown[0]), float(shown[1])
        pad = 0.15 * (high - low)
        return float(low - pad), float(high + pad)

    def _refresh_fields(self, values: np.ndarray, at: np.ndarray, short: str) -> None:
        if len(self.fields) != values.size:
            for field in self.fields:
                field.close()
            self.fields = [self._field(i) for i in range(values.size)]
            # A panel has a button of its own.
            self._row.children = (*self.fields, *([self.apply] if self._framed else []))
        for field, value, composition in zip(self.fields, values, at, strict=True):
            field.description = f"{short} {composition:g}".strip()
            field.value = round(float(value), 4)

    def _field(self, index: int) -> ipywidgets.FloatText:
        field = ipywidgets.FloatText(
            step=0.05, tooltip="Value of the quantity at this composition, in the unit of the axis",
            layout={"width": "156px"}, style={"description_width": "50px"},
        )  # fmt: skip
        self.on_user(field, lambda value: self._move(index, value, moving=False))
        return field

    # -- what a person does --------------------------------------------------------------------

    def _dragged(self, found: dict[str, Any], *, moving: bool) -> None:
        now = time.monotonic()
        if moving and now - self._last < LIVE_S:
            return
        self._last = now
        self._move(int(found["index"]), float(found["point"]["x"]), moving=moving)

    def _move(self, index: int, value: float, *, moving: bool) -> None:
        calibration = self.calibration
        if calibration is None:
            return
        try:
            moved = with_point(calibration, index, value)
        except ParameterError:
            if moving:
                return  # on its way past another point
            self.session.end_preview()
            self._points.x = np.zeros(0)
            with self._refreshing, self.quiet:
                self._refresh()
            raise
        self._set(moved, moving=moving)

    def _set(self, calibration: Any, *, moving: bool) -> None:
        if calibration is not None:
            self.session.set_calibration(calibration, moving=moving)
