"""What registration did: the drift of every frame, and the frames before and after it."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.model.names import SIGNAL, X, Y, axis_label, spectral_dim
from socwidgets.session import Session
from socwidgets.widgets import plots
from socwidgets.widgets.data_view import DataView, row, unchanged
from socwidgets.widgets.map_view import MapView
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.sources import stack_session

BEFORE, AFTER, BLINK = "before", "after", "blink"
_DX, _DY, _DOUBT = plots.BLUE, plots.ORANGE, "#a1417a"


class RegistrationView(DataView):
    """Drift of every frame, and a frame that blinks between before and after.

    Parameters
    ----------
    source : Session or Dataset
        A session whose stack was registered (`Session.set_stack` with ``before``), or the stack
        that `register` returned.
    before : Dataset, optional
        The stack before; without it (and without the session's) only the drift is shown.
    framed : bool
        See `DataView`.

    Attributes
    ----------
    shown : str
        ``"before"`` or ``"after"``, what the map shows now.
    """

    title = "Registration"

    def __init__(
        self, source: Session | xr.Dataset, before: xr.Dataset | None = None, *,
        framed: bool = True,
    ) -> None:  # fmt: skip
        owned = not isinstance(source, Session)
        super().__init__(stack_session(source), framed=framed, owned=owned)
        self.add_class("socwidgets-registration")
        if before is not None:
            self.session.set_stack(self.session.state.stack, before=before)
        self.shown = AFTER
        self._kept: tuple[Any, ...] = ()
        self._limits: tuple[tuple[Any, ...], tuple[float, float]] = ((), (0.0, 1.0))
        self._make_plot()
        self._make_controls()
        half = {"flex": "1 1 380px", "min_width": "300px"}
        left, right = (
            ipywidgets.VBox(part, layout=half)
            for part in (
                [self.figure, self._legend, self.frame],
                [row(self.mode, self.play, self.now), self.map],
            )
        )
        self.arrange([self.words, row(left, right, align_items="flex-start", grid_gap="6px 18px")])
        self.follow(self._refresh_drift, "stack")
        self.follow(self._refresh_frame, "stack", "before", "energy_index")
        self.on_user(self.mode, self._chose)
        self.on_user(self.play, self._ticked)
        self.on_user(self.frame, self.session.set_energy)

    def _make_plot(self) -> None:
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale()
        look = {"stroke_width": 1.8, "marker": "circle", "marker_size": 18}
        self._dx = plots.make_lines(self._x, self._y, colors=[_DX], **look)
        self._dy = plots.make_lines(self._x, self._y, colors=[_DY], line_style="dashed", **look)
        self._doubt = bqplot.Scatter(
            x=np.zeros(0), y=np.zeros(0), scales={"x": self._x, "y": self._y}, colors=[_DOUBT],
            marker="cross", default_size=90,
        )  # fmt: skip
        self._cursor = plots.make_cursor(self._x)
        self._x_axis = plots.make_axis(self._x, "")
        self._y_axis = plots.make_axis(self._y, "Drift (px)", vertical=True)
        self.figure = plots.make_figure("280px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._dx, self._dy, self._doubt, self._cursor]

    def _make_controls(self) -> None:
        self.mode = ipywidgets.ToggleButtons(
            options=[("Before", BEFORE), ("After", AFTER), ("Blink", BLINK)], value=AFTER,
            style={"button_width": "72px"}, layout={"width": "auto"},
            tooltips=["The frame as it was", "The frame as it is now", "Both in turns"],
        )  # fmt: skip
        self.play = ipywidgets.Play(
            min=0, max=1, repeat=True, interval=600, layout={"display": "none"},
            tooltip="Blink between before and after",
        )  # fmt: skip
        self.frame = ipywidgets.IntSlider(
            min=0, max=0, description="Frame", style={"description_width": "46px"},
            layout={"width": "100%"}, tooltip="Which frame is shown",
        )  # fmt: skip
        self.map = MapView(height=340, layout={"width": "100%", "min_width": "0"})
        self.map.add_class("socwidgets-plain-map")
        self.words, self.now, self._legend = (ipywidgets.HTML() for _ in range(3))

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_drift(self) -> None:
        stack = self.session.state.stack
        energies = self.session.energies
        plots.set_axis(self._x_axis, float(energies[0]), float(energies[-1]), 6)
        self._x_axis.label = axis_label(energies)
        self.frame.max = energies.size - 1
        known = {"dx", "dy"} <= set(stack.variables)
        for mark, name in ((self._dx, "dx"), (self._dy, "dy")):
            values = stack[name].values if known else np.zeros(0)
            set_points(mark, energies.values if known else np.zeros(0), values)
        if not known:
            set_points(self._doubt, np.zeros(0), np.zeros(0))
            self.words.value = _note("This stack carries no drift: register it first.")
            self._legend.value = ""
            return
        both = np.stack([stack["dx"].values, stack["dy"].values])
        low, high = plots.padded([both, np.array([-0.2, 0.2])])
        plots.set_axis(self._y_axis, low, high, 5)
        doubt = stack["replaced"].values.astype(bool) if "replaced" in stack else np.zeros(0, bool)
        at = energies.values[doubt] if doubt.size else np.zeros(0)
        set_points(self._doubt, at, both[0][doubt] if doubt.size else np.zeros(0))
        entries = [LegendEntry("along x", _DX), LegendEntry("along y", _DY, "dashed")]
        if doubt.any():
            entries.append(
                LegendEntry(f"✕ {int(doubt.sum())} frames took their neighbors' drift", _DOUBT)
            )
        self._legend.value = plots.legend_html(entries)
        rms = f"drift of {float(np.sqrt((both**2).sum(0).mean())):.2f} px (root mean square)"
        said = str(stack.attrs.get("registration", "")) or rms
        largest = float(np.hypot(*both).max())
        self.words.value = _note(f"{said[:1].upper()}{said[1:]}; at most {largest:.2f} px.")

    def _refresh_frame(self) -> None:
        state, energies = self.session.state, self.session.energies
        self.frame.value = state.energy_index
        at = float(energies[state.energy_index])
        set_points(self._cursor, np.array([at, at]), np.array([0.0, 1.0]))
        self.mode.disabled = state.before is None
        if state.before is None:
            self.shown = AFTER
        self._show()

    def _show(self) -> None:
        state, energies = self.session.state, self.session.energies
        source = state.before if self.shown == BEFORE and state.before is not None else state.stack
        key = (source, state.energy_index)
        if not unchanged(self._kept, key):
            dim = spectral_dim(source[SIGNAL])
            frame = source[SIGNAL].isel({dim: state.energy_index}, drop=True).transpose(Y, X)
            title = plots.signal_words(source)
            self.map.set_map(
                frame.compute().assign_attrs(long_name=title, units="1"), clim=self._common_limits()
            )
            self._kept = key
        units = str(energies.attrs.get("units", ""))
        words = "Before registration" if self.shown == BEFORE else "After registration"
        text = f"{words}, frame at {float(energies[state.energy_index]):.2f} {units}"
        self.now.value = f'<div class="socwidgets-now" role="status">{text}</div>'

    def _common_limits(self) -> tuple[float, float]:
        """Limits of the frame after, used for both: a blink must not change the colors."""
        state = self.session.state
        key = (state.stack, state.energy_index)
        if not unchanged(self._limits[0], key):
            dim = spectral_dim(state.stack[SIGNAL])
            values = state.stack[SIGNAL].isel({dim: state.energy_index}).values
            finite = values[np.isfinite(values)]
            low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
            self._limits = (key, (float(low), float(high) if high > low else float(low) + 1.0))
        return self._limits[1]

    # -- what a person does --------------------------------------------------------------------

    def _chose(self, mode: str) -> None:
        blinking = mode == BLINK
        self.play.layout.display = "flex" if blinking else "none"
        self.play.playing = blinking
        if not blinking:
            self.shown = mode
            self._redraw()

    def _ticked(self, tick: int) -> None:
        if self.mode.value == BLINK:
            self.shown = AFTER if tick else BEFORE
            self._redraw()

    def _redraw(self) -> None:
        with self._refreshing, self.quiet:
            self._show()


def _note(text: str) -> str:
    return f'<div class="socwidgets-note">{text}</div>'
