"""A series of states: a slider with playback, and the paths of the particles through the states."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.model.names import axis_label
from socwidgets.session import Session
from socwidgets.session.trajectories import state_words, trajectories
from socwidgets.widgets import plots
from socwidgets.widgets.data_view import DataView, row, unchanged
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.scatter_marks import MARK, POINT
from socwidgets.widgets.sources import Source, series_session

#: More paths than this would be a carpet: the largest particles are drawn.
MOST_PATHS = 60
_PATH = "#8fa3b8"
#: States without a coordinate have a tick each, up to this many.
_MOST_NUMBERS = 12


class SeriesView(DataView):
    """Slider over the states of a series, playback, and how particles change.

    Moving the slider replaces the maps of the session, so every other view follows.

    Parameters
    ----------
    source : Session or Dataset
        A session with a series (`Session.set_series`), or a map set with one dim beside ``(y, x)``:
        states, times, temperatures.
    labels : DataArray, optional
        ``(y, x)`` integer; the same particles in every state.
    framed : bool
        See `DataView`.

    Attributes
    ----------
    paths : xarray.Dataset or None
        What the plot shows, see `socwidgets.session.trajectories.trajectories`.
    """

    title = "Series of states"

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, framed: bool = True
    ) -> None:
        owned = not isinstance(source, Session)
        super().__init__(series_session(source, labels), framed=framed, owned=owned)
        self.add_class("socwidgets-series")
        self.paths: xr.Dataset | None = None
        self._kept: tuple[Any, ...] = ()
        self._make_plot()
        self._make_controls()
        self.arrange(
            [row(self.play, self.state, self.name), self.figure, self._legend]
        )  # fmt: skip
        self.follow(self._refresh_states, "series")
        self.follow(self._refresh_paths, "series", "labels", "map_name")
        self.follow(self._refresh_choice, "particle", "series", "labels", "map_name")
        self.follow(self._refresh_state, "state_index", "series")
        self.on_user(self.state, self.session.set_state)

    def _make_plot(self) -> None:
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale()
        self._many = plots.make_lines(
            self._x, self._y, colors=[_PATH], stroke_width=1.0, opacities=[0.55]
        )
        self._band = plots.make_lines(
            self._x, self._y, fill="between", opacities=[0, 0], stroke_width=0.0,
            colors=[POINT] * 2, fill_colors=[POINT], fill_opacities=[0.16],
        )  # fmt: skip
        self._mean = plots.make_lines(self._x, self._y, colors=[POINT], stroke_width=2.6)
        self._one = plots.make_lines(
            self._x, self._y, colors=[MARK], stroke_width=2.4, marker="circle", marker_size=36
        )
        self._cursor = plots.make_cursor(self._x)
        self._x_axis = plots.make_axis(self._x, "")
        self._y_axis = plots.make_axis(self._y, "", vertical=True)
        self.figure = plots.make_figure("280px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._band, self._many, self._mean, self._one, self._cursor]

    def _make_controls(self) -> None:
        self.state = ipywidgets.IntSlider(
            min=0, max=0, description="State", readout=False, style={"description_width": "44px"},
            layout={"flex": "1 1 280px", "min_width": "220px"},
            tooltip="The state that every view shows",
        )  # fmt: skip
        self.play = ipywidgets.Play(
            min=0, max=0, interval=700, description="Play the states",
            layout={"width": "auto"}, tooltip="Play the states one after the other",
        )  # fmt: skip
        # In the browser: playback does not need an answer of the kernel for its own slider.
        self._link = ipywidgets.jslink((self.play, "value"), (self.state, "value"))
        self.name = ipywidgets.HTML(layout={"min_width": "110px"})
        self._legend = ipywidgets.HTML()

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_states(self) -> None:
        series = self.session.state.series
        last = 0 if series is None else series.size - 1
        self.play.max = self.state.max = last
        self.play.disabled = self.state.disabled = last == 0

    def _refresh_state(self) -> None:
        state = self.session.state
        if state.series is None:
            self.name.value = '<span class="socwidgets-note">No series</span>'
            return
        self.state.value = state.state_index
        words = state_words(state.series)[state.state_index]
        self.name.value = (
            f'<span role="status" class="socwidgets-numbers"><span><b>{words}</b> '
            f"({state.state_index + 1} of {state.series.size})</span></span>"
        )
        at = self._positions()[state.state_index]
        set_points(self._cursor, np.array([at, at]), np.array([0.0, 1.0]))

    def _positions(self) -> np.ndarray:
        series = self.session.state.series
        if series is None:
            return np.zeros(0)
        if _has_numbers(series.maps, series.dim):
            return series.maps[series.dim].values.astype(float)
        return np.arange(1.0, series.size + 1)

    def _refresh_paths(self) -> None:
        state, name = self.session.state, self.session.quantity
        key = (state.series, state.labels, name)
        if unchanged(self._kept, key):
            return
        self._kept = key
        if state.series is None or name is None:
            self.paths = None
            return
        self.paths = found = trajectories(state.series, name, state.labels)
        at = self._positions()
        self._x_axis.label = _axis_words(state.series.maps, state.series.dim)
        self._y_axis.label = axis_label(state.series.maps[name])
        span = float(at.max() - at.min()) or 1.0
        plots.set_axis(self._x_axis, at.min() - 0.02 * span, at.max() + 0.02 * span, 8)
        if not _has_numbers(state.series.maps, state.series.dim) and at.size <= _MOST_NUMBERS:
            self._x_axis.tick_format, self._x_axis.tick_values = ".0f", at
        set_points(self._band, at, np.stack([found["low"].values, found["high"].values]))
        set_points(self._mean, at, found["mean"].values)
        ranges = [found["low"].values, found["high"].values]
        many = np.zeros((0, at.size))
        if "particle_mean" in found:
            many = found["particle_mean"].values[:MOST_PATHS]
            ranges.append(many)
        x, y = _one_line(at, many)
        set_points(self._many, x, y, gaps=True)
        plots.set_axis(self._y_axis, *plots.padded(ranges), 5)

    def _refresh_choice(self) -> None:
        found, particle = self.paths, self.session.state.particle
        entries = [
            LegendEntry("mean of all pixels", POINT, strong=True),
            LegendEntry("5th to 95th percentile of the pixels", POINT, "band"),
        ]
        if found is not None and "particle_mean" in found:
            count = found.sizes["label"]
            words = (
                f"{count} particles"
                if count <= MOST_PATHS
                else f"{MOST_PATHS} largest of {count} particles"
            )
            entries.append(LegendEntry(words, _PATH))
        chosen = None
        if found is not None and "label" in found.coords and particle in found["label"].values:
            chosen = found["particle_mean"].sel(label=particle).values
        if chosen is None:
            set_points(self._one, np.zeros(0), np.zeros(0))
        else:
            set_points(self._one, self._positions(), chosen)
            entries.append(LegendEntry(f"particle {particle}", MARK, strong=True))
        self._legend.value = plots.legend_html(entries)

    def close(self) -> None:
        """Forget the session and close every model of the view."""
        link = self.__dict__.get("_link")
        if link is not None:
            link.close()
        super().close()


def _one_line(x: np.ndarray, many: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Many paths as one line with gaps: one mark in the browser instead of sixty."""
    if not many.size:
        return np.zeros(0), np.zeros(0)
    gap = np.full((many.shape[0], 1), np.nan)
    y = np.concatenate([many, gap], axis=1).ravel()
    return np.tile(np.append(x, x[-1]), many.shape[0]), y


def _has_numbers(maps: xr.Dataset, dim: str) -> bool:
    return dim in maps.coords and maps[dim].dtype.kind in "iuf"


def _axis_words(maps: xr.Dataset, dim: str) -> str:
    if _has_numbers(maps, dim):
        return axis_label(maps[dim])
    return f"{dim.replace('_', ' ').capitalize()} (number)"
