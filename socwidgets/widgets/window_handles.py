"""Handles on the spectrum: the window of the fit and the energy, dragged with the mouse.

The same is done by the fields of the fit and the energy slider, which need no drag.
"""

from __future__ import annotations

import time
from typing import Any

import bqplot
import numpy as np

from socwidgets.session import Session
from socwidgets.session.fitting import can_fit
from socwidgets.session.windows import Window
from socwidgets.widgets import plots
from socwidgets.widgets.safe import Guard

#: Shortest time between two coarse fits of one drag, s.
LIVE_S = 0.08
#: Heights of the handles, as shares of the plot.
_WINDOW_AT, _NAME_AT, _ENERGY_AT = 0.97, 0.94, 0.03
#: Windows that a method has at most.
_MOST = 3
_WINDOW_COLOR = "#0969da"


class WindowHandles:
    """Two triangles at the ends of each window of the fit, one at the energy cursor.

    Parameters
    ----------
    session : Session
        What they change.
    x, unit : bqplot.Scale
        The energy axis, and a scale from 0 to 1 over the height.
    guard : Guard
        Wraps the callbacks.
    """

    def __init__(self, session: Session, x: bqplot.Scale, unit: bqplot.Scale, guard: Guard) -> None:
        self.session = session
        self._last = 0.0
        self._shown: tuple[Window, ...] = ()
        self.window = self._handles(x, unit, "triangle-down", _WINDOW_COLOR)
        self.energy = self._handles(x, unit, "triangle-up", plots.CURSOR)
        self.names = bqplot.Label(
            x=np.zeros(0), y=np.zeros(0), text=[], scales={"x": x, "y": unit}, align="middle",
            default_size=12, font_weight="normal", colors=[plots.FIT],
        )  # fmt: skip
        self.edges = [
            plots.make_lines(
                x, unit, colors=[_WINDOW_COLOR], stroke_width=1.2, line_style="dash_dotted"
            )
            for _ in range(2 * _MOST)
        ]
        self.window.on_drag(guard(lambda _m, found: self._slid(found, moving=True)))
        self.window.on_drag_end(guard(lambda _m, found: self._slid(found, moving=False)))
        self.energy.on_drag(guard(lambda _m, found: self._moved(found)))
        self.energy.on_drag_end(guard(lambda _m, found: self._moved(found)))

    @property
    def marks(self) -> list[bqplot.Mark]:
        """Marks of the figure, below to above."""
        return [*self.edges, self.names, self.window, self.energy]

    def _handles(self, x: bqplot.Scale, unit: bqplot.Scale, marker: str, color: str) -> Any:
        return bqplot.Scatter(
            x=np.zeros(0), y=np.zeros(0), scales={"x": x, "y": unit}, marker=marker, colors=[color],
            default_size=130, enable_move=True, restrict_x=True, update_on_move=False,
            stroke="white", preserve_domain={"x": True, "y": True},
        )  # fmt: skip

    def refresh(self) -> None:
        """Put the handles where the session says."""
        state = self.session.state
        self._shown = self.session.windows()[:_MOST] if can_fit(state) else ()
        ends = np.array([end for w in self._shown for end in (w.low, w.high)])
        _put(self.window, ends, np.full(ends.size, _WINDOW_AT))
        for i, mark in enumerate(self.edges):
            at = ends[i : i + 1].repeat(2)
            plots.set_points(mark, at, np.array([0.0, 1.0])[: at.size])
        # The one window of most methods needs no name.
        named = self._shown if len(self._shown) > 1 else ()
        words = [w.name for w in named]
        if list(self.names.text) != words or len(words):
            with self.names.hold_sync():
                self.names.x = np.array([(w.low + w.high) / 2 for w in named])
                self.names.y = np.full(len(named), _NAME_AT)
                self.names.text = words
        cursor = float(self.session.energies[state.energy_index])
        _put(self.energy, np.array([cursor]), np.array([_ENERGY_AT]))

    def _slid(self, found: dict[str, Any], *, moving: bool) -> None:
        which, end = divmod(int(found["index"]), 2)
        if which >= len(self._shown):
            return
        now = time.monotonic()
        if moving and now - self._last < LIVE_S:
            return
        self._last = now
        window, at = self._shown[which], float(found["point"]["x"])
        ends = (at, window.high) if end == 0 else (window.low, at)
        if not self._allowed(window, ends):
            if not moving:
                # Where the last preview left it: a fit of all pixels belongs to that.
                self.session.set_window(window.low, window.high, name=window.name)
            self.refresh_soon()
            return
        self.session.set_window(*ends, name=window.name, moving=moving)

    def _allowed(self, window: Window, ends: tuple[float, float]) -> bool:
        """Handles do not pass each other: there must be points between them to fit."""
        inside = np.count_nonzero(
            (self.session.energies.values >= ends[0]) & (self.session.energies.values <= ends[1])
        )
        others = [w for w in self._shown if w.name in ("pre-edge", "post-edge") and w != window]
        crosses = window.name in ("pre-edge", "post-edge") and any(
            ends[0] < other.high and other.low < ends[1] for other in others
        )
        return bool(inside >= (4 if window.name == "fit" else 2)) and not crosses

    def _moved(self, found: dict[str, Any]) -> None:
        energies = self.session.energies.values
        self.session.set_energy(int(np.abs(energies - float(found["point"]["x"])).argmin()))

    def refresh_soon(self) -> None:
        """Put the handles back, also if the session has not changed."""
        for mark in (self.window, self.energy):
            mark.x = np.zeros(0)
        self.refresh()


def _put(mark: bqplot.Scatter, x: np.ndarray, y: np.ndarray) -> None:
    if np.array_equal(mark.x, x):
        return
    with mark.hold_sync():
        mark.x, mark.y = x, y
