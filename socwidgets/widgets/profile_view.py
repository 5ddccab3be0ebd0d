"""Profiles of the map: along a line, over the distance from a particle's surface, over depth."""

from __future__ import annotations

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.names import X, Y, axis_label
from socwidgets.session.profiles import LINE, ROW_DEPTH, SURFACE, Profile, profile_of
from socwidgets.widgets import plots
from socwidgets.widgets.data_view import DataView, row
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.profile_map import ProfileMap
from socwidgets.widgets.sources import Source

_COLOR = plots.BLUE
_KINDS = (("Along a line", LINE), ("From the surface", SURFACE), ("Over depth", ROW_DEPTH))
_FIELD = {"width": "124px"}
_SHORT = {"description_width": "44px"}


class ProfileView(DataView):
    """Mean of the shown map along a line, over the distance from the surface, or over depth.

    The band is one standard deviation of the pixels; the bars are the uncertainty of the mean that
    the noise gives it, where the map has a sigma. The position slider marks the pixel under it on
    the map, and a pixel that is chosen on the map marks its place here.

    Parameters
    ----------
    source, labels, framed
        See `DataView`.

    Attributes
    ----------
    profile : Profile or None
        What is shown.
    """

    title = "Profile"

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, framed: bool = True
    ) -> None:
        super().__init__(source, labels, framed=framed)
        self.add_class("socwidgets-profile")
        self.profile: Profile | None = None
        self._make_plot()
        self._make_controls()
        plot = ipywidgets.VBox(
            [self.figure, self._legend], layout={"flex": "3 1 420px", "min_width": "300px"}
        )
        self.map = ProfileMap(self.session)
        beside = ipywidgets.VBox([self.map], layout={"flex": "1 1 280px", "min_width": "260px"})
        self.arrange(
            [row(self.kind, self.axis, self.bins), self._ends,
             row(beside, plot, align_items="flex-start"), row(self.position, self.here)]
        )  # fmt: skip
        self.follow(self._refresh_ends, "line", "stack")
        self.follow(
            self._refresh, "line", "maps", "map_name", "show_frame", "energy_index", "stack",
            "labels", "particle",
        )  # fmt: skip
        self.follow(self._refresh_cursor, "pixel")
        self.follow(self._refresh_line, "line", "pixel", "stack")
        self.follow(
            self.map.refresh_values, "maps", "map_name", "show_frame", "energy_index", "stack",
            "limits", "cmap",
        )  # fmt: skip
        self.follow(
            self.map.refresh_highlight, "brush", "box", "particle", "labels", "selected", "maps",
            "map_name", "show_frame", "energy_index", "stack",
        )  # fmt: skip
        self.map.on_event(self.guard(self.map.take))
        self._listen()

    def _make_plot(self) -> None:
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale()
        self._band = plots.make_lines(
            self._x, self._y, fill="between", opacities=[0, 0], stroke_width=0.0,
            colors=[_COLOR] * 2, fill_colors=[_COLOR], fill_opacities=[0.18],
        )  # fmt: skip
        self._line = plots.make_lines(self._x, self._y, colors=[_COLOR], stroke_width=2.0)
        self._error = plots.make_lines(
            self._x, self._y, colors=[_COLOR] * 2, stroke_width=1.0, line_style="dashed"
        )
        self._cursor = plots.make_cursor(self._x)
        self._x_axis = plots.make_axis(self._x, "")
        self._y_axis = plots.make_axis(self._y, "", vertical=True)
        self.figure = plots.make_figure("280px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._band, self._error, self._line, self._cursor]

    def _make_controls(self) -> None:
        self.kind = ipywidgets.ToggleButtons(
            options=_KINDS, style={"button_width": "136px"}, layout={"width": "auto"},
            tooltips=["Mean across a line", "Mean of the pixels at the same depth in a particle",
                      "Mean of each row or column of the image"],
        )  # fmt: skip
        self.axis = ipywidgets.Dropdown(
            options=[("rows (along y)", Y), ("columns (along x)", X)], description="Over",
            layout={"width": "190px"}, style=_SHORT, tooltip="Direction of the depth",
        )  # fmt: skip
        self.bins = ipywidgets.BoundedIntText(
            value=20, min=2, max=200, description="Bins", layout=_FIELD, style=_SHORT,
            tooltip="Number of bins, each of as many pixels", continuous_update=False,
        )  # fmt: skip
        self.ends = [
            ipywidgets.FloatText(
                description=f"{words} (µm)", continuous_update=False, layout=_FIELD, step=0.1,
                style={"description_width": "52px"}, tooltip=f"{words} of the line's {end}, in µm",
            )
            for words, end in (("x₀", "start"), ("y₀", "start"), ("x₁", "end"), ("y₁", "end"))
        ]  # fmt: skip
        self.width = ipywidgets.BoundedFloatText(
            value=0.0, min=0.0, max=1e6, step=0.1, description="Width (µm)",
            continuous_update=False, layout={"width": "160px"}, style={"description_width": "76px"},
            tooltip="Width of the band across the line that is averaged, in µm",
        )  # fmt: skip
        self._ends = row(*self.ends, self.width)
        self.position = ipywidgets.FloatSlider(
            min=0.0, max=1.0, step=0.01, description="Position (µm)", readout=True,
            layout={"flex": "1 1 260px", "min_width": "220px"}, style={"description_width": "92px"},
            tooltip="Place along the line, in µm; marks its pixel on the map",
        )  # fmt: skip
        self.here = ipywidgets.HTML()
        self._legend = ipywidgets.HTML()

    def _listen(self) -> None:
        for control in (self.kind, self.axis, self.bins, self.width):
            self.on_user(control, lambda _v: self._chose())
        for end in self.ends:
            self.on_user(end, lambda _v: self._typed())
        self.on_user(self.position, self._moved)

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_ends(self) -> None:
        line = self.session.state.line
        for control, value in zip(
            self.ends, line or default_line(self.session.state.stack), strict=True
        ):
            control.value = float(f"{value:.5g}")

    def _refresh(self) -> None:
        kind = self.kind.value
        self._ends.layout.display = "flex" if kind == LINE else "none"
        self.position.layout.display = self.here.layout.display = self._ends.layout.display
        self.axis.layout.display = "flex" if kind == ROW_DEPTH else "none"
        self.bins.layout.display = "flex" if kind == SURFACE else "none"
        line = self.session.state.line or default_line(self.session.state.stack)
        try:
            self.profile = profile_of(
                self.session, kind, line=line, width_um=self.width.value, bins=self.bins.value,
                axis=self.axis.value,
            )  # fmt: skip
        except SocwidgetsError as error:
            self.profile = None
            self._clear(str(error.problem))
            return
        self._draw(self.profile)
        self._refresh_cursor()

    def _draw(self, found: Profile) -> None:
        at, mean = found.table["distance"].values, found.table["mean"].values
        sd, sem = found.table["sd"].values, found.table["sem"].values
        spread = np.where(found.table["count"].values > 1, sd, np.nan)
        set_points(self._band, at, np.stack([mean - spread, mean + spread]), gaps=True)
        set_points(self._line, at, mean, gaps=True)
        set_points(self._error, at, np.stack([mean - sem, mean + sem]), gaps=True)
        self._x_axis.label = found.words
        self._y_axis.label = axis_label(self.session.displayed())
        plots.set_axis(
            self._x_axis, float(at.min()), max(float(at.max()), float(at.min()) + 1e-9), 6
        )
        ranges = [mean - np.nan_to_num(sd), mean + np.nan_to_num(sd), mean - sem, mean + sem]
        plots.set_axis(self._y_axis, *plots.padded(ranges), 5)
        entries = [LegendEntry(f"mean of {found.subject}", _COLOR, strong=True)]
        if np.isfinite(spread).any():
            entries.append(LegendEntry("± sd of the pixels", _COLOR, "band"))
        if np.isfinite(sem).any():
            entries.append(LegendEntry("± σ of the mean, from the noise", _COLOR, "dashed"))
        self._legend.value = plots.legend_html(entries, found.note)

    def _clear(self, problem: str) -> None:
        for mark in (self._band, self._line, self._error, self._cursor):
            set_points(mark, np.zeros(0), np.zeros(0))
        self._legend.value = plots.legend_html([], problem)

    def _refresh_cursor(self) -> None:
        """Mark the place of the chosen pixel on the profile along the line."""
        pixel, found = self.session.state.pixel, self.profile
        if found is None or found.kind != LINE:
            set_points(self._cursor, np.zeros(0), np.zeros(0))
            return
        table = found.table
        length = float(table["distance"][-1])
        self.position.max, self.position.step = length, max(length / 200, 1e-6)
        if pixel is None:
            set_points(self._cursor, np.zeros(0), np.zeros(0))
            self.here.value = ""
            return
        stack = self.session.state.stack
        x, y = float(stack[X][pixel[1]]), float(stack[Y][pixel[0]])
        nearest = int(np.argmin(np.hypot(table["x_um"].values - x, table["y_um"].values - y)))
        at = float(table["distance"][nearest])
        set_points(self._cursor, np.array([at, at]), np.array([0.0, 1.0]))
        if abs(self.position.value - at) > self.position.step:
            self.position.value = at
        value = float(table["mean"][nearest])
        text = "no value" if np.isnan(value) else f"{value:.4g}"
        self.here.value = (
            f'<div class="socwidgets-numbers" role="status"><span>at <b>{at:.3g} µm</b>: '
            f"<b>{text}</b></span></div>"
        )

    def _refresh_line(self) -> None:
        line = self.session.state.line or default_line(self.session.state.stack)
        self.map.refresh_line(line if self.kind.value == LINE else None)

    # -- what a person does --------------------------------------------------------------------

    def _chose(self) -> None:
        with self._refreshing, self.quiet:
            self._refresh()
            self._refresh_line()

    def _typed(self) -> None:
        x0, y0, x1, y1 = (end.value for end in self.ends)
        self.session.set_line((x0, y0, x1, y1))

    def _moved(self, at: float) -> None:
        if self.profile is None or self.profile.kind != LINE:
            return
        table = self.profile.table
        nearest = int(np.argmin(np.abs(table["distance"].values - at)))
        self.session.select_pixel(float(table["x_um"][nearest]), float(table["y_um"][nearest]))


def default_line(stack: xr.Dataset) -> tuple[float, float, float, float]:
    """Line from left to right through the middle of the image, um."""
    x, y = stack[X].values, stack[Y].values
    middle = float(y[len(y) // 2])
    return float(x.min()), middle, float(x.max()), middle
